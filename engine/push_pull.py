"""Push-pull: known values spread smoothly over what is unknown."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Mask

_RELAXATIONS = 3  # on each level, which smooth out the pyramid's blocks

Plane = NDArray[np.float32]


def push_pull(values: Plane, known: Mask) -> Plane:
    """Spread known values smoothly over unknown places.

    Gortler et al., The Lumigraph (1996), section 3.4: means of what is known on ever coarser levels, which on
    the way back fill what is unknown; here each level is relaxed towards a membrane as well.

    Args:
        values: (h, w, c) float32.
        known: (h, w) uint8, non-zero where `values` is known; at least one pixel is.
    """
    weight = np.where(known > 0, np.float32(1), np.float32(0))[..., None]
    return _pull(values * weight, weight)


def _pull(values: Plane, weight: Plane) -> Plane:
    """`values` are weighted sums; returns means, complete."""
    height, width = weight.shape[:2]
    means = _ratio(values, weight)
    if weight.min() > 0.999 or max(height, width) == 1:
        return means
    half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    sums = resize_plane(values, half, cv2.INTER_AREA)
    found = resize_plane(weight, half, cv2.INTER_AREA)
    enough = np.minimum(4 * found, np.float32(1))  # one known pixel of four
    coarse = _pull(sums * _ratio(enough, found), enough)
    finer = resize_plane(coarse, (width, height), cv2.INTER_LINEAR)
    full = _mixed(means, finer, weight)
    for _ in range(_RELAXATIONS):
        full = _mixed(means, np.asarray(cv2.blur(full, (3, 3)), np.float32).reshape(full.shape), weight)
    return full


def _ratio(sums: Plane, weight: Plane) -> Plane:
    return np.divide(sums, np.maximum(weight, np.float32(1e-6)))


def _mixed(a: Plane, b: Plane, weight: Plane) -> Plane:
    return np.asarray(a * weight + b * (1 - weight), np.float32)


def resize_plane(plane: Plane, size: tuple[int, int], interpolation: int) -> Plane:
    """cv2.resize drops a lone channel's axis."""
    resized = np.asarray(cv2.resize(plane, size, interpolation=interpolation), np.float32)
    return resized.reshape(size[1], size[0], plane.shape[2])
