"""CanvasView: shows a source, a preview over it and overlays; hands what is done on it to the active tool."""

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QWidget

from desktop.canvas.patch import Patch
from desktop.canvas.projection import Projection, Source
from desktop.canvas.viewport import Viewport
from engine import Box, Image, Point

_GROW = 2  # device-independent pixels around a changed box, for smooth sampling
_IDLE_MS, _IDLE_WORK_S = 40, 0.004
_MOST_RECTS = 6  # of a stale region; more are painted as one


class Overlay(Protocol):
    """What is painted over the picture."""

    def paint(self, painter: QPainter, viewport: Viewport, exposed: QRect) -> None:
        """Paint what lies in `exposed`, in widget coordinates."""
        ...


class CanvasView(QWidget):
    """The painting half of the canvas; `CanvasInput` adds the hands.

    The picture, with the preview, is kept as it was painted; overlays are painted over it each time.
    So moving a marker costs no pixel of the picture.
    """

    view_changed = Signal()
    painted = Signal()  # all that was to be shown so far
    hovered = Signal(Point)  # in picture pixels

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMinimumSize(320, 240)
        self.installEventFilter(self)  # in place of event(): from under one in Python, errors crash Shiboken
        self.projection: Projection | None = None
        self.overlays: list[Overlay] = []
        self._surround = QColor("#3a3a3a")
        self._exact = Viewport()
        self._viewport = Viewport()
        self._fits = True  # the view follows the widget's size until the user zooms or pans
        self._patch: Patch | None = None
        self._patch_hidden = False
        self._split = 0.0
        self._painted = QImage()  # the widget's picture, in device pixels
        self._stale = QRegion()  # what of it is to be painted anew
        self._idle = QTimer(self, interval=_IDLE_MS)
        self._idle.timeout.connect(self._work)

    @property
    def viewport(self) -> Viewport:
        """The view that is painted, and that events and overlays are to be read by."""
        return self._viewport

    @property
    def exact_viewport(self) -> Viewport:
        """The view before its origin was put on a device pixel: what the next one is made from."""
        return self._exact

    @property
    def level(self) -> int:
        """How often the picture may be halved and still have a pixel for each device pixel."""
        if self.projection is None:
            return 0
        return self.projection.pyramid.level_for(self._viewport.zoom * self.devicePixelRatioF())

    @property
    def fits(self) -> bool:
        return self._fits

    def set_source(self, source: Source | None) -> None:
        """Show a source from the start, in full."""
        self.projection = None if source is None else Projection(source)
        self._patch = None
        self.fit()
        self._repaint()

    def invalidate(self, boxes: Iterable[Box]) -> None:
        """The source has other pixels in these boxes of the picture."""
        if self.projection is not None:
            for box in boxes:
                self.projection.invalidate(box)
                self._repaint(box)

    def invalidate_cover(self) -> None:
        """Other layers lie over a preview."""
        if self.projection is not None:
            self.projection.invalidate_cover()
            self._repaint(None if self._patch is None else self._patch.box)

    def show_preview(self, image: Image, box: Box, halvings: int = 0) -> None:
        """Show `image`, straight RGBA, in place of a part of the picture; the source stays as it is.

        Args:
            image: (h, w, 4) uint8, of the size of `box`.
            box: in pixels of the picture halved `halvings` times.
        """
        before = self._patch
        self._patch = Patch(image, box, halvings)
        if before is not None and before.box != self._patch.box:
            self._repaint(before.box)
        self._repaint(self._patch.box)

    def clear_preview(self) -> None:
        if self._patch is not None:
            box, self._patch = self._patch.box, None
            self._repaint(box)

    def set_preview_hidden(self, hidden: bool) -> None:
        """Show the picture without its preview, as long as the user looks at the state before."""
        self._patch_hidden = hidden
        if self._patch is not None:
            self._repaint(self._patch.box)

    def set_split(self, x: float) -> None:
        """Show the preview only right of this place of the widget, on whole device pixels; 0: everywhere."""
        low, high = sorted((self._split, x))
        self._split = x
        if self._patch is not None and low < high:
            strip = QRectF(low, 0, high - low, self.height()).toAlignedRect()
            self._repaint_rect(strip & self.widget_rect(self._patch.box))

    def set_surround(self, colour: QColor) -> None:
        """What is shown around the picture."""
        self._surround = colour
        self._repaint()

    def update_overlay(self, rects: Sequence[QRectF] | None = None) -> None:
        """Paint the overlays anew, in these rectangles of the widget or everywhere; never the picture."""
        if rects is None:
            self.update()
        for rect in rects or ():
            self.update(rect.toAlignedRect())

    def fit(self) -> None:
        """Show the whole picture, and go on doing so while the widget's size changes."""
        self._fits = True
        if self.projection is not None:
            dpr = self.devicePixelRatioF()
            size = self.width(), self.height()
            self._take(self._exact.fitted(self.projection.size, size, dpr=dpr))

    def show_pixels(self, x: float | None = None, y: float | None = None) -> None:
        """Show one picture pixel per device pixel, about a place of the widget or its middle."""
        x, y = self._middle(x, y)
        self.set_viewport(self._exact.at_zoom(1 / self.devicePixelRatioF(), x, y))

    def zoom_by_steps(self, steps: int) -> None:
        self.set_viewport(self._exact.stepped(steps, *self._middle(), self.devicePixelRatioF()))

    def rotate(self, degrees: float) -> None:
        """Turn the view clockwise about its middle."""
        self.set_viewport(self._exact.rotated(math.radians(degrees), *self._middle()))

    def reset_rotation(self) -> None:
        self.set_viewport(self._exact.rotated(-self._exact.angle, *self._middle()))

    def mirror(self) -> None:
        """Mirror the view left to right about its middle."""
        self.set_viewport(self._exact.flipped(*self._middle()))

    def toggle_fit(self, x: float, y: float) -> None:
        """From the whole picture to its pixels at a place of the widget, or back."""
        if self._fits:
            self.show_pixels(x, y)
        else:
            self.fit()

    def set_viewport(self, viewport: Viewport) -> None:
        """Show this view, on device pixels; from now on it stays when the widget's size changes."""
        self._fits = False
        self._take(viewport)

    def widget_rect(self, box: Box) -> QRect:
        """The rectangle of the widget that a box of the picture may touch."""
        x0, y0, x1, y1 = self._viewport.widget_bounds(box)
        near = QRectF(self.rect()).adjusted(-9, -9, 9, 9)
        rect = QRectF(x0, y0, x1 - x0, y1 - y0).intersected(near)
        if rect.isEmpty():
            return QRect()
        return rect.toAlignedRect().adjusted(-_GROW, -_GROW, _GROW, _GROW)

    def _take(self, viewport: Viewport) -> None:
        self._exact = viewport
        aligned = viewport.aligned(self.devicePixelRatioF())
        if aligned != self._viewport:
            self._viewport = aligned
            self._repaint()
            self.view_changed.emit()

    def _middle(self, x: float | None = None, y: float | None = None) -> tuple[float, float]:
        return self.width() / 2 if x is None else x, self.height() / 2 if y is None else y

    def _repaint(self, box: Box | None = None) -> None:
        """Paint the picture anew where it shows `box`, or everywhere."""
        self._repaint_rect(self.rect() if box is None else self.widget_rect(box))

    def _repaint_rect(self, rect: QRect) -> None:
        rect &= self.rect()
        self._stale |= QRegion(rect)
        self.update(rect)

    def _work(self) -> None:
        """Make what is out of sight while nothing else is to do, so that the next view is at hand."""
        if self.projection is None or not self.projection.pyramid.work(_IDLE_WORK_S):
            self._idle.stop()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        dpr = self.devicePixelRatioF()
        self._refresh(dpr)
        painter = QPainter(self)
        painter.save()
        painter.scale(1 / dpr, 1 / dpr)  # device pixels onto device pixels
        painter.drawImage(0, 0, self._painted)
        painter.restore()
        if self.projection is not None:
            self.paint_overlays(painter, event.rect())
        painter.end()
        self._idle.start()
        self.painted.emit()

    def paint_overlays(self, painter: QPainter, exposed: QRect) -> None:
        for overlay in self.overlays:
            painter.save()
            overlay.paint(painter, self._viewport, exposed)
            painter.restore()

    def _refresh(self, dpr: float) -> None:
        """Bring the kept picture up to date where it is stale."""
        size = QSize(math.ceil(self.width() * dpr), math.ceil(self.height() * dpr))
        if self._painted.size() != size:
            self._painted = QImage(size, QImage.Format.Format_RGB32)
            self._stale = QRegion(self.rect())
        if self._stale.isEmpty():
            return
        many = self._stale.rectCount() > _MOST_RECTS
        parts: Iterable[QRect] = self._stale  # pyright: ignore[reportAssignmentType] - the stub lacks it
        rects = [self._stale.boundingRect()] if many else list(parts)
        self._stale = QRegion()
        painter = QPainter(self._painted)
        painter.scale(dpr, dpr)
        for rect in rects:
            self._paint_picture(painter, rect, dpr)
        painter.end()

    def _paint_picture(self, painter: QPainter, exposed: QRect, dpr: float) -> None:
        after = self._after(exposed, dpr)
        painter.save()
        painter.setClipRegion(QRegion(exposed) - self._hidden_below(after))
        painter.fillRect(exposed, self._surround)
        if self.projection is not None:
            self.projection.paint(painter, self._viewport, QRectF(exposed), dpr)
        painter.restore()
        if self.projection is not None and self._patch is not None and not after.isEmpty():
            self.projection.paint_patch(painter, self._viewport, after, dpr, self._patch)

    def _after(self, exposed: QRect, dpr: float) -> QRectF:
        """Where in `exposed` the preview is shown, if there is one: right of the split."""
        if self._patch is None or self._patch_hidden:
            return QRectF()
        split = round(self._split * dpr) / dpr
        return QRectF(exposed).intersected(QRectF(split, 0, self.width() - split, self.height()))

    def _hidden_below(self, after: QRectF) -> QRegion:
        """What the preview covers, so that nothing needs to be painted below it."""
        if self._patch is None or not self._patch.opaque or not self._viewport.quarter_turned:
            return QRegion()
        x0, y0, x1, y1 = self._viewport.widget_bounds(self._patch.box)
        inside = QRectF(x0 + 1, y0 + 1, x1 - x0 - 2, y1 - y0 - 2).intersected(after)
        left, top = math.ceil(inside.left()), math.ceil(inside.top())
        right, bottom = math.floor(inside.right()), math.floor(inside.bottom())
        return QRegion(left, top, max(right - left, 0), max(bottom - top, 0))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        if self._fits:
            self.fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._painted = QImage()
            self._take(self._exact)
            if self._fits:
                self.fit()
            self._repaint()
            self.view_changed.emit()
        return False
