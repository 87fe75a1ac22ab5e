"""Leaving: asks before a document is let go with which work would be lost."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from desktop.document import Document

_Button = QMessageBox.StandardButton
_Then = Callable[[], None]


class Leaving(QObject):
    """One request at a time: a new one takes the place of the one before. Nothing waits for the answer.

    Args:
        save: writes the open document, asking where if it has to, and calls its argument on success.
        window: the question belongs to it.
    """

    def __init__(self, save: Callable[[_Then], None], window: QWidget) -> None:
        super().__init__(window)
        self._save, self._window = save, window
        self._number = 0  # of the latest request; answers to those before count for nothing
        self._box: QMessageBox | None = None

    def ask(self, document: Document | None, then: _Then) -> None:
        """Call `then` at once where nothing would be lost, else when the user wants it so."""
        self.drop()
        if document is None or not (document.is_modified or holds_more(document)):
            then()
            return
        self._box = self._question(document)
        self._box.finished.connect(partial(self._answer, self._number, document, then))
        self._box.open()

    def drop(self) -> None:
        """Forget what was asked for, as if cancelled."""
        self._number += 1
        box, self._box = self._box, None  # it deletes itself when it closes
        if box is not None:
            box.close()

    def _question(self, document: Document) -> QMessageBox:
        box = QMessageBox(self._window)
        box.setWindowTitle("Pliant")
        box.setIcon(QMessageBox.Icon.Question)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if document.is_modified:
            box.setText(self.tr("The picture has changes that are not saved. Save it first?"))
            box.setStandardButtons(_Button.Save | _Button.Discard | _Button.Cancel)
            box.setDefaultButton(_Button.Save)
            if holds_more(document):
                box.setInformativeText(self.tr("Layers and masks are lost: a file holds the picture as one."))
        else:
            box.setText(self.tr("The picture is saved as one. Close it without its layers and masks?"))
            box.setStandardButtons(_Button.Discard | _Button.Cancel)
            box.setDefaultButton(_Button.Cancel)
            box.button(_Button.Discard).setText(self.tr("&Close"))
        box.setEscapeButton(_Button.Cancel)
        return box

    def _answer(self, number: int, document: Document, then: _Then, answer: int) -> None:
        if number != self._number:
            return
        self._box = None
        if answer == _Button.Save.value:
            self._save(partial(self._take_saved, number, document, then))
        elif answer == _Button.Discard.value:
            then()

    def _take_saved(self, number: int, document: Document, then: _Then) -> None:
        if number != self._number:
            return
        if document.is_modified:  # since the answer
            self.ask(document, then)
        else:
            then()


def holds_more(document: Document) -> bool:
    """Whether the user has made layers or masks, which no picture file holds."""
    state = document.settled
    masks = any(mask is not None and not mask.empty for mask in state.instruction.masks)
    return document.undo_stack.index() > 0 and (len(state.layers) > 1 or masks)
