"""What a user's hands do to the window in tests, and what the eyes see."""

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication

from desktop.document.compositor import flatten
from desktop.window import MainWindow
from engine import Engine, samples

BY_NAME = {sample.name: sample for sample in samples()}


def settle(window):
    """Let the window close without its question."""
    if window.document is not None:
        window.document.undo_stack.clear()


def shown_window(qtbot, worker=None):
    """A window on the screen, which the test closes."""
    window = MainWindow(Engine(), worker)
    qtbot.addWidget(window, before_close_func=settle)
    with qtbot.waitExposed(window):
        window.show()
    return window


def send(window, kind, place):
    """A mouse event of the left button at a place of the picture."""
    canvas = window.workspace.canvas
    at = QPointF(*canvas.viewport.to_widget(*place))
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    moving, releasing = kind == QEvent.Type.MouseMove, kind == QEvent.Type.MouseButtonRelease
    event = QMouseEvent(
        kind,
        at,
        QPointF(canvas.mapToGlobal(at)),
        none if moving else left,
        none if releasing else left,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(canvas, event)


def pull(window, start, end):
    """Press at a place of the picture, pull in steps, and let go at another."""
    send(window, QEvent.Type.MouseButtonPress, start)
    for step in (0.3, 0.7, 1):
        send(window, QEvent.Type.MouseMove, tuple(np.add(start, step * np.subtract(end, start))))
    send(window, QEvent.Type.MouseButtonRelease, end)


def grab(window):
    image = window.workspace.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    return (
        np.frombuffer(image.constBits(), np.uint8)
        .reshape(image.height(), image.bytesPerLine() // 4, 4)
        .copy()
    )


def press(qtbot, window, key, modifiers=Qt.KeyboardModifier.NoModifier):
    """Press a key on the picture; where that keeps an edit, wait for the layer."""
    qtbot.keyClick(window.workspace.canvas, key, modifiers)
    qtbot.waitUntil(lambda: window.session.keeper.awaited is None)


def flat(window):
    return flatten(window.document.layers, window.document.size)
