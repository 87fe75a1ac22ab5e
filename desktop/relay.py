"""Relay: brings what other threads have made to the window's thread."""

from contextlib import suppress

from PySide6.QtCore import QObject, Signal


class Relay(QObject):
    """One for all who hear of the same kind of work, and for ever.

    An object of Qt must not go while another thread speaks through it, nor in that thread, which could be the
    last to hold one that belongs to a window.
    """

    told = Signal(object)

    def tell(self, what: object) -> None:
        """From any thread; heard by the slots in theirs."""
        with suppress(RuntimeError):  # Qt has ended meanwhile
            self.told.emit(what)
