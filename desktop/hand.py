"""Hand: works the window by real events, and waits until what they did can be seen. For measurements."""

import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QEventLoop, QObject, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication

from desktop.canvas.input import CanvasInput
from desktop.document import Document
from desktop.window import MainWindow

_PATIENCE_S = 60.0
_NOTCH = 120  # eighths of a degree
_SLEEPING = QEventLoop.ProcessEventsFlag.WaitForMoreEvents
_NONE, _LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton


class Hand(QObject):
    """Places are picture pixels, or the canvas's own where a method's name ends in “at”."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self._held = _NONE
        self._paints = 0
        self.canvas.installEventFilter(self)
        window.filing.opened.connect(self._look_anew)
        QTimer(self, interval=100).start()  # an event, where nothing else is to happen

    @property
    def canvas(self) -> CanvasInput:
        return self.window.workspace.canvas

    @property
    def document(self) -> Document:
        assert self.window.document is not None
        return self.window.document

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint:
            self._paints += 1
        return False

    def time(self, act: Callable[[], object]) -> float:
        """Milliseconds from an act to the end of the canvas's next painting."""
        QApplication.processEvents()
        self._paints = 0
        begun = time.perf_counter()
        act()
        self.wait(lambda: self._paints > 0)
        return (time.perf_counter() - begun) * 1e3

    def wait(self, done: Callable[[], bool]) -> None:
        """Handle events until something is so."""
        end = time.perf_counter() + _PATIENCE_S
        while not done():
            QApplication.processEvents(_SLEEPING)  # else this thread would slow down those it waits for
            assert time.perf_counter() < end, "nothing happens any more"

    def rest(self) -> None:
        """Let the window finish what it does in the background and in its idle time."""
        QApplication.processEvents()
        self.wait(lambda: not self.window.session.busy)
        projection = self.canvas.projection
        while projection is not None and projection.pyramid.work(1.0):
            pass
        QApplication.processEvents()

    def open(self, path: Path) -> None:
        """Open a picture and see it painted; what was open is lost."""
        before = self.window.document
        if before is not None:
            before.undo_stack.clear()
        self.window.filing.open_path(path)
        self.wait(lambda: self.window.document is not before and self._paints > 0)

    def close(self) -> None:
        """Close the window; what was open is lost."""
        if self.window.document is not None:
            self.window.document.undo_stack.clear()
        self.window.close()
        self.window.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def press(self, place: QPointF) -> None:
        self.press_at(self._at(place))

    def move(self, place: QPointF) -> None:
        self.move_at(self._at(place))

    def release(self, place: QPointF) -> None:
        self.release_at(self._at(place))

    def press_at(self, at: QPointF, button: Qt.MouseButton = _LEFT) -> None:
        self._held = button
        self._send(QEvent.Type.MouseButtonPress, at, button)

    def move_at(self, at: QPointF) -> None:
        self._send(QEvent.Type.MouseMove, at, _NONE)

    def release_at(self, at: QPointF) -> None:
        button, self._held = self._held, _NONE
        self._send(QEvent.Type.MouseButtonRelease, at, button)

    def turn_wheel(self, at: QPointF, notches: int) -> None:
        """Turn the wheel, away from the user where positive."""
        turned, keys = QPoint(0, notches * _NOTCH), Qt.KeyboardModifier.NoModifier
        whole = QPointF(self.canvas.mapToGlobal(at))
        event = QWheelEvent(
            at, whole, QPoint(), turned, self._held, keys, Qt.ScrollPhase.NoScrollPhase, False
        )
        QApplication.sendEvent(self.canvas, event)

    def _look_anew(self) -> None:
        self._paints = 0
        self.window.workspace.first_hint.hide()  # it is for other hands, and paints all the time

    def _at(self, place: QPointF) -> QPointF:
        return QPointF(*self.canvas.viewport.to_widget(place.x(), place.y()))

    def _send(self, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton) -> None:
        whole = QPointF(self.canvas.mapToGlobal(at))
        event = QMouseEvent(kind, at, whole, button, self._held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(self.canvas, event)
