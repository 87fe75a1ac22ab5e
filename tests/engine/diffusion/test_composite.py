"""Compositing: what was not edited keeps its pixels, what was shows the edit, and no seam lies between."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine.diffusion.composite import composite
from engine.diffusion.frame import Frame


def blurred(colours, sigma=3):
    """A weak autoencoder."""
    return cv2.GaussianBlur(colours, (0, 0), sigma)


def edited(image, frame, place=(200, 120), radius=30):
    """The crop as a weak autoencoder shows it, before and after a disc was painted on it."""
    before = frame.shrink(image)
    after = before.copy()
    centre = frame.inside(np.array([place], float))[0]
    cv2.circle(after, np.rint(centre).astype(int).tolist(), round(radius * frame.scale[0]), (255, 0, 0), -1)
    return blurred(after), blurred(before)


@pytest.fixture
def frame():
    return Frame.of((320, 240), 256, 32)


def all_of(image):
    return np.full(image.shape[:2], 255, np.uint8)


def distance_from(place, size):
    y, x = np.mgrid[: size[1], : size[0]]
    return np.hypot(x - place[0], y - place[1])


def test_what_was_not_edited_keeps_its_very_pixels(paint, frame):
    image = paint(320, 240)
    decoded = blurred(frame.shrink(image), 8)
    assert np.array_equal(composite(image, all_of(image), decoded, decoded, frame), image)


def test_a_weak_autoencoder_blurs_nothing_but_the_edit(paint, frame):
    image = paint(320, 240)
    result = composite(image, all_of(image), *edited(image, frame), frame)
    far = distance_from((200, 120), (320, 240))
    assert np.array_equal(result[far > 80], image[far > 80])
    assert np.abs(result[far < 20, :3].astype(int) - (255, 0, 0)).max() <= 12


def test_there_is_no_seam(frame):
    """Along a line out of the edit, colours change no faster than the autoencoder's own edge does."""
    image = np.full((240, 320, 4), 255, np.uint8)
    image[..., :3] = 90
    after, before = edited(image, frame)
    line = composite(image, all_of(image), after, before, frame)[120, 200:, 0].astype(int)
    edge = frame.enlarge(after)[120, 200:, 0].astype(int)
    assert np.abs(np.diff(line)).max() <= 1.3 * np.abs(np.diff(edge)).max()


def test_what_nobody_sees_is_left(paint, frame):
    """A decoder answers slightly other latents with slightly other colours everywhere."""
    image = paint(320, 240)
    decoded = frame.shrink(image)
    noise = np.random.default_rng(0).normal(0, 2, decoded.shape)
    other = (decoded + noise).clip(0, 255).astype(np.uint8)
    assert np.array_equal(composite(image, all_of(image), other, decoded, frame), image)


def test_a_fine_edit_shows(frame):
    """A thin line moved by a few pixels."""
    image = np.full((240, 320, 4), 255, np.uint8)
    before = frame.shrink(image)
    after = before.copy()
    cv2.line(after, (60, 60), (180, 60), (120, 120, 120), 2)
    assert composite(image, all_of(image), after, before, frame)[70:80, 100:200, :3].min() < 160


def test_towards_where_nothing_may_change_the_edit_fades(frame):
    """Through the midst of the edit, over 1/64 of the longer side."""
    image = np.full((240, 320, 4), 255, np.uint8)
    after, before = edited(image, frame, (160, 120), 60)
    mask = all_of(image)
    mask[:, 160:] = 0
    line = composite(image, mask, after, before, frame)[120, :, 1].astype(int)
    assert (line[162:] == 255).all()
    assert (line[120:150] <= 10).all()
    assert (np.diff(line[145:160]) >= -1).all()
    assert np.diff(line[140:165]).max() <= 100
    assert line[157] > 60


def test_alpha_is_the_crops(paint, frame):
    image = paint(320, 240, alpha=True)
    result = composite(image, all_of(image), *edited(image, frame), frame)
    assert np.array_equal(result[..., 3], image[..., 3])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([16, 64]))
def test_any_size(width, height, side):
    frame = Frame.of((width, height), side, 8)
    random = np.random.default_rng(width)
    image = random.integers(0, 256, (height, width, 4), np.uint8)
    pictures = (random.integers(0, 256, (*frame.content[::-1], 3), np.uint8) for _ in range(2))
    assert composite(image, all_of(image), *pictures, frame).shape == image.shape


def test_a_change_of_tone_keeps_the_grain(paint, frame):
    """A slow change of light all over: colours follow it, and details stay as sharp as they were."""
    image = paint(320, 240) // 2 + 40
    image[..., 3] = 255
    before = blurred(frame.shrink(image), 4)
    light = np.linspace(0, 60, before.shape[1])[None, :, None]
    after = (before + light).clip(0, 255).astype(np.uint8)
    result = composite(image, all_of(image), after, before, frame).astype(float)
    change = (result - image)[60:-60, 200:280, :3]
    expected = np.linspace(0, 60, 320)[200:280]
    assert np.abs(change.mean((0, 2)) - expected).max() < 3
    detail = cv2.Laplacian(result[..., 0], cv2.CV_64F)[60:-60, 200:280].std()
    assert detail > 0.95 * cv2.Laplacian(image[..., 0].astype(float), cv2.CV_64F)[60:-60, 200:280].std()


def test_old_shapes_do_not_show_through_new_ones(paint, frame):
    """A detailed spot over which something plain was drawn is plain."""
    image = paint(320, 240)
    result = composite(image, all_of(image), *edited(image, frame, radius=40), frame)
    near = distance_from((200, 120), (320, 240)) < 20
    assert result[near][:, :3].astype(float).std(0).max() < 6
