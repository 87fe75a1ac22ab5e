"""What patches of a picture are compared by: their lowest cosines."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

RADIUS = 3  # of a patch
SIDE = 2 * RADIUS + 1

Floats = NDArray[np.float32]

_AXES = (np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])).astype(np.float32)
_ORDERS = 4, 2, 2, 1  # of cosines along the axes of lightness, of the two of hue, and of alpha


def _cosines() -> Floats:
    """The discrete cosines over a patch's side, orthonormal, (order, side)."""
    places = np.arange(SIDE)
    waves = np.cos(np.pi * np.outer(places, places + 0.5) / SIDE)
    waves *= np.where(places == 0, math.sqrt(1 / SIDE), math.sqrt(2 / SIDE))[:, None]
    return waves.astype(np.float32)


_COSINES = _cosines()


def described(picture: Floats) -> Floats:
    """The patch around each pixel by its lowest cosines, (h · w, features): squared distances are nearly
    those of the patches.

    Args:
        picture: (h, w, 3) or with a fourth channel for alpha, 0 to 255.
    """
    planes = np.concatenate([picture[..., :3] @ _AXES.T, picture[..., 3:]], axis=2)
    found: list[Floats] = []
    for plane, order in zip(np.moveaxis(planes, -1, 0), _ORDERS, strict=False):
        whole = np.ascontiguousarray(plane)
        for down in range(order + 1):
            for across in range(order + 1 - down):
                wave = cv2.sepFilter2D(whole, -1, _COSINES[across], _COSINES[down])
                found.append(np.asarray(wave, np.float32))
    return np.stack(found, axis=-1).reshape(-1, len(found))
