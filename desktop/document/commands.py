"""The one command of undo: it swaps two states of the document, which share what the step left alone."""

from collections.abc import Callable
from weakref import WeakMethod

from PySide6.QtGui import QUndoCommand

from desktop.document.state import State

_MERGING = 1  # the id by which Qt asks one command to take up the next; -1: never


class Change(QUndoCommand):
    """From one state to the next.

    Args:
        settle: shows a state; held weakly, as the document owns the stack that owns this.
        merge: steps in a row with equal keys become one, such as nudges or moves of a slider; None: never.
    """

    def __init__(
        self,
        settle: "WeakMethod[Callable[[State], None]]",
        before: State,
        after: State,
        title: str,
        merge: object | None = None,
    ) -> None:
        super().__init__(title)
        self._settle, self._merge = settle, merge
        self.before, self.after = before, after

    def id(self) -> int:
        return -1 if self._merge is None else _MERGING

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802 - Qt's name
        """Take up the step after this one; together they may come to nothing."""
        if not isinstance(other, Change) or other._merge != self._merge:
            return False
        self.after = other.after
        self.setObsolete(self.before == self.after)
        return True

    def redo(self) -> None:
        self._show(self.after)

    def undo(self) -> None:
        self._show(self.before)

    def _show(self, state: State) -> None:
        settle = self._settle()
        if settle is not None:
            settle(state)
