"""Filling by pieces: what is repeated in the surroundings is continued, and nothing else is copied."""

import dataclasses

import cv2
import numpy as np
import pytest

from engine import fill as fill_module, patch_fill as patch_fill_module
from engine.edit import DragEdit, Point, PointPair
from engine.engine import Engine
from engine.fill import fill
from engine.lift import left_behind
from engine.patch_features import RADIUS, SIDE, described
from engine.patch_fill import patch_fill
from engine.progress import Cancelled


def opaque(*channels: np.ndarray) -> np.ndarray:
    stacked = np.stack([np.rint(np.clip(c, 0, 255)) for c in channels], axis=-1).astype(np.uint8)
    return np.dstack([stacked, np.full(stacked.shape[:2], 255, np.uint8)])


def stripes(height: int = 120, width: int = 150) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    wave = 128 + 70 * np.sin((x + 0.5 * y) * 2 * np.pi / 12)
    return opaque(wave, wave * 0.8, 255 - wave)


def chequers(height: int = 120, width: int = 150) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    field = ((x // 8 + y // 8) % 2) * 180 + 40.0
    return opaque(field, field * 0.7 + 30, 250 - field)


def horizon(height: int = 120, width: int = 150) -> np.ndarray:
    y, _ = np.mgrid[:height, :width]
    above = y < 57
    return opaque(np.where(above, 90, 60), np.where(above, 140, 120), np.where(above, 230, 40))


def disc(height: int = 120, width: int = 150, radius: int = 22) -> np.ndarray:
    gap = np.zeros((height, width), np.uint8)
    cv2.circle(gap, (width // 2, height // 2), radius, 255, -1)
    return gap


def holed(image: np.ndarray, gap: np.ndarray) -> np.ndarray:
    return np.where(gap[..., None] > 0, np.array([255, 0, 255, 255], np.uint8), image)


def error(out: np.ndarray, image: np.ndarray, gap: np.ndarray) -> float:
    return float(np.abs(out.astype(int) - image)[gap > 0].mean())


def pieced(image: np.ndarray, gap: np.ndarray) -> np.ndarray:
    out = image.copy()
    assert patch_fill(holed(image, gap), gap, gap, out)
    return out


@pytest.mark.parametrize("picture", [stripes, chequers, horizon])
def test_what_repeats_is_restored_where_push_pull_blurs(picture) -> None:
    image, gap = picture(), disc()
    out = pieced(image, gap)
    assert np.array_equal(out[gap == 0], image[gap == 0])
    blurred = fill(holed(image, gap), gap, smooth=True)
    assert error(out, image, gap) < 0.25 * error(blurred, image, gap)


@pytest.mark.parametrize("picture", [stripes, chequers])
def test_sources_found_on_a_smaller_picture_are_copied_sharply(picture, monkeypatch) -> None:
    monkeypatch.setattr(patch_fill_module, "_MOST_GAPS", 500)
    image, gap = picture(), disc()
    out = pieced(image, gap)
    assert np.array_equal(out[gap == 0], image[gap == 0])
    inside = disc(radius=18) > 0
    assert out[inside][:, 0].std() > 0.75 * image[inside][:, 0].std()


def test_strips_make_no_difference(monkeypatch) -> None:
    image, gap = stripes(), disc()
    whole = fill(image, gap)
    monkeypatch.setattr(patch_fill_module, "_STRIP", 400)
    assert np.array_equal(fill(image, gap), whole)


def test_shading_is_seamless() -> None:
    """Pieces of a slope have other colours than the place that they come to."""
    y, x = np.mgrid[:120, :150]
    image, gap = opaque(60 + x, 200 - y, 60 + 0.5 * (x + y)), disc()
    out = pieced(image, gap)
    assert error(out, image, gap) < 2
    assert np.abs(out.astype(int) - image).max() <= 12


def test_a_steep_slope_is_seamless_beside_a_sharp_thing_elsewhere() -> None:
    """Pieces from its ends, far apart in colour, meet in the middle of a large gap."""
    y, x = np.mgrid[:300, :260]
    image = opaque(x * 0.8, y * 0.7, 128 + (x - y) * 0.3)
    image[:14, :60, :3] = chequers(14, 60)[..., :3]
    gap = np.zeros((300, 260), np.uint8)
    gap[30:280, 40:220] = 255
    out = pieced(image, gap)[..., :3].astype(int)
    for axis in (0, 1):
        assert np.abs(np.diff(out[16:], axis=axis)).max() <= 4


def test_an_edge_between_two_plain_things_stays_sharp() -> None:
    image, gap = horizon(), disc()
    steps = np.abs(np.diff(pieced(image, gap)[..., 2].astype(int), axis=0))[:, 60:90]
    assert ((steps > 20).sum(0) == 1).all()
    assert (steps.max(0) > 150).all()


def test_shade_does_not_run_across_an_outline() -> None:
    """What corrects the slope on one side of an edge leaves the plain side as it is."""
    y, x = np.mgrid[:120, :150]
    slope = np.where(x < 85, 20 + y, 200)
    image = opaque(slope, slope, slope)
    wrong = np.abs(pieced(image, disc()).astype(int) - image).max(-1)
    assert wrong[(disc() > 0) & (x >= 88)].max() <= 5


def sunflower(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Grainy dark florets in bright striped petals, and a gap in them that touches a few petals."""
    grain = np.random.default_rng(seed).normal(90, 30, (140, 180))
    y, x = np.mgrid[:140, :180]
    away = np.hypot(x - 90, y - 70)
    petals = 170 + 50 * np.sign(np.sin(14 * np.arctan2(y - 70, x - 90)))
    shade = np.where(away < 36, grain, np.where(away < 60, petals, 30))
    gap = np.zeros((140, 180), np.uint8)
    cv2.ellipse(gap, (98, 72), (30, 20), 0, 0, 360, 255, -1)
    return opaque(shade, shade * 0.8, shade * 0.3), gap


def test_pieces_have_the_tone_of_what_is_around() -> None:
    """The petals continue the edge as well as the florets do, but are brighter than most that is around."""
    too_bright = []
    for seed in range(4):
        image, gap = sunflower(seed)
        too_bright.append(abs((pieced(image, gap).astype(int) - image)[gap > 0][:, 0].mean()))
    assert np.mean(too_bright) < 14


def test_alpha_is_continued_like_colour() -> None:
    image = stripes()
    image[..., 3] = np.where(chequers()[..., 0] > 100, 255, 120)
    gap = disc()
    out = fill(holed(image, gap), gap)
    smooth = fill(holed(image, gap), gap, smooth=True)
    wrong, blurred = (np.abs(o[..., 3].astype(int) - image[..., 3])[gap > 0].mean() for o in (out, smooth))
    assert wrong < 0.5 * blurred


def test_where_nothing_can_be_copied_nothing_is_filled() -> None:
    image = stripes()
    scattered = np.full((120, 150), 255, np.uint8)
    scattered[::2, ::2] = 0
    out = image.copy()
    assert not patch_fill(image, scattered, scattered, out)
    assert np.array_equal(out, image)
    assert np.array_equal(fill(image, scattered)[::2, ::2], image[::2, ::2])


def test_it_can_be_cancelled() -> None:
    polls = 0

    def check() -> None:
        nonlocal polls
        polls += 1
        if polls == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        fill(stripes(), disc(), check=check)
    assert polls == 4


def test_near_gaps_are_sought_for_together(monkeypatch) -> None:
    calls = []

    def counted(image, gap, wanted, out, check):
        calls.append(gap.shape)
        return patch_fill(image, gap, wanted, out, check)

    monkeypatch.setattr(fill_module, "patch_fill", counted)
    image, gap = stripes(160, 300), np.zeros((160, 300), np.uint8)
    gap[40:120, 40:100] = 255
    for left in (125, 150, 250):
        gap[60:80, left : left + 12] = 255
    out = fill(holed(image, gap), gap)
    assert len(calls) == 2  # the large one's surroundings hold two of the others
    assert np.array_equal(out[gap == 0], image[gap == 0])
    assert not (out == [255, 0, 255, 255]).all(-1).any()


def test_distances_of_features_are_nearly_those_of_patches() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 255, (40, 50, 3)), (0, 0), 2.5)
    features = described(picture.astype(np.float32)).reshape(40, 50, -1)
    for (ay, ax), (by, bx) in (((10, 10), (20, 30)), ((5, 40), (33, 7)), ((12, 25), (12, 26))):
        patches = [
            picture[y - RADIUS : y + RADIUS + 1, x - RADIUS : x + RADIUS + 1] for y, x in ((ay, ax), (by, bx))
        ]
        assert patches[0].shape[0] == SIDE
        true = np.square(patches[0] - patches[1]).sum()
        found = np.square(features[ay, ax] - features[by, bx]).sum()
        assert 0.85 * true < found < 1.001 * true


RED = (220, 20, 20, 255)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Grey grain with a red square, and the square."""
    grain = np.random.default_rng(1).normal(120, 25, (160, 200))
    image, subject = opaque(grain, grain, grain), np.zeros((160, 200), np.uint8)
    subject[50:100, 60:130] = 255
    image[subject > 0] = RED
    return image, subject


def move(image: np.ndarray, subject: np.ndarray, **changes: object) -> DragEdit:
    asked = DragEdit(
        image=image,
        subject=subject,
        points=(PointPair(Point(110, 80), Point(110, 145)),),
        mask=np.full(subject.shape, 255, np.uint8),
        motion="move",
    )
    return dataclasses.replace(asked, **changes)  # pyright: ignore[reportArgumentType]


def test_a_protected_part_of_the_subject_is_no_background() -> None:
    image, subject = scene()
    protected = np.zeros_like(subject)
    protected[:, :85] = 255
    out = Engine().edit("flow_warp", move(image, subject, protected=protected)).image
    assert np.array_equal(out[:, :85], image[:, :85])
    left = out[50:100, 90:130].astype(int)
    assert (left[..., 0] - left[..., 1]).max() < 60  # the grain alone: no red is drawn over from the left


def test_protected_background_is_known_to_the_fill() -> None:
    image, subject = scene()
    mask = np.full(subject.shape, 255, np.uint8)
    mask[:48] = 0
    left = left_behind(move(image, subject, mask=mask))
    assert left is not None
    assert not left[:48].any()
    assert left[48:50, 60:130].all()  # the fringe
    assert left[subject > 0].all()
