"""What can be said of a region and of a result without showing the picture."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication

from engine import DragEdit, EditResult, Mask, Point, PointPair

_SMOOTH = 0.7  # pixels of the mask as it is looked at, by which an outline may be off
_FAR_ENOUGH = 0.9  # of the way from handle to target
_ALL = 255  # of a mask
translate = QCoreApplication.translate


def outlines(mask: Mask, step: int) -> list[NDArray[np.int32]]:
    """The outlines of what is not zero: polygons (n, 2) of x, y in the mask's pixels.

    Args:
        mask: (h, w) uint8.
        step: how many pixels go into one that is seen; finer detail is left out.
    """
    coarse = np.ascontiguousarray(mask[::step, ::step])
    contours, _ = cv2.findContours(coarse, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(cv2.approxPolyDP(line, _SMOOTH, True)[:, 0] * step, np.int32) for line in contours]


def told_ways(request: DragEdit, result: EditResult, *, refined: bool = False) -> str:
    """A sentence on how far the drags went, and on what to try where one fell short.

    Args:
        refined: the result was made on demand, so it is told even where all went far enough.

    Returns:
        The sentence; empty where nothing is known, or nobody has asked.
    """
    ways = _ways(request.points, result.handles)
    if not ways:
        return ""
    worst = min(range(len(ways)), key=ways.__getitem__)
    short = ways[worst] < _FAR_ENOUGH
    if not (short or refined):
        return ""
    numbers = {
        "number": worst + 1,
        "percent": max(0, round(100 * ways[worst])),
        "arrived": sum(way >= _FAR_ENOUGH for way in ways),
        "count": len(ways),
    }
    if not short:
        return _all_arrived(len(ways)).format(**numbers)
    told = _fell_short(several=refined and len(ways) > 1).format(**numbers)
    advice = _advice(request, request.points[worst].handle, result, refined=refined)
    return translate("EditSession", "{told}: {advice}.").format(told=told, advice=advice)


def told_held(request: DragEdit) -> str:
    """A sentence on the first drag that will stay, as it starts where nothing may change; empty for none."""
    held = (number for number, pair in enumerate(request.points, 1) if _is_held(request, pair.handle))
    number = next(held, None)
    if number is None:
        return ""
    told = translate(
        "EditSession",
        "Drag {number} starts where nothing may change, and will stay; let the picture change there.",
    )
    return told.format(number=number)


def least_way(pairs: Sequence[PointPair], rests: Sequence[Point]) -> float | None:
    """What part of its way the drag went that fell short the most, at most 1; None where nobody knows."""
    return min(_ways(pairs, rests), default=None)


def _ways(pairs: Sequence[PointPair], rests: Sequence[Point]) -> list[float]:
    """What part of its way each drag went, 1 for all of it.

    Args:
        pairs: what was asked for.
        rests: where each handle came to rest; where there are none, nothing is known.
    """
    if len(rests) != len(pairs):
        return []
    return [
        1 - math.dist(rest, pair.target) / math.dist(pair.handle, pair.target)
        for pair, rest in zip(pairs, rests, strict=True)
    ]


def _all_arrived(count: int) -> str:
    if count == 1:
        return translate("EditSession", "The drag moved {percent} % of the way.")
    return translate(
        "EditSession",
        "All {count} drags arrived; the least far, drag {number}, moved {percent} % of the way.",
    )


def _fell_short(*, several: bool) -> str:
    if several:
        return translate(
            "EditSession",
            "{arrived} of {count} drags arrived, and drag {number} moved {percent} % of the way",
        )
    return translate("EditSession", "Drag {number} moved {percent} % of the way")


def _advice(request: DragEdit, handle: Point, result: EditResult, *, refined: bool) -> str:
    """What may help a drag that fell short."""
    if _is_held(request, handle):
        return translate("EditSession", "it starts where nothing may change; let the picture change there")
    if result.partial:
        return translate("EditSession", "it was stopped early; let it run to its end")
    if refined and request.mask is None:
        return translate("EditSession", "allow it more steps, or pull less")
    return translate("EditSession", "let more of the picture change, or pull less")


def _is_held(request: DragEdit, place: Point) -> bool:
    """Whether nothing may change at a place of the picture."""
    width, height = request.size
    at = min(int(place.y), height - 1), min(int(place.x), width - 1)
    unpainted = request.mask is not None and request.mask[at] == 0
    return unpainted or (request.protected is not None and request.protected[at] == _ALL)
