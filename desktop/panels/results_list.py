"""ResultsList: the pictures that were made on demand of the same drags; a click shows another one."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QWidget

from desktop.document.pixels import image_view
from desktop.made import Candidate

_SIDE = 40  # device-independent pixels of a thumbnail
_MOST_ROWS = 4  # that are seen at once


class ResultsList(QListWidget):
    """The first row stands for what is made without any of them; hidden while there is nothing else."""

    chosen = Signal(object)  # by the user: index among the candidates, or None for the first row

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Results"))
        tip = self.tr("The results of these drags; choose the one to see and to keep.")
        self.setAccessibleDescription(tip)
        self.setToolTip(tip)
        self.setIconSize(QSize(_SIDE, _SIDE))
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Later, as what is chosen changes the list.
        self.currentRowChanged.connect(self._choose, Qt.ConnectionType.QueuedConnection)
        self.hide()

    def offer(self, candidates: Sequence[Candidate], shown: bool) -> None:
        """List these.

        Args:
            shown: whether the last of them is seen on the canvas; else what is made without.
        """
        with QSignalBlocker(self):
            self.clear()
            self.addItem(_item(self.tr("Without refining")))
            for candidate in candidates:
                item = _item(self._words(candidate))
                item.setIcon(_thumbnail(candidate, self.devicePixelRatioF()))
                self.addItem(item)
            last = [row for row, candidate in enumerate(candidates, 1) if candidate.last]
            self.setCurrentRow(last[0] if shown and last else 0)
        rows = min(self.count(), _MOST_ROWS)
        self.setFixedHeight(rows * max(self.sizeHintForRow(0), 1) + 2 * self.frameWidth())
        self.setVisible(bool(candidates))

    def _choose(self, row: int) -> None:
        if row == self.currentRow():  # else the list has changed since
            self.chosen.emit(row - 1 if row > 0 else None)

    def _words(self, candidate: Candidate) -> str:
        words = candidate.title
        if candidate.way is not None:
            percent = max(0, round(100 * candidate.way))
            # Title of a method and what part of its way the least far drag went.
            words = self.tr("{title} · {percent} %").format(title=words, percent=percent)
        return self.tr("{title}, stopped early").format(title=words) if candidate.partial else words


def _item(words: str) -> QListWidgetItem:
    item = QListWidgetItem(words)
    item.setSizeHint(QSize(0, _SIDE + 6))
    return item


def _thumbnail(candidate: Candidate, ratio: float) -> QIcon:
    side = round(_SIDE * ratio)
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    small = QPixmap.fromImage(image_view(candidate.image).scaled(side, side, keep, smooth))
    small.setDevicePixelRatio(ratio)
    return QIcon(small)
