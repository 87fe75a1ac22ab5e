"""Pixels of a level: what is opaque is found so wherever a hole lies."""

import numpy as np
import pytest

from desktop.canvas.piece import is_opaque


@pytest.mark.parametrize("hole", [None, (0, 0), (6, 8), (3, 4)])
@pytest.mark.parametrize("alpha", [0, 127, 254])
def test_one_pixel_that_is_not_opaque_is_noticed(hole, alpha):
    large = np.zeros((20, 30, 4), np.uint8)  # transparent all around
    part = large[5:12, 7:16]
    part[..., 3] = 255
    if hole is not None:
        part[*hole, 3] = alpha
    assert is_opaque(part) == (hole is None)
