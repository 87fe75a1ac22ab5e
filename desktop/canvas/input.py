"""CanvasInput: the canvas with hands: mouse, pen, wheel, touchpad and keys become views or gestures."""

from typing import Literal

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPointingDevice,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.canvas.navigation import Navigation
from desktop.canvas.view import CanvasView
from desktop.tools.tool import Pointer, Tool
from engine import Point

_PENS = QPointingDevice.PointerType.Pen, QPointingDevice.PointerType.Eraser
_BUTTONS = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton


class CanvasInput(CanvasView):
    """The canvas of the window.

    A gesture belongs to the device that began it. Pen events are always taken, and mouse events that a system
    makes from them are dropped, so that no stroke is drawn twice.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setAccessibleName(self.tr("Picture"))
        self._navigation = Navigation(self)
        self._tool: Tool | None = None
        self._gesture: Literal["mouse", "pen"] | None = None
        self._button = Qt.MouseButton.NoButton
        self._pen_down = False

    @property
    def tool(self) -> Tool | None:
        return self._tool

    def set_tool(self, tool: Tool | None) -> None:
        """Hand the events to this tool; a gesture of the tool before is cancelled."""
        self.cancel_gesture()
        if self._tool is not None:
            self._tool.leave()
        self._tool = tool
        self._show_cursor()
        self.update()

    def cancel_gesture(self) -> bool:
        """Take back what the hand is doing; → whether it did anything."""
        if self._gesture is None:
            return False
        self._gesture = None
        if self._tool is not None:
            self._tool.cancel()
        return True

    def paint_overlays(self, painter: QPainter, exposed: QRect) -> None:
        super().paint_overlays(painter, exposed)
        if self._tool is not None:
            self._tool.paint_overlay(painter, self.viewport)

    def _show_cursor(self) -> None:
        shape = self._navigation.cursor
        if shape is None:
            shape = Qt.CursorShape.ArrowCursor if self._tool is None else self._tool.cursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)

    def _pointer(self, event: QMouseEvent | QTabletEvent, *, double: bool = False) -> Pointer:
        pen = isinstance(event, QTabletEvent)
        eraser = pen and event.pointerType() == QPointingDevice.PointerType.Eraser
        right = self._gesture is not None and self._button == Qt.MouseButton.RightButton
        return Pointer(
            at=Point(*self.viewport.to_picture(event.position().x(), event.position().y())),
            view=self.viewport,
            modifiers=event.modifiers(),
            pressure=event.pressure() if pen else 1.0,
            device="pen" if pen else "mouse",
            secondary=right or eraser,
            eraser=eraser,
            double=double,
        )

    def _press(self, event: QMouseEvent | QTabletEvent, *, double: bool = False) -> None:
        ours = self._gesture is None and self._navigation.press(event)
        free = self._gesture is None and self.projection is not None and event.button() in _BUTTONS
        if not ours and free and self._tool is not None:
            self._gesture = "pen" if isinstance(event, QTabletEvent) else "mouse"
            self._button = event.button()
            self._tool.press(self._pointer(event, double=double))
        self._show_cursor()

    def _move(self, event: QMouseEvent | QTabletEvent) -> None:
        if self.projection is None:
            return
        pointer = self._pointer(event)
        if not self._navigation.move(event) and self._tool is not None:
            if self._gesture == pointer.device:
                self._tool.move(pointer)
            elif self._gesture is None:
                self._tool.hover(pointer)
        self._show_cursor()
        x, y = event.position().x(), event.position().y()
        self.hovered.emit(Point(*self.viewport.to_picture(x, y)))  # the view may have moved

    def _release(self, event: QMouseEvent | QTabletEvent) -> None:
        device = "pen" if isinstance(event, QTabletEvent) else "mouse"
        if self._gesture == device and event.button() == self._button:
            pointer = self._pointer(event)
            self._gesture = None
            if self._tool is not None:
                self._tool.release(pointer)
        elif self._gesture is None:
            self._navigation.release(event)
        self._show_cursor()

    def _made_from_pen(self, event: QMouseEvent) -> bool:
        return self._pen_down or event.pointerType() in _PENS

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's names
        if not self._made_from_pen(event):
            self._press(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self._made_from_pen(event):
            self._press(event, double=True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self._made_from_pen(event):
            self._move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self._made_from_pen(event):
            self._release(event)

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        event.accept()
        if event.type() == QEvent.Type.TabletPress:
            self._pen_down = True
            self._press(event)
        elif event.type() == QEvent.Type.TabletRelease:
            self._release(event)
            self._pen_down = event.buttons() != Qt.MouseButton.NoButton
        else:
            self._move(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        event.accept()
        if self.projection is not None:
            self._navigation.wheel(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if not (self._navigation.key(event, down=True) or self._tool_key(event)):
            super().keyPressEvent(event)
        self._show_cursor()

    def _tool_key(self, event: QKeyEvent) -> bool:
        if self._tool is None:
            return False
        if event.key() == Qt.Key.Key_Escape:
            self._gesture = None
            return self._tool.cancel()
        return self._tool.key(Qt.Key(event.key()), event.modifiers())

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if not self._navigation.key(event, down=False):
            super().keyReleaseEvent(event)
        self._show_cursor()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self._navigation.stop()
        self._show_cursor()
        super().focusOutEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        if self._tool is not None:
            self._tool.leave()
        super().leaveEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if isinstance(event, QNativeGestureEvent):
            return self.projection is not None and self._navigation.gesture(event)
        escapes = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if event.type() == QEvent.Type.ShortcutOverride and escapes and self._gesture is not None:
            event.accept()  # before a menu's shortcut, which may mean something else by it
            return True
        return super().eventFilter(watched, event)
