"""Halved pictures: means of 2 × 2 pixels, weighed by alpha; made once."""

import numpy as np
import pytest

from engine.halving import Halves, halve, halve_straight, is_opaque


@pytest.mark.parametrize("size", [(6, 4), (7, 4), (6, 5), (1, 1), (3, 1)])
@pytest.mark.parametrize("channels", [None, 4])
def test_each_pixel_is_the_mean_of_four(size, channels):
    shape = size[::-1] if channels is None else (*size[::-1], channels)
    source = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    edge = [(0, size[1] % 2), (0, size[0] % 2), (0, 0)][: source.ndim]
    wide = np.pad(source, edge, mode="edge").astype(float)
    expected = (wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2]) / 4
    got = halve(source)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= 0.5
    out = np.zeros_like(got)
    halve(source, out)
    assert np.array_equal(out, got)


def test_colours_of_clear_pixels_do_not_shine_through():
    image = np.zeros((2, 2, 4), np.uint8)
    image[0, 0] = 200, 100, 50, 255
    image[1, 1] = 0, 255, 0, 0
    assert np.abs(halve_straight(image)[0, 0].astype(int) - [200, 100, 50, 64]).max() <= 2
    assert not halve_straight(np.zeros((2, 2, 4), np.uint8)).any()


@pytest.mark.parametrize("hole", [None, (0, 0), (6, 8), (3, 4)])
@pytest.mark.parametrize("alpha", [0, 127, 254])
def test_one_pixel_that_is_not_opaque_is_noticed(hole, alpha):
    large = np.zeros((20, 30, 4), np.uint8)  # transparent all around
    part = large[5:12, 7:16]
    part[..., 3] = 255
    if hole is not None:
        part[*hole, 3] = alpha
    assert is_opaque(part) == (hole is None)


def test_halves_are_made_once_for_each_picture():
    one, other = (np.random.default_rng(i).integers(0, 256, (9, 7), np.uint8) for i in range(2))
    halves = Halves()
    assert halves.of(one, 0) is one
    twice = halves.of(one, 2)
    assert twice.shape == (3, 2)
    assert halves.of(one, 2) is twice
    assert np.array_equal(halves.of(other, 1), halve(other))
    assert halves.of(one, 2) is not twice
