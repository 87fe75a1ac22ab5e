"""Clearance: how far each place of a cut is from what must not move; depends on the mask alone."""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.bilinear import bilinear
from engine.edit import Mask
from engine.motion import Points

_PIXELS = 256  # along the longer side of the map of distances to protected pixels
_FAR = 1e6


class Clearance:
    """Distances to protected pixels, on a coarse map, and which edges of the crop are the picture's own.

    `Region` crops with room around the mask, unless the picture ends there: an edge at which the mask lets
    something change is the picture's edge.

    Args:
        mask: (h, w) uint8 of a cut request.
    """

    def __init__(self, mask: Mask) -> None:
        height, width = mask.shape
        self.size = np.array([width, height], np.float64)
        # (2,) of x, y: whether the picture ends at the left and upper edge, and at the right and lower one.
        self.ends_before = np.array([mask[:, 0].any(), mask[0].any()])
        self.ends_after = np.array([mask[:, -1].any(), mask[-1].any()])
        self._pixel = max(1.0, max(width, height) / _PIXELS)
        self._map = _distances(mask, self._pixel)

    def at(self, points: Points) -> NDArray[np.float64]:
        """Pixels to the nearest protected pixel, (n,); 0 on protected ones, large where there is none."""
        return bilinear(self._map, np.clip(points, 0, self.size) / self._pixel - 0.5)[:, 0]

    def to_edge(self, points: Points) -> NDArray[np.float64]:
        """Pixels to the nearest of the picture's own edges, (n,); 0 beyond it, large where there is none."""
        before = np.where(self.ends_before, np.maximum(points, 0), _FAR)
        after = np.where(self.ends_after, np.maximum(self.size - points, 0), _FAR)
        return np.minimum(before, after).min(1)


def _distances(mask: Mask, pixel: float) -> NDArray[np.float64]:
    """Pixels to the nearest protected one, (…, …, 1), on a map whose entries are `pixel` wide."""
    height, width = mask.shape
    shape = (max(2, round(width / pixel)), max(2, round(height / pixel)))
    _, free = cv2.threshold(mask, 0, 255, cv2.THRESH_BINARY)
    inside = (np.asarray(cv2.resize(free, shape, interpolation=cv2.INTER_AREA)) == 255).astype(np.uint8)
    if inside.all():
        return np.full((*inside.shape, 1), _FAR)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5).astype(np.float64)
    return np.maximum(distance - 0.5, 0)[..., None] * pixel
