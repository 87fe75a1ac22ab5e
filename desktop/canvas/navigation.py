"""Navigation: panning, zooming and turning the view by mouse, pen, wheel, touchpad and held Space."""

import math
from typing import Literal, Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QNativeGestureEvent, QTabletEvent, QWheelEvent

from desktop.canvas.viewport import Viewport

_NOTCH = 120  # eighths of a degree
_NOTCH_ZOOM = 1.25
_PULL_ZOOM = 150  # device-independent pixels of scrubbing that double the zoom
_PULL_TURN = math.radians(0.5)  # for each device-independent pixel
_MAGNET = math.radians(2)

Way = Literal["pan", "zoom", "turn"]
_CURSORS = {
    "pan": Qt.CursorShape.ClosedHandCursor,
    "zoom": Qt.CursorShape.SizeHorCursor,
    "turn": Qt.CursorShape.SizeHorCursor,
}


class Viewed(Protocol):
    """The canvas, as far as it is navigated."""

    @property
    def exact_viewport(self) -> Viewport: ...

    def set_viewport(self, viewport: Viewport) -> None: ...

    def toggle_fit(self, x: float, y: float) -> None: ...


class Navigation:
    """The gestures that change the view. Each method says whether the event was one of them."""

    def __init__(self, view: Viewed) -> None:
        self._view = view
        self._space = False
        self._way: Way | None = None
        self._from = QPointF()
        self._start = Viewport()

    @property
    def cursor(self) -> Qt.CursorShape | None:
        if self._way is not None:
            return _CURSORS[self._way]
        return Qt.CursorShape.OpenHandCursor if self._space else None

    @property
    def active(self) -> bool:
        return self._way is not None

    def key(self, event: QKeyEvent, *, down: bool) -> bool:
        if event.key() != Qt.Key.Key_Space:
            return False
        if not event.isAutoRepeat():
            self._space = down
        return True

    def stop(self) -> None:
        """The canvas no longer hears of keys and buttons."""
        self._space, self._way = False, None

    def press(self, event: QMouseEvent | QTabletEvent) -> bool:
        if self._way is not None:
            return True
        if event.button() == Qt.MouseButton.MiddleButton:
            self._way = "pan"
        elif self._space and event.button() == Qt.MouseButton.LeftButton:
            keys = event.modifiers()
            turn, zoom = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
            self._way = "turn" if keys & turn else "zoom" if keys & zoom else "pan"
        self._from, self._start = event.position(), self._view.exact_viewport
        return self._way is not None

    def move(self, event: QMouseEvent | QTabletEvent) -> bool:
        if self._way is None:
            return False
        moved, x, y = event.position() - self._from, self._from.x(), self._from.y()
        if self._way == "pan":
            view = self._start.panned(moved.x(), moved.y())
        elif self._way == "zoom":
            view = self._start.zoomed(2 ** (moved.x() / _PULL_ZOOM), x, y)
        else:
            always = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            turned = self._start.rotated(moved.x() * _PULL_TURN, x, y)
            view = turned.snapped(x, y, math.pi if always else _MAGNET)
        self._view.set_viewport(view)
        return True

    def release(self, event: QMouseEvent | QTabletEvent) -> bool:
        left = event.buttons() & (Qt.MouseButton.LeftButton | Qt.MouseButton.MiddleButton)
        was, self._way = self._way, self._way if left else None
        return was is not None

    def wheel(self, event: QWheelEvent) -> None:
        """A notched wheel zooms; two fingers on a touchpad pan, and with Ctrl zoom."""
        x, y = event.position().x(), event.position().y()
        view, pixels, angle = self._view.exact_viewport, event.pixelDelta(), event.angleDelta()
        fingers = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        keys = event.modifiers()
        if fingers and not keys & Qt.KeyboardModifier.ControlModifier:
            self._view.set_viewport(view.panned(pixels.x(), pixels.y()))
        elif keys & Qt.KeyboardModifier.ShiftModifier:
            self._view.set_viewport(view.panned((angle.y() or angle.x()) / 2, 0))
        elif angle.y():
            self._view.set_viewport(view.zoomed(_NOTCH_ZOOM ** (angle.y() / _NOTCH), x, y))

    def gesture(self, event: QNativeGestureEvent) -> bool:
        x, y = event.position().x(), event.position().y()
        view, kind = self._view.exact_viewport, event.gestureType()
        if kind == Qt.NativeGestureType.ZoomNativeGesture:
            self._view.set_viewport(view.zoomed(max(1 + event.value(), 0.1), x, y))
        elif kind == Qt.NativeGestureType.RotateNativeGesture:
            self._view.set_viewport(view.rotated(math.radians(event.value()), x, y))
        elif kind == Qt.NativeGestureType.SmartZoomNativeGesture:
            self._view.toggle_fit(x, y)
        else:
            return False
        return True
