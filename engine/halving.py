"""Pictures and masks at half the size, and again: what a preview or a distant view needs of a large one."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Image

Plane = NDArray[Any]  # (h, w) or (h, w, channels)


def halve(source: Plane, out: Plane | None = None) -> Plane:
    """Average 2 × 2 pixels; an odd last row or column stands for two.

    Args:
        source: (h, w) or (h, w, c).
        out: where to write the result, ((h + 1) // 2, (w + 1) // 2, …); None for a new array.
    """
    height, width = source.shape[:2]
    if height % 2 or width % 2:
        source = cv2.copyMakeBorder(source, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    size = (width + 1) // 2, (height + 1) // 2
    return cv2.resize(source, size, dst=out, interpolation=cv2.INTER_AREA)


def halve_straight(image: Image) -> Image:
    """`halve` for (h, w, 4) straight RGBA, whose colours are weighed by alpha."""
    if is_opaque(image):
        return np.asarray(halve(image), np.uint8)
    *colours, alpha = cv2.split(image)
    weighed = [halve(cv2.multiply(colour, alpha, scale=1 / 255, dtype=cv2.CV_16U)) for colour in colours]
    alpha = halve(alpha)
    colours = [cv2.divide(colour, alpha, scale=255, dtype=cv2.CV_8U) for colour in weighed]
    return np.asarray(cv2.merge([*colours, alpha]), np.uint8)


def is_opaque(image: Image) -> bool:
    """Whether alpha is 255 in all of (h, w, 4) pixels; rows may lie apart."""
    return int(np.bitwise_and.reduce(image.view(np.uint32), axis=None)) >> 24 == 255


class Halves:
    """A picture's or mask's halves, made when first asked for; kept while it is the same array.

    Straight RGBA where there are four channels.
    """

    def __init__(self) -> None:
        self._levels: list[NDArray[np.uint8]] = []

    def of(self, source: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
        """`source` halved so many times."""
        if not self._levels or self._levels[0] is not source:
            self._levels = [source]
        while len(self._levels) <= times:
            last = self._levels[-1]
            self._levels.append(halve_straight(last) if last.ndim == 3 else np.asarray(halve(last), np.uint8))
        return self._levels[times]
