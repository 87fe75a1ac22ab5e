"""Projection: the composite of all layers as the screen shows it, made where it is looked at."""

import math
from functools import lru_cache
from typing import Protocol

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QImage, QPainter, QPolygonF, QRegion, QTransform

from desktop.canvas.patch import Patch
from desktop.canvas.piece import Piece, paint_piece, premultiplied_view
from desktop.canvas.pyramid import Plane, Pyramid
from desktop.canvas.viewport import Viewport
from desktop.document.boxes import grown, halved, meet
from engine import Box, is_opaque

_CHECKS = "#d2d2d2", "#a6a6a6"
_CHECK = 8  # device-independent pixels
_WIDEST = 30_000  # pixels across an image that QPainter's 16.16 arithmetic can still turn
_BAND = 8192
_CLIP = 3  # device-independent pixels that a region may miss of a slope
_CUT = Qt.ClipOperation.IntersectClip


class Source(Protocol):
    """What is shown: the document, or a picture of a test."""

    @property
    def size(self) -> tuple[int, int]: ...

    def composite(self, box: Box, out: QImage) -> None:
        """Write the pixels of `box` into `out`: of its size, ARGB32_Premultiplied, its content unknown."""
        ...

    @property
    def covered(self) -> bool:
        """Whether anything lies over what a preview stands for."""
        ...

    def composite_cover(self, box: Box, out: QImage) -> None:
        """Write what lies over what a preview stands for, as `composite` does."""
        ...


class Projection:
    """The composite cache of a source and how it is painted."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._opaque = True  # as far as has been seen
        self.pyramid = Pyramid(source.size, 4, self._composite)
        self._cover = Pyramid(source.size, 4, self._composite_cover)

    @property
    def size(self) -> tuple[int, int]:
        return self.pyramid.size

    def invalidate(self, box: Box | None = None) -> None:
        """The source has other pixels in `box`, or everywhere."""
        self.pyramid.invalidate(box)
        self._cover.invalidate(box)

    def invalidate_cover(self) -> None:
        """Something else lies over previews."""
        self._cover.invalidate()

    def paint(self, painter: QPainter, viewport: Viewport, exposed: QRectF, dpr: float) -> None:
        """Paint what lies in `exposed`, a rectangle of the widget, by a painter in widget coordinates."""
        level = self.pyramid.level_for(viewport.zoom * dpr)
        box = self._seen(viewport, exposed, level)
        if box is None:
            return
        held, pixels = self.pyramid.box(level), self.pyramid.whole(level, box)
        if max(held.width, held.height) > _WIDEST:
            low, high = box[:2], box[2:]
            band = Box(*(n // _BAND * _BAND for n in low), *(-(-n // _BAND) * _BAND for n in high))
            held = meet(band, held) or held
            pixels = pixels[held.slices]
        painter.save()
        painter.setClipRect(exposed, _CUT)
        self._paint_checks(painter, viewport, dpr)
        paint_piece(painter, viewport, dpr, Piece(pixels, held, level, self.size))
        painter.restore()

    def paint_patch(
        self, painter: QPainter, viewport: Viewport, exposed: QRectF, dpr: float, patch: Patch
    ) -> None:
        """Paint `patch` in place of the composite below it."""
        level = self.pyramid.level_for(viewport.zoom * dpr)
        piece = patch.piece(self.pyramid, level, self._cover if self._source.covered else None)
        self._opaque = self._opaque and patch.opaque
        reach = grown(patch.box, math.ceil(_CLIP / viewport.zoom) + (1 << piece.level))
        x0, y0, x1, y1 = viewport.widget_bounds(reach)
        painter.save()
        painter.setClipRect(exposed.intersected(QRectF(x0, y0, x1 - x0, y1 - y0)), _CUT)
        if not viewport.quarter_turned:
            outline = corners(viewport, reach).toPolygon()
            painter.setClipRegion(QRegion(outline), _CUT)  # a path would let half pixels of checks shine in
        self._paint_checks(painter, viewport, dpr)
        paint_piece(painter, viewport, dpr, piece)
        painter.restore()

    def _paint_checks(self, painter: QPainter, viewport: Viewport, dpr: float) -> None:
        """Paint the checkerboard that shows through, standing still in the widget."""
        if self._opaque:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not viewport.quarter_turned)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_checks(dpr))
        painter.drawPolygon(corners(viewport, Box(0, 0, *self.size)))

    def _seen(self, viewport: Viewport, exposed: QRectF, level: int) -> Box | None:
        """The level's pixels that `exposed` shows, and their neighbours for smooth sampling."""
        edges = exposed.left(), exposed.top(), exposed.right(), exposed.bottom()
        reach = grown(viewport.picture_box(*edges), 2 << level)
        return meet(halved(reach, level), self.pyramid.box(level))

    def _composite(self, box: Box, out: Plane) -> None:
        view = premultiplied_view(out)
        self._source.composite(box, view)
        self._opaque = self._opaque and is_opaque(out)

    def _composite_cover(self, box: Box, out: Plane) -> None:
        self._source.composite_cover(box, premultiplied_view(out))


def corners(viewport: Viewport, box: Box) -> QPolygonF:
    """A box of the picture in the widget."""
    x0, y0, x1, y1 = box
    places = (viewport.to_widget(u, v) for u, v in ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
    return QPolygonF([QPointF(x, y) for x, y in places])


@lru_cache(maxsize=4)
def _checks(dpr: float) -> QBrush:
    """Squares of whole device pixels."""
    edge = round(_CHECK * dpr)
    tile = QImage(2 * edge, 2 * edge, QImage.Format.Format_RGB32)
    tile.fill(QColor(_CHECKS[0]))
    painter = QPainter(tile)
    for x, y in ((edge, 0), (0, edge)):
        painter.fillRect(x, y, edge, edge, QColor(_CHECKS[1]))
    painter.end()
    brush = QBrush(tile)
    brush.setTransform(QTransform.fromScale(1 / dpr, 1 / dpr))
    return brush
