"""HistoryPanel: every step, a click on which goes back or forth to it; and the results of the last one."""

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QSize
from PySide6.QtGui import QIcon, QPalette, QUndoStack
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem, QUndoView, QVBoxLayout, QWidget

from desktop.icons import icon, pixmap
from desktop.panels.results_list import ResultsList

_ROW, _ICON = 26, 16  # device-independent pixels


class HistoryPanel(QWidget):
    """The steps of one undo stack; the saved one carries an icon."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.results = ResultsList(self)
        self.view = QUndoView(self)
        self.view.setEmptyLabel(self.tr("As opened"))
        self.view.setAccessibleName(self.tr("History"))
        self.view.setAccessibleDescription(self.tr("The steps taken; choose one to go back or forth to it."))
        self.view.setIconSize(QSize(_ICON, _ICON))
        self.view.setItemDelegate(_Rows(self.view))
        self._show_clean_icon()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.results)
        layout.addWidget(self.view)

    def set_stack(self, stack: QUndoStack | None) -> None:
        """Show the steps of a document, or none."""
        self.view.setStack(stack)  # pyright: ignore[reportArgumentType] - the stub knows no None
        self.view.setEnabled(stack is not None)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.PaletteChange:
            self._show_clean_icon()
        super().changeEvent(event)

    def _show_clean_icon(self) -> None:
        """The icon in the text's colour, also where the step is chosen."""
        clean = QIcon(icon("save"))
        colour = self.palette().color(QPalette.ColorRole.HighlightedText)
        for ratio in (1.0, 2.0):
            clean.addPixmap(pixmap("save", _ICON, ratio, colour), QIcon.Mode.Selected)
        self.view.setCleanIcon(clean)


class _Rows(QStyledItemDelegate):
    """Rows of one height, with or without the icon."""

    def sizeHint(  # noqa: N802
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(super().sizeHint(option, index).width(), _ROW)
