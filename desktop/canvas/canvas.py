"""Canvas: shows the picture, a preview over it and the markers; hands pulls on it to whoever listens."""

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTransform,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.canvas.overlay import paint_markers
from desktop.canvas.viewport import Viewport
from desktop.document import Document
from desktop.document.pixels import image_view
from engine import Box, Image, Point, PointPair

_SHARP_ZOOM = 2.0  # from here on pixels are shown as squares
_WHEEL_STEP = 120  # eighths of a degree: one notch


class Canvas(QWidget):
    """The picture in the window. Signals carry places in picture pixels."""

    pressed = Signal(Point)
    pulled = Signal(Point)
    released = Signal(Point)
    view_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(320, 240)
        self.setAccessibleName(self.tr("Picture"))
        self._document: Document | None = None
        self._preview: tuple[Image, Box] | None = None
        self._points: tuple[PointPair, ...] | None = None
        self._fits = True  # the view follows the window's size until the user zooms or pans
        self._pan_from: QPointF | None = None
        self._space = False
        self.viewport = Viewport()

    def set_document(self, document: Document) -> None:
        self._document = document
        self.clear_preview()
        document.pixels_changed.connect(self.update)
        document.instruction_changed.connect(self.update)
        self.fit()

    def show_preview(self, image: Image, box: Box, points: tuple[PointPair, ...] | None = None) -> None:
        """Lay `image` over the picture's `box`, with `points` as its drags; the document stays as it is."""
        self._preview, self._points = (image, box), points
        self.update()

    def clear_preview(self) -> None:
        self._preview = self._points = None
        self.update()

    def fit(self) -> None:
        """Show the whole picture, and go on doing so while the window's size changes."""
        self._fits = True
        if self._document is not None:
            self._set_view(self.viewport.fitted(self._document.size, (self.width(), self.height())))

    def show_pixels(self) -> None:
        """Show one picture pixel per device pixel, about the middle of the view."""
        self._fits = False
        factor = 1 / (self.devicePixelRatioF() * self.viewport.zoom)
        self._set_view(self.viewport.zoomed(factor, self.width() / 2, self.height() / 2))

    def _set_view(self, viewport: Viewport) -> None:
        self.viewport = viewport
        self.update()
        self.view_changed.emit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        painter.fillRect(event.rect(), QColor("#3a3a3a"))
        if self._document is None:
            return
        view = self.viewport
        a, b, c, d = view.matrix
        painter.setWorldTransform(QTransform(a, b, c, d, view.x, view.y))
        sharp = view.zoom * self.devicePixelRatioF() >= _SHARP_ZOOM
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not sharp)
        pixels = self._document.photo.pixels
        painter.drawImage(QRectF(0, 0, *self._document.size), image_view(pixels))
        if self._preview is not None:
            image, box = self._preview
            painter.drawImage(QRectF(box.x0, box.y0, box.width, box.height), image_view(image))
        painter.resetTransform()
        marked = self._document.instruction
        paint_markers(painter, view, marked.points if self._points is None else self._points, marked.pins)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        if self._fits:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        self._fits = False
        at = event.position()
        self._set_view(self.viewport.zoomed(1.25 ** (event.angleDelta().y() / _WHEEL_STEP), at.x(), at.y()))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Space:
            self._space = True
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
        else:
            super().keyReleaseEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        middle = event.button() == Qt.MouseButton.MiddleButton
        if middle or (self._space and event.button() == Qt.MouseButton.LeftButton):
            self._pan_from = event.position()
        elif event.button() == Qt.MouseButton.LeftButton and self._document is not None:
            self.pressed.emit(self._place(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._pan_from is not None:
            moved = event.position() - self._pan_from
            self._pan_from, self._fits = event.position(), False
            self._set_view(self.viewport.panned(moved.x(), moved.y()))
        elif event.buttons() & Qt.MouseButton.LeftButton and self._document is not None:
            self.pulled.emit(self._place(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._pan_from is not None:
            self._pan_from = None
        elif event.button() == Qt.MouseButton.LeftButton and self._document is not None:
            self.released.emit(self._place(event))

    def _place(self, event: QMouseEvent) -> Point:
        assert self._document is not None
        x, y = self.viewport.to_picture(event.position().x(), event.position().y())
        width, height = self._document.size
        return Point(min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height)))
