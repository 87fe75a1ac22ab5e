"""What moved is as sharp as it was, and what did not move is the same."""

import cv2
import numpy as np
import pytest

from engine.edit import Box
from engine.flow import Flow, warp
from engine.methods.instant_drag.grain import regrained
from engine.sample import samples


def uniform(size, x, y):
    nodes = Flow.nodes(size, 8)
    return Flow(size=size, cell=8, vectors=np.broadcast_to([x, y], nodes.shape).astype(np.float64))


def sharpness(image):
    grey = image[32:-32, 32:-32, :3].astype(np.float64).mean(-1)
    return np.square(np.diff(grey, axis=0)).mean() + np.square(np.diff(grey, axis=1)).mean()


@pytest.fixture(scope="module", params=range(0, 12, 3))
def photo(request):
    from engine.photo import open_photo

    image = open_photo(samples()[request.param].picture).pixels
    return np.ascontiguousarray(image[Box(100, 150, 500, 500).slices])


@pytest.mark.parametrize("by", [(0.5, 0.5), (3.3, -2.25), (0.5, 0)], ids=str)
def test_a_photo_moved_between_pixels_keeps_its_energy(photo, by):
    backward = uniform((400, 350), *by)
    moved = warp(photo, backward)
    out = regrained(moved, photo, backward)
    assert sharpness(moved) <= sharpness(out) <= 1.05 * sharpness(photo)
    assert sharpness(out) >= 0.93 * sharpness(photo)
    assert (
        np.abs(cv2.blur(out, (16, 16)).astype(int) - cv2.blur(moved, (16, 16))).max() <= 2
    )  # no colour drifts


def test_what_did_not_move_is_the_same(paint):
    image = paint(400, 300)
    backward = uniform((400, 300), 0, 0)
    vectors = backward.vectors.copy()
    vectors[:15] = 0.5
    half = Flow(size=(400, 300), cell=8, vectors=vectors)
    out = regrained(warp(image, half), image, half)
    assert np.array_equal(out[140:], image[140:])


def test_a_soft_picture_is_not_sharpened(photo):
    soft = cv2.GaussianBlur(photo, (0, 0), 4)
    backward = uniform((400, 350), 0.5, 0.5)
    moved = warp(soft, backward)
    assert np.abs(regrained(moved, soft, backward).astype(int) - moved).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (8, 8), (9, 530), (40_000, 9)], ids=str)
def test_any_size(size):
    width, height = size
    image = np.random.default_rng(0).integers(0, 256, (height, width, 4)).astype(np.uint8)
    backward = uniform(size, 0.5, 0.25)
    out = regrained(image.copy(), image, backward)
    assert out.shape == image.shape
    assert np.array_equal(out[..., 3], image[..., 3])


def test_strips_join_without_a_seam(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (300, 200, 4)).astype(np.uint8)
    backward = uniform((200, 300), 0.5, 0.5)
    moved = warp(image, backward)
    whole = regrained(moved, image, backward)
    monkeypatch.setattr("engine.methods.instant_drag.grain._STRIP", 64)
    assert np.array_equal(regrained(moved, image, backward), whole)
