"""Regions that might move follow a photo's edges."""

import cv2
import numpy as np
import pytest

from engine.training.proposals import MOST_REGIONS, propose
from tests.engine.training.photo_files import scene


def overlap(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("seed", range(4))
def test_a_disc_is_found_and_stands_out_most(seed):
    photo, disc = scene(seed, 160)
    found = propose(photo)
    first = (found.bits & 1) > 0
    assert overlap(first, disc) > 0.93
    assert found.weights[0] == found.weights.max() > 0


def test_boxes_enclose_their_regions():
    found = propose(scene(3, 160)[0])
    for k in range(MOST_REGIONS):
        region = np.asarray((found.bits >> k) & 1, np.uint8)
        assert (found.weights[k] > 0) == region.any()
        x, y, w, h = cv2.boundingRect(region)
        if region.any():
            assert found.boxes[k].tolist() == [x, y, x + w, y + h]


def test_regions_are_neither_tiny_nor_everything():
    found = propose(scene(5, 160)[0])
    shares = [((found.bits >> k) & 1).mean() for k in np.flatnonzero(found.weights)]
    assert shares
    assert 0.005 < min(shares) <= max(shares) < 0.6


def test_nothing_stands_out_in_a_flat_picture():
    found = propose(np.full((96, 96, 3), 128, np.uint8))
    assert not found.bits.any()
    assert not found.weights.any()


def test_the_same_photo_has_the_same_regions():
    photo = scene(1)[0]
    assert np.array_equal(propose(photo).bits, propose(photo).bits)
