"""Markers: which handle, target or pin lies under the pointer."""

import math
from dataclasses import dataclass
from typing import Literal

from desktop.canvas.viewport import Viewport
from engine import Point, PointPair

Kind = Literal["handle", "target", "pin"]

REACH = 10.0  # device-independent pixels


@dataclass(frozen=True)
class Marker:
    """One end of a drag, or a pin. `index` counts pairs, or pins."""

    kind: Kind
    index: int


def hit(
    view: Viewport, points: tuple[PointPair, ...], pins: tuple[Point, ...], x: float, y: float
) -> Marker | None:
    """The marker nearest to the widget's place (x, y) within reach; of equally near ones the newest."""
    best, least = None, REACH
    for marker, place in (
        *((Marker("handle", i), pair.handle) for i, pair in enumerate(points)),
        *((Marker("target", i), pair.target) for i, pair in enumerate(points)),
        *((Marker("pin", i), pin) for i, pin in enumerate(pins)),
    ):
        distance = math.dist(view.to_widget(*place), (x, y))
        if distance <= least:
            best, least = marker, distance
    return best
