"""Hatched masks over the picture: what may change, what is protected, what moves."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter

from desktop.canvas.piece import premultiplied_view
from desktop.canvas.pyramid import Plane, Pyramid
from desktop.canvas.viewport import Viewport
from desktop.document.boxes import grown, halved, meet
from engine import Box, Mask

Kind = Literal["editable", "protected", "subject"]

OPACITY = 0.35  # of the whole, on average; the lines themselves are twice as strong
_COLOURS = {"editable": (0, 150, 136), "protected": (226, 32, 48), "subject": (255, 179, 0)}
_PERIOD, _LINE = 8, 2.2  # device-independent pixels
_BETWEEN = 0.35  # as strong as the lines: what lies between them is covered too


class MaskLayer:
    """One mask as it is shown, in a cache of levels like the picture's.

    Args:
        kind: diagonals (may change), crossed diagonals (protected) or dots (moves): to be told apart without
            colour too.
        size: (width, height) of the picture.
        fill: writes a box of the mask into a (h, w) array of its size.
    """

    def __init__(self, kind: Kind, size: tuple[int, int], fill: Callable[[Box, Plane], None]) -> None:
        self._kind: Kind = kind
        self._pyramid = Pyramid(size, 1, fill)
        self._key: tuple[object, ...] = ()  # of what was painted last
        self._last: tuple[int, int, NDArray[np.uint32]] | None = None
        self.opacity = OPACITY

    @staticmethod
    def of(kind: Kind, mask: Mask) -> "MaskLayer":
        """Of a mask (h, w) that does not change."""

        def fill(box: Box, out: Plane) -> None:
            out[:] = mask[box.slices]

        return MaskLayer(kind, (mask.shape[1], mask.shape[0]), fill)

    def invalidate(self, box: Box | None = None) -> None:
        """The mask is another in `box`, or everywhere."""
        self._pyramid.invalidate(box)

    def paint(self, painter: QPainter, viewport: Viewport, exposed: QRect) -> None:
        """Paint what lies in `exposed`, in widget coordinates; the hatch stands still in the widget."""
        dpr = painter.device().devicePixelRatioF()
        left, top = exposed.left() * dpr, exposed.top() * dpr
        right, bottom = left + exposed.width() * dpr, top + exposed.height() * dpr
        area = Box(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))
        key = viewport, area, dpr, self._pyramid.revision, self.opacity
        if self._key != key:  # a drag below paints the same mask again and again
            self._key, self._last = key, self._hatched(viewport, area, dpr)
        if self._last is None:
            return
        x, y, pixels = self._last
        painter.save()
        painter.scale(1 / dpr, 1 / dpr)
        painter.drawImage(x, y, _image(pixels))
        painter.restore()

    def _hatched(
        self, viewport: Viewport, area: Box, dpr: float
    ) -> tuple[int, int, NDArray[np.uint32]] | None:
        """Where in `area` the mask shows anything: x, y, and premultiplied ARGB pixels."""
        cover = self._cover(viewport, area, dpr)
        if cover is None:
            return None
        x, y, width, height = cv2.boundingRect(cover)
        if width == 0:
            return None
        area = Box(area.x0 + x, area.y0 + y, area.x0 + x + width, area.y0 + y + height)
        cover, hatch = cover[y : y + height, x : x + width], _hatch(self._kind, dpr, area)
        strength = np.asarray(cv2.multiply(cover, hatch, scale=1 / 255), np.uint8)
        return area.x0, area.y0, _colours(self._kind, min(2 * self.opacity, 1.0)).take(strength)

    def _cover(self, viewport: Viewport, area: Box, dpr: float) -> Plane | None:
        """The mask by device pixels of `area`."""
        level = self._pyramid.level_for(viewport.zoom * dpr)
        seen = viewport.picture_box(*(edge / dpr for edge in area))
        box = meet(halved(grown(seen, 2 << level), level), self._pyramid.box(level))
        if box is None:
            return None
        pixels, step = self._pyramid.pixels(level, box), 2**level
        a, b, c, d = (part * step * dpr for part in viewport.matrix)
        # From pixel centres to pixel centres: half a pixel off on both sides.
        x = viewport.x * dpr - area.x0 + a * (box.x0 + 0.5) + c * (box.y0 + 0.5) - 0.5
        y = viewport.y * dpr - area.y0 + b * (box.x0 + 0.5) + d * (box.y0 + 0.5) - 0.5
        shown = cv2.warpAffine(
            np.ascontiguousarray(pixels),
            np.array([[a, c, x], [b, d, y]]),
            (area.width, area.height),
            flags=cv2.INTER_LINEAR if viewport.zoom * dpr < 2 else cv2.INTER_NEAREST,
        )
        return np.asarray(shown, np.uint8)


def _hatch(kind: Kind, dpr: float, area: Box) -> Plane:
    """The hatch in these device pixels; it begins at the widget's corner wherever they lie."""
    tile = _tile(kind, dpr)
    period = tile.shape[0]
    x, y = area.x0 % period, area.y0 % period
    across, down = -(-(x + area.width) // period), -(-(y + area.height) // period)
    return np.tile(tile, (down, across))[y : y + area.height, x : x + area.width]


def _image(pixels: NDArray[np.uint32]) -> QImage:
    return premultiplied_view(pixels.view(np.uint8).reshape(*pixels.shape, 4))


@lru_cache(maxsize=16)
def _tile(kind: Kind, dpr: float) -> Plane:
    """One period of the hatch, (n, n) uint8, with soft edges."""
    period = round(_PERIOD * dpr)
    y, x = np.mgrid[:period, :period] + 0.5

    def line(place: NDArray[np.float64]) -> NDArray[np.float64]:
        off = np.abs(place % period - period / 2) / np.sqrt(2)
        return np.clip(_LINE * dpr / 2 - off + 0.5, 0, 1)

    if kind == "editable":
        cover = line(x + y)
    elif kind == "protected":
        cover = np.maximum(line(x + y), line(x - y))
    else:
        cover = np.clip(_LINE * dpr - np.hypot(x - period / 2, y - period / 2) + 0.5, 0, 1)
    return np.rint(255 * (_BETWEEN + (1 - _BETWEEN) * cover)).astype(np.uint8)


@lru_cache(maxsize=64)
def _colours(kind: Kind, opacity: float) -> NDArray[np.uint32]:
    """Strength 0…255 → premultiplied ARGB."""
    alpha = np.arange(256) * opacity
    red, green, blue = (np.rint(alpha * part / 255).astype(np.uint32) for part in _COLOURS[kind])
    argb = np.rint(alpha).astype(np.uint32) << 24 | red << 16 | green << 8 | blue
    return argb.astype(np.uint32)
