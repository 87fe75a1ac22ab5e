"""Collector: reference cycles are collected on the window's thread, and nowhere else.

Python collects them in whichever thread happens to allocate. If an object of Qt is among them it dies there:
Qt then asks the senders connected to it for an override, which waits for Python, while it holds a lock that
the window's thread, holding Python, waits for as soon as it connects a signal. Both stand still for ever.
"""

import gc

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

_TICK = 1000  # milliseconds
_THOROUGH = 5  # ticks
_LONGEST_GESTURE = 30  # ticks; Qt misses a release now and then


class Collector(QObject):
    """Ends Python's own collections, and makes them from the event loop, in its rhythm; one at a time."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._thorough, self._waited = 0, 0  # ticks
        gc.disable()
        self._timer = QTimer(self, interval=_TICK, timerType=Qt.TimerType.VeryCoarseTimer)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect_all(self) -> None:
        """Leave nothing at the next ticks: a document goes, whose pixels are held in a circle.

        At several, as somebody may still be at work with it.
        """
        self._thorough = _THOROUGH

    def collect(self) -> None:
        """Collect the oldest generation that is due; not while a button is held, as a gesture would jerk."""
        held = QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton
        if held and self._waited < _LONGEST_GESTURE:
            self._waited += 1
            return
        self._waited = 0
        limits = zip(gc.get_count(), gc.get_threshold(), strict=True)
        due = [generation for generation, (count, most) in enumerate(limits) if count > most]
        if self._thorough:
            self._thorough -= 1
            gc.collect()
        elif due:
            gc.collect(max(due))
