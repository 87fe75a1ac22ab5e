"""What fills a gap: judged by what is known to have been there, or by the statistics of what surrounds it."""

import time

import cv2
import numpy as np
import pytest

from engine import fill as fill_module
from engine.fill import fill
from engine.push_pull import push_pull


def gaps(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    """255 within each of the boxes x0, y0, x1, y1."""
    out = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in boxes:
        out[y0:y1, x0:x1] = 255
    return out


def holed(image: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """The picture with a glaring colour in its gaps, which no fill may let through."""
    return np.where(unknown[..., None] > 0, np.array([255, 0, 255, 255], np.uint8), image)


def opaque(*channels: np.ndarray) -> np.ndarray:
    stacked = np.stack([np.rint(np.clip(c, 0, 255)) for c in channels], axis=-1).astype(np.uint8)
    return np.dstack([stacked, np.full(stacked.shape[:2], 255, np.uint8)])


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Fine grain without any larger pattern."""
    grain = np.random.default_rng(seed).normal(128, 30, (height, width))
    return opaque(grain, grain, grain)


def stripes(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    wave = 128 + 70 * np.sin((x + 0.5 * y) * 2 * np.pi / 12)
    return opaque(wave, wave * 0.8, 255 - wave)


PLACES = {
    "middle": (90, 70, 130, 110),
    "corner": (0, 0, 40, 30),
    "far corner": (180, 150, 220, 180),
    "edge": (0, 60, 30, 120),
    "across": (0, 80, 220, 95),
    "most of it": (10, 10, 215, 170),
    "thin": (60, 20, 63, 160),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("smooth", [False, True])
def test_what_is_known_stays(place: str, smooth: bool) -> None:
    image = np.random.default_rng(0).integers(0, 256, (180, 220, 4), np.uint8)
    unknown = gaps(180, 220, PLACES[place])
    before = image.copy()
    out = fill(image, unknown, smooth=smooth)
    assert np.array_equal(image, before)
    assert np.array_equal(out[unknown == 0], image[unknown == 0])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("colour", [(200, 30, 77, 255), (9, 250, 128, 140), (0, 0, 0, 255)])
def test_one_colour_is_filled_with_it(place: str, smooth: bool, colour: tuple) -> None:
    image = np.full((180, 220, 4), colour, np.uint8)
    unknown = gaps(180, 220, PLACES[place])
    out = fill(holed(image, unknown), unknown, smooth=smooth)
    # Weighing by alpha and OpenCV's inpainting each round.
    assert np.abs(out.astype(int) - image).max() <= (0 if smooth and colour[3] == 255 else 2)


@pytest.mark.parametrize("slope", [(0.5, 0), (0, 0.7), (0.4, -0.3)])
@pytest.mark.parametrize("place", ["middle", "thin"])
def test_a_gradient_is_continued_smoothly(slope: tuple, place: str) -> None:
    y, x = np.mgrid[:180, :220]
    plane = 120 + slope[0] * (x - 110) + slope[1] * (y - 90)
    image, unknown = opaque(plane, 255 - plane, plane), gaps(180, 220, PLACES[place])
    out = fill(holed(image, unknown), unknown, smooth=True)
    assert np.abs(out.astype(int) - image).max() <= 1


@pytest.mark.parametrize("texture", [noise, stripes])
@pytest.mark.parametrize("place", ["middle", "edge", "far corner"])
def test_texture_is_healed_and_smoothed_away_by_smooth(texture, place: str) -> None:
    image, unknown = texture(180, 220), gaps(180, 220, PLACES[place])
    x0, y0, x1, y1 = PLACES[place]
    inside = np.s_[y0 + 6 : y1 - 6, x0 + 6 : x1 - 6, 0]
    around = image[unknown == 0][:, 0].astype(float).var()
    healed = fill(holed(image, unknown), unknown)[inside].astype(float).var()
    smoothed = fill(holed(image, unknown), unknown, smooth=True)[inside].astype(float).var()
    assert 0.5 < healed / around < 1.5
    assert smoothed / around < 0.2


def test_stripes_run_on_through_a_healed_gap() -> None:
    image, unknown = stripes(180, 220), gaps(180, 220, PLACES["middle"])
    out = fill(holed(image, unknown), unknown)
    error = np.abs(out.astype(int) - image)[unknown > 0][:, :3].mean()
    blurred = np.abs(fill(holed(image, unknown), unknown, smooth=True).astype(int) - image)
    assert error < 0.7 * blurred[unknown > 0][:, :3].mean()


def test_a_line_runs_on_across_a_thin_gap() -> None:
    image = np.full((120, 160, 4), 255, np.uint8)
    image[58:62, :, :3] = 0
    unknown = gaps(120, 160, (80, 0, 84, 120))
    out = fill(holed(image, unknown), unknown)
    assert out[59:61, 80:84, 0].max() < 90
    assert out[40, 80:84, 0].min() > 200


def test_alpha_is_filled_like_colour() -> None:
    image = np.zeros((90, 120, 4), np.uint8)
    image[:, :60] = (250, 10, 10, 255)  # the right half is clear, its hidden black no colour of the picture
    unknown = gaps(90, 120, (40, 30, 80, 60))
    for smooth in (False, True):
        out = fill(holed(image, unknown), unknown, smooth=smooth)
        seen = out[out[..., 3] > 40]
        assert np.abs(seen[:, :3].astype(int) - (250, 10, 10)).max() <= 12
        assert out[45, 42, 3] > 180
        assert out[45, 77, 3] < 75


def test_nothing_unknown_and_nothing_known_change_nothing() -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 50, 4), np.uint8)
    for unknown in (np.zeros((40, 50), np.uint8), np.full((40, 50), 255, np.uint8)):
        out = fill(image, unknown)
        assert np.array_equal(out, image)
        assert out is not image


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 5), (1, 400), (400, 1), (5000, 3)])
@pytest.mark.parametrize("smooth", [False, True])
def test_tiny_and_narrow_pictures(size: tuple[int, int], smooth: bool) -> None:
    image = np.full((*size, 4), (12, 34, 56, 255), np.uint8)
    for share in (0, 0.3, 1):
        unknown = np.where(np.random.default_rng(2).random(size) < share, 255, 0).astype(np.uint8)
        out = fill(holed(image, unknown), unknown, smooth=smooth)
        assert np.abs(out.astype(int) - image).max() <= (0 if smooth else 8) or unknown.all()
    if size[0] * size[1] > 1:
        unknown = np.full(size, 255, np.uint8)
        unknown[0, 0] = 0
        out = fill(holed(image, unknown), unknown, smooth=smooth)
        assert np.abs(out.astype(int) - image).max() <= (0 if smooth else 8)


@pytest.mark.parametrize("smooth", [False, True])
def test_many_small_gaps(smooth: bool) -> None:
    y, x = np.mgrid[:200, :260]
    image = opaque(x * 0.8, y * 1.1, 128 + (x - y) * 0.3)
    unknown = np.where(np.random.default_rng(3).random((200, 260)) < 0.1, 255, 0).astype(np.uint8)
    unknown[::24, ::24] = 1  # any value but 0 is unknown
    out = fill(holed(image, unknown), unknown, smooth=smooth)
    assert np.abs(out.astype(int) - image).max() <= 4
    specks = ((a, b, a + 5, b + 5) for a in range(10, 250, 40) for b in range(10, 190, 40))
    scattered = gaps(200, 260, *specks)
    out = fill(holed(image, scattered), scattered, smooth=smooth)
    assert np.abs(out.astype(int) - image).max() <= 6


def test_thousands_of_specks_take_no_search_each() -> None:
    image = noise(600, 800)
    specks = gaps(600, 800, *((a, b, a + 4, b + 4) for a in range(5, 790, 20) for b in range(5, 590, 20)))
    begun = time.perf_counter()
    fill(image, specks)
    assert time.perf_counter() - begun < 5


def test_fill_repeats_to_the_byte() -> None:
    image, unknown = noise(180, 220), gaps(180, 220, PLACES["middle"], PLACES["edge"])
    assert np.array_equal(fill(image, unknown), fill(image.copy(), unknown.copy()))


def test_what_stands_in_the_gap_does_not_matter() -> None:
    image, unknown = stripes(180, 220), gaps(180, 220, PLACES["middle"], PLACES["corner"])
    for smooth in (False, True):
        clear = fill(np.where(unknown[..., None] > 0, np.uint8(0), image), unknown, smooth=smooth)
        assert np.array_equal(fill(holed(image, unknown), unknown, smooth=smooth), clear)


def test_gaps_too_large_to_be_worked_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are solved small and brought up in strips: seamless, and nearly what they would have been."""
    y, x = np.mgrid[:300, :260]
    image = opaque(x * 0.8, y * 0.7, 128 + (x - y) * 0.3)
    unknown = gaps(300, 260, (40, 30, 220, 280))
    whole = fill(holed(image, unknown), unknown, smooth=True)
    monkeypatch.setattr(fill_module, "_STRIP", 3000)
    for smooth in (False, True):
        out = fill(holed(image, unknown), unknown, smooth=smooth)
        assert np.array_equal(out[unknown == 0], image[unknown == 0])
        steps = np.abs(np.diff(out[31:279, 130, :3].astype(int), axis=0))
        assert steps.max() <= 2
        if smooth:
            assert np.abs(out.astype(int) - whole).mean() < 4


def test_push_pull_keeps_what_is_known_and_stays_between_it() -> None:
    random = np.random.default_rng(5)
    values = random.uniform(-50, 300, (77, 93, 3)).astype(np.float32)
    known = (random.random((77, 93)) < 0.05).astype(np.uint8)
    out = push_pull(values, known)
    assert out.shape == values.shape
    assert np.abs(out - values)[known > 0].max() < 1e-3
    assert (out >= values[known > 0].min(0) - 1e-3).all()
    assert (out <= values[known > 0].max(0) + 1e-3).all()


def test_push_pull_is_near_the_membrane() -> None:
    """Against Laplace's equation, relaxed until it stands: a disc's worth of gap in a wavy plane."""
    y, x = np.mgrid[:65, :65]
    values = (np.sin(x / 9) * 60 + np.cos(y / 11) * 60)[..., None].astype(np.float32)
    known = np.ones((65, 65), np.uint8)
    cv2.circle(known, (32, 32), 20, 0, -1)
    membrane = np.where(known > 0, values[..., 0], 0).astype(np.float64)
    for _ in range(6000):
        mean = (np.roll(membrane, 1, 0) + np.roll(membrane, -1, 0) + np.roll(membrane, 1, 1)) / 4
        membrane = np.where(known > 0, membrane, mean + np.roll(membrane, -1, 1) / 4)
    error = np.abs(push_pull(values, known)[..., 0] - membrane)[known == 0]
    assert error.mean() < 0.08 * np.ptp(membrane)
