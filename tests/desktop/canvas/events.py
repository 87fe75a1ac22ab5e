"""What a hand does on a widget, as Qt tells it: mouse, pen, wheel, touchpad and keys."""

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPointingDevice,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication

LEFT, RIGHT, MIDDLE, NONE = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.RightButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.NoButton,
)
KEYS = Qt.KeyboardModifier
PRESS, MOVE, RELEASE = (
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseMove,
    QEvent.Type.MouseButtonRelease,
)


def mouse(canvas, kind, x, y, button=LEFT, keys=KEYS.NoModifier, device=None):
    at, held = QPointF(x, y), NONE if kind == RELEASE else button
    button = NONE if kind == MOVE else button
    args = (kind, at, QPointF(canvas.mapToGlobal(at)), button, held, keys)
    QApplication.sendEvent(canvas, QMouseEvent(*args, device) if device else QMouseEvent(*args))


def key(canvas, code, *, down=True, keys=KEYS.NoModifier):
    kind = QEvent.Type.KeyPress if down else QEvent.Type.KeyRelease
    QApplication.sendEvent(canvas, QKeyEvent(kind, code, keys))


def stylus(pointer=QPointingDevice.PointerType.Pen):
    return QPointingDevice(
        "pen",
        7,
        QInputDevice.DeviceType.Stylus,
        pointer,
        QInputDevice.Capability.Position | QInputDevice.Capability.Pressure,
        1,
        2,
    )


def pen(canvas, device, kind, x, y, *, pressure=0.5, button=LEFT, keys=KEYS.NoModifier):
    at = QPointF(x, y)
    moving = kind == QEvent.Type.TabletMove
    held = NONE if kind == QEvent.Type.TabletRelease else button
    pressed = NONE if moving else button
    event = QTabletEvent(
        kind,
        device,
        at,
        QPointF(canvas.mapToGlobal(at)),
        pressure,
        0,
        0,
        0,
        0,
        0,
        keys,
        pressed,
        held,
    )
    QApplication.sendEvent(canvas, event)
    return event


def wheel(canvas, x, y, *, notches=0.0, pixels=(0, 0), keys=KEYS.NoModifier):
    fingers = pixels != (0, 0)
    phase = Qt.ScrollPhase.ScrollUpdate if fingers else Qt.ScrollPhase.NoScrollPhase
    at = QPointF(x, y)
    angle = QPoint(0, pixels[1] if fingers else round(notches * 120))
    event = QWheelEvent(at, QPointF(canvas.mapToGlobal(at)), QPoint(*pixels), angle, NONE, keys, phase, False)
    QApplication.sendEvent(canvas, event)


def gesture(canvas, kind, value, x, y):
    device = QPointingDevice.primaryPointingDevice()
    at = QPointF(x, y)
    event = QNativeGestureEvent(kind, device, 2, at, at, QPointF(canvas.mapToGlobal(at)), value, QPointF())
    QApplication.sendEvent(canvas, event)
