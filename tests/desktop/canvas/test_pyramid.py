import numpy as np
import pytest

from desktop.canvas.pyramid import TILE, Pyramid
from engine import Box


def made(array):
    asked = []

    def fill(box, out):
        asked.append(box)
        out[:] = array[box.slices]

    channels = array.shape[2] if array.ndim == 3 else 1
    return Pyramid((array.shape[1], array.shape[0]), channels, fill), asked


def naive(array, level):
    """Halve by averages of 2 × 2, an odd last row or column standing for two."""
    for _ in range(level):
        height, width = array.shape[:2]
        edges = ((0, height % 2), (0, width % 2)) + ((0, 0),) * (array.ndim - 2)
        wide = np.pad(array, edges, mode="edge").astype(int)
        array = (wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2] + 2) // 4
    return array


@pytest.mark.parametrize("shape", [(1301, 1703, 4), (1025, 513, 4), (700, 2001), (3, 4000), (1, 1, 4)])
@pytest.mark.parametrize("finest_first", [False, True])
def test_every_level_is_the_average_of_what_lies_below(shape, finest_first):
    array = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    pyramid, _ = made(array)
    levels = range(pyramid.level_for(1e-9) + 1)
    for level in levels if finest_first else reversed(levels):
        got = pyramid.pixels(level, pyramid.box(level))
        assert np.abs(got.astype(int) - naive(array, level)).max() <= 1


def test_random_changes_and_looks_never_show_old_pixels():
    random = np.random.default_rng(2)
    array = random.integers(0, 256, (1100, 1400)).astype(np.uint8)
    pyramid, _ = made(array)
    for _ in range(150):
        x, y, w, h = (int(random.integers(1, most)) for most in (1300, 1000, 300, 300))
        box = Box(x, y, min(x + w, 1400), min(y + h, 1100))
        array[box.slices] = random.integers(256)
        pyramid.invalidate(box)
        level = int(random.integers(3))
        whole = pyramid.box(level)
        x, y = int(random.integers(whole.x1 - 1)), int(random.integers(whole.y1 - 1))
        look = Box(x, y, min(x + 90, whole.x1), min(y + 90, whole.y1))
        if random.random() < 0.3:
            pyramid.work(0.0)
        expected = naive(array, level)[look.slices]
        assert np.abs(pyramid.pixels(level, look).astype(int) - expected).max() <= 1


def test_the_level_is_the_coarsest_that_need_not_be_enlarged():
    pyramid, _ = made(np.zeros((3000, 4000), np.uint8))
    scales = {1.7: 0, 1.0: 0, 0.51: 0, 0.5: 1, 0.26: 1, 0.25: 2, 0.2: 2, 0.01: 4}
    assert {scale: pyramid.level_for(scale) for scale in scales} == scales


def test_the_levels_take_a_third_more_than_the_picture():
    pyramid, _ = made(np.zeros((3000, 4000, 4), np.uint8))
    sizes = [pyramid.box(level) for level in range(pyramid.level_for(1e-9) + 1)]
    assert sum(box.width * box.height for box in sizes) <= 1.4 * 3000 * 4000


def test_work_ends_and_leaves_nothing_stale():
    pyramid, asked = made(np.zeros((3 * TILE, 2 * TILE), np.uint8))
    rounds = 1
    while pyramid.work(0.0):
        rounds += 1
    assert pyramid.complete
    assert rounds > 6
    asked.clear()
    pyramid.pixels(1, pyramid.box(1))
    assert asked == []
