"""A round soft brush on one-channel tiles: dabs along a stroke."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from desktop.document.tiles import TilesEditor
from engine import Box, Point

LEAST_SIZE, MOST_SIZE = 1.0, 1000.0
_SPACING = 0.2  # of the diameter, between two dabs


@dataclass(frozen=True)
class Brush:
    """A round brush.

    Args:
        size: diameter in picture pixels, 1 to 1000.
        hardness: 0 to 1, the part of the radius that is fully covered.
    """

    size: float = 60.0
    hardness: float = 0.8

    def resized(self, factor: float) -> "Brush":
        return Brush(min(max(self.size * factor, LEAST_SIZE), MOST_SIZE), self.hardness)

    def hardened(self, by: float) -> "Brush":
        return Brush(self.size, min(max(self.hardness + by, 0.0), 1.0))


class Stroke:
    """One stroke that adds to a mask or takes away from it; overlapping dabs do not pile up.

    Args:
        editor: of the mask.
        brush: with pressure 1.
        subtract: take away instead of adding.
    """

    def __init__(self, editor: TilesEditor, brush: Brush, *, subtract: bool) -> None:
        self._editor, self._brush, self._subtract = editor, brush, subtract
        self._last: tuple[Point, float] | None = None
        self._rest = 0.0  # of the way since the last dab, in picture pixels

    def to(self, at: Point, pressure: float) -> None:
        """Draw on to `at`; pressure 0 to 1 scales the size."""
        if self._last is None:
            self._last = at, pressure
            self._dab(at, pressure)
            return
        start, before = self._last
        length = math.dist(start, at)
        spacing = max(1.0, _SPACING * self._brush.size * max(before, 0.05))
        travelled = max(spacing - self._rest, 0.0)  # less pressure may have made the next dab overdue
        while travelled <= length:
            t = travelled / length if length else 0.0
            place = Point(start.x + t * (at.x - start.x), start.y + t * (at.y - start.y))
            self._dab(place, before + t * (pressure - before))
            travelled += spacing
        self._rest = spacing - (travelled - length)
        self._last = at, pressure

    def _dab(self, at: Point, pressure: float) -> None:
        diameter = max(self._brush.size * pressure, 1.0)
        # Rounded to quarters, so that few shapes serve a whole stroke.
        shape = _shape(
            round(diameter * 4) / 4 if diameter < 64 else float(round(diameter)), self._brush.hardness
        )
        side = shape.shape[0]
        x0, y0 = math.floor(at.x - side / 2 + 0.5), math.floor(at.y - side / 2 + 0.5)
        for part, view in self._editor.touch(Box(x0, y0, x0 + side, y0 + side)):
            dab = shape[part.y0 - y0 : part.y1 - y0, part.x0 - x0 : part.x1 - x0]
            if self._subtract:
                np.minimum(view, 255 - dab, out=view)
            else:
                np.maximum(view, dab, out=view)


@lru_cache(maxsize=256)
def _shape(diameter: float, hardness: float) -> NDArray[np.uint8]:
    """A dab, (n, n) uint8: full inside, with a smooth rim, anti-aliased even where it is hard."""
    radius = diameter / 2
    side = math.ceil(diameter) + 2
    axis = np.arange(side) + 0.5 - side / 2
    distance = np.hypot(axis[:, None], axis)
    soft = max(radius * (1 - hardness), 0.5)
    t = np.clip((radius + 0.25 - distance) / soft, 0, 1)
    return np.rint(255 * t * t * (3 - 2 * t)).astype(np.uint8)
