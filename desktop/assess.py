"""What can be said of a region and of a result without showing the picture."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from engine import Mask, Point, PointPair

_SMOOTH = 0.7  # pixels of the mask as it is looked at, by which an outline may be off
_FAR_ENOUGH = 0.9  # of the way from handle to target


def outlines(mask: Mask, step: int) -> list[NDArray[np.int32]]:
    """The outlines of what is not zero: polygons (n, 2) of x, y in the mask's pixels.

    Args:
        mask: (h, w) uint8.
        step: how many pixels go into one that is seen; finer detail is left out.
    """
    coarse = np.ascontiguousarray(mask[::step, ::step])
    contours, _ = cv2.findContours(coarse, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(cv2.approxPolyDP(line, _SMOOTH, True)[:, 0] * step, np.int32) for line in contours]


def shortest_way(pairs: Sequence[PointPair], rests: Sequence[Point]) -> tuple[int, float] | None:
    """The drag that fell short the most: its index, and what part of its way it went (1 for all of it).

    Args:
        pairs: what was asked for.
        rests: where each handle came to rest; where there are none, nothing is known.
    """
    if len(rests) != len(pairs):
        return None
    ways = [
        1 - math.dist(rest, pair.target) / math.dist(pair.handle, pair.target)
        for pair, rest in zip(pairs, rests, strict=True)
    ]
    worst = min(range(len(ways)), key=ways.__getitem__)
    return worst, ways[worst]


def shortfall(pairs: Sequence[PointPair], rests: Sequence[Point]) -> str:
    """A sentence on the drag that fell short the most, and what to try; empty where all went far enough."""
    worst = shortest_way(pairs, rests)
    if worst is None or worst[1] >= _FAR_ENOUGH:
        return ""
    sentence = QCoreApplication.translate(
        "EditSession",
        "Drag {number} moved {percent} % of the way: let more of the picture change, or pull less.",
    )
    return sentence.format(number=worst[0] + 1, percent=max(0, round(100 * worst[1])))
