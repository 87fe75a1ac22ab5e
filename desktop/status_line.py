"""StatusLine: sentences in the status bar, which go when they have been read or done."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QStatusBar

_LEAST_MS, _CHARACTER_MS = 8000, 100  # a sentence stays for reading it slowly


class StatusLine(QObject):
    """Args: bar: where they are shown."""

    def __init__(self, bar: QStatusBar) -> None:
        super().__init__(bar)
        self._bar = bar
        self._asked = ""

    def tell(self, sentence: str) -> None:
        """Show a sentence for a while."""
        self._bar.showMessage(sentence, max(_LEAST_MS, _CHARACTER_MS * len(sentence)))

    def ask(self, sentence: str) -> None:
        """Show a sentence until the next one, or until `answered`."""
        self._asked = sentence
        self._bar.showMessage(sentence)

    def answered(self) -> None:
        """What was asked for has been done."""
        if self._bar.currentMessage() == self._asked:
            self._bar.clearMessage()
