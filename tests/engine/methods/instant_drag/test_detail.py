"""Detail transfer: where only motion happened, a photo keeps its sharpness; elsewhere the network counts."""

import cv2
import numpy as np
import pytest

from engine.diffusion.frame import Frame
from engine.flow import Flow
from engine.methods.instant_drag.detail import Moved, motion, move, transfer

SIZE = (1200, 900)  # of the crop; the network sees 512 × 384
NONE = np.zeros((0, 2))


@pytest.fixture(scope="module")
def photo():
    """Texture at every scale, sharp at the finest."""
    random = np.random.default_rng(0)
    out = np.zeros((SIZE[1], SIZE[0], 3), np.float32)
    for octave in range(3, 11):
        rough = random.standard_normal((2**octave, 2**octave, 3)).astype(np.float32)
        out += cv2.resize(rough, SIZE, interpolation=cv2.INTER_CUBIC) / 1.5**octave
    out = (out - out.min()) / np.ptp(out) * 255
    return np.dstack([out.astype(np.uint8), np.full(SIZE[::-1], 255, np.uint8)])


@pytest.fixture(scope="module")
def frame():
    return Frame.of(SIZE, 512, 64)


def shifted(frame, x, y, side=512):
    """The dense flow of a translation by (x, y) pixels of the crop, as FlowGen would answer."""
    dense = np.empty((256, 256, 2), np.float32)
    dense[:] = frame.inside(np.array([[x, y]]))[0]
    return motion(dense, frame, side)


def as_seen(image, frame, blur=1.2):
    """What an autoencoder gives back: softer, and with a little noise."""
    seen = cv2.GaussianBlur(frame.shrink(image), (0, 0), blur)
    noise = np.random.default_rng(1).normal(0, 2, seen.shape)
    return np.clip(seen + noise, 0, 255).astype(np.uint8)


def sharpness(image):
    """Mean gradient energy away from the border."""
    grey = image[100:-100, 100:-100, :3].astype(np.float64).mean(-1)
    return np.square(np.diff(grey, axis=0)).mean() + np.square(np.diff(grey, axis=1)).mean()


@pytest.mark.parametrize("by", [(40, -16), (7.37, 3.71), (0.5, 0.5), (-60.25, 30.5)], ids=str)
def test_a_translation_keeps_the_sharpness(photo, frame, by):
    moved = move(photo, shifted(frame, *by), NONE)
    answer = as_seen(moved.filled(), frame)
    out = transfer(moved, answer, frame)
    assert sharpness(out) >= 0.9 * sharpness(photo)
    upsampled = frame.enlarge(answer)
    assert sharpness(upsampled) < 0.5 * sharpness(photo)  # which is what the network alone would give


def test_a_whole_translation_moves_pixels_as_they_are(photo, frame):
    moved = move(photo, shifted(frame, 32, 12), NONE)
    out = transfer(moved, as_seen(moved.filled(), frame), frame)
    inner = out[200:-200, 200:-200].astype(int)
    source = photo[188:-212, 168:-232].astype(int)
    assert np.abs(inner - source).mean() < 0.5


def test_what_the_network_invented_is_shown(photo, frame):
    moved = move(photo, shifted(frame, 20, 0), NONE)
    answer = as_seen(moved.filled(), frame)
    answer[150:230, 200:300] = (200, 30, 30)
    out = transfer(moved, answer, frame)
    x, y = (np.array([250, 190]) / frame.scale).astype(int)
    assert np.abs(out[y - 30 : y + 30, x - 30 : x + 30, :3].astype(int) - (200, 30, 30)).max() <= 6
    assert sharpness(out[:, : SIZE[0] // 3]) >= 0.9 * sharpness(moved.image[:, : SIZE[0] // 3])


def test_what_nothing_reaches_comes_from_the_network(photo, frame):
    moved = move(photo, shifted(frame, 90, 0), NONE)
    assert moved.unknown is not None
    assert (moved.unknown[:, :80] == 255).all()
    answer = as_seen(moved.filled(), frame)
    width = int(80 * frame.scale[0])
    answer[:, :width] = answer[:, :width] // 8 * 8  # hardly different, but it is all there is
    out = transfer(moved, answer, frame)
    network = frame.enlarge(answer)
    assert np.abs(out[:, :70, :3].astype(int) - network[:, :70]).max() <= 1


def test_where_nothing_moved_nothing_changes(photo, frame):
    dense = np.full((256, 256, 2), 0.05, np.float32)  # a network's idea of nothing
    dense[100:140, 100:140] = 12
    moved = move(photo, motion(dense, frame, 512), NONE)
    out = transfer(moved, as_seen(moved.filled(), frame), frame)
    assert np.array_equal(out[:100], photo[:100])
    assert np.array_equal(out[:, -300:], photo[:, -300:])


def test_handles_come_to_rest_where_the_flow_takes_them(photo, frame):
    handles = np.array([[300.0, 200.0], [1200.0, 900.0]])
    moved = move(photo, shifted(frame, 24, -9), handles)
    np.testing.assert_allclose(moved.handles, handles + np.array([24, -9]), atol=1e-4)


def test_a_dense_flow_is_read_where_it_stands(frame):
    """A flow that grows with x and y means the same displacement at the same place of the crop."""
    y, x = np.indices((256, 256), np.float32) + 0.5
    dense = np.stack([x / 16, 4 - y / 32], axis=-1)
    forward = motion(dense, frame, 512)
    points = np.array([[200.0, 300.0], [640.0, 450.0], [1000.0, 700.0]])
    at = frame.inside(points) / 2  # in cells of the flow
    expected = np.stack([at[:, 0] / 16, 4 - at[:, 1] / 32], axis=-1) / frame.scale
    np.testing.assert_allclose(forward.at(points), expected, atol=0.1)


def test_alpha_moves_with_the_colour(photo, frame):
    image = photo.copy()
    image[300:600, 400:800, 3] = 0
    moved = move(image, shifted(frame, 100, 50), NONE)
    out = transfer(moved, as_seen(photo, frame), frame)
    assert (out[360:640, 510:890, 3] == 0).all()
    assert (out[100:340, 200:900, 3] == 255).all()


def test_a_still_flow_is_no_division_by_zero(frame, photo):
    forward = motion(np.zeros((256, 256, 2), np.float32), frame, 512)
    assert isinstance(forward, Flow)
    assert np.array_equal(move(photo, forward, NONE).image, photo)


def test_a_crop_smaller_than_the_working_size():
    image = np.random.default_rng(2).integers(0, 256, (60, 80, 4)).astype(np.uint8)
    image[..., 3] = 255
    frame = Frame.of((80, 60), 512, 64)
    moved = Moved(image, None, ())
    out = transfer(moved, frame.shrink(image), frame)
    assert out.shape == image.shape
    assert np.abs(out.astype(int) - image).max() <= 1
