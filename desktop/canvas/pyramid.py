"""Pyramid: pixels at full size and halved again and again, made where and when somebody looks at them."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from desktop.document.boxes import cut, doubled, halved, join, meet
from engine import Box, halve

Plane = NDArray[np.uint8]  # (h, w) or (h, w, 4)

TILE = 512  # pixels on an edge: what is remembered as stale and made at a time
_SMALLEST = 256  # the coarsest level is no larger than this


class Pyramid:
    """A cache in levels: level k has half the width and height of level k − 1, rounded up.

    A coarse tile is made from the finer level where that is fresh, else from pixels that are made for it and
    forgotten: looking at a small view of a large picture fills the small level alone. The system gives
    memory to those parts of a level alone that have been made.

    Args:
        size: (width, height) of level 0.
        channels: 4, or 1 for a plane (h, w).
        fill: writes the pixels of a box of level 0 into an array of its size.
    """

    def __init__(self, size: tuple[int, int], channels: int, fill: Callable[[Box, Plane], None]) -> None:
        self.size = size
        self.revision = 0  # counts invalidations
        self._fill = fill
        self._levels: list[Plane] = []
        self._scratch: list[Plane | None] = []
        self._depth = () if channels == 1 else (channels,)
        width, height = size
        while True:
            self._levels.append(np.empty((height, width, *self._depth), np.uint8))
            self._scratch.append(None)
            if max(width, height) <= _SMALLEST:
                break
            width, height = (width + 1) // 2, (height + 1) // 2
        self._stale: list[dict[tuple[int, int], Box]] = [{} for _ in self._levels]
        self.invalidate()

    def level_for(self, scale: float) -> int:
        """The coarsest level that has a pixel for each device pixel, at `scale` of these per pixel."""
        level = 0
        while level + 1 < len(self._levels) and scale * 2 ** (level + 1) <= 1 + 1e-9:
            level += 1
        return level

    def box(self, level: int) -> Box:
        height, width = self._levels[level].shape[:2]
        return Box(0, 0, width, height)

    def invalidate(self, box: Box | None = None) -> None:
        """Forget the pixels of a box of level 0, or all."""
        self.revision += 1
        for level, stale in enumerate(self._stale):
            whole = self.box(level)
            gone = whole if box is None else meet(halved(box, level), whole)
            for tile, part in () if gone is None else cut(gone, TILE):
                stale[tile] = join(stale[tile], part) if tile in stale else part

    def pixels(self, level: int, box: Box) -> Plane:
        """A view of the pixels of a box of a level, fresh; to be read."""
        for tile, part in cut(box, TILE):
            stale = self._stale[level].get(tile)
            if stale is not None and meet(stale, part) is not None:
                self._make(level, stale, self._levels[level][stale.slices])
                del self._stale[level][tile]
        return self._levels[level][box.slices]

    def whole(self, level: int, box: Box) -> Plane:
        """A view of the whole level, of which `box` is fresh."""
        self.pixels(level, box)
        return self._levels[level]

    @property
    def complete(self) -> bool:
        return not any(self._stale)

    def work(self, seconds: float) -> bool:
        """Make stale tiles, finest first, for about so long; → whether any are left."""
        end = time.perf_counter() + seconds
        for level, stale in enumerate(self._stale):
            while stale:
                self.pixels(level, next(iter(stale.values())))
                if time.perf_counter() >= end:
                    return not self.complete
        return False

    def _make(self, level: int, box: Box, out: Plane) -> None:
        """Write the pixels of a box that lies in one tile."""
        if level == 0:
            self._fill(box, out)
            return
        below = meet(doubled(box, 1), self.box(level - 1))
        assert below is not None
        for tile, part in cut(below, TILE):
            stale = self._stale[level - 1].get(tile)
            if stale is None or meet(stale, part) is None:
                source = self._levels[level - 1][part.slices]
            else:
                source = self._spare(level - 1)[: part.height, : part.width]
                self._make(level - 1, part, source)
            to = halved(part, 1)
            rows, columns = slice(to.y0 - box.y0, to.y1 - box.y0), slice(to.x0 - box.x0, to.x1 - box.x0)
            halve(source, out[rows, columns])

    def _spare(self, level: int) -> Plane:
        spare = self._scratch[level]
        if spare is None:
            spare = self._scratch[level] = np.empty((TILE, TILE, *self._depth), np.uint8)
        return spare
