"""Docks: the panels beside the picture, each in a frame that can be moved and closed."""

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

from desktop.document import Document
from desktop.panels.edit_panel import EditPanel
from desktop.panels.history_panel import HistoryPanel
from desktop.panels.layers_panel import LayersPanel
from desktop.panels.run_panel import Recommended
from desktop.warp_tier import METHOD
from engine import METHODS

_HEIGHTS = (9, 5, 4)  # of the docks, as shares

translate = QCoreApplication.translate


class Docks:
    """Fills a window's right side.

    Args:
        window: gets them.
        recommended: the settings that suit a method on a pack.
    """

    def __init__(self, window: QMainWindow, recommended: Recommended) -> None:
        self.layers = LayersPanel(window)
        self.edit = EditPanel(METHODS[METHOD].settings, recommended, window)
        self.history = HistoryPanel(window)
        self._docks = [
            _docked(window, name, title, panel)
            for name, title, panel in (
                ("edit", translate("MainWindow", "Drag"), self.edit),
                ("layers", translate("MainWindow", "Layers"), self.layers),
                ("history", translate("MainWindow", "History"), self.history),
            )
        ]
        window.resizeDocks(self._docks, _HEIGHTS, Qt.Orientation.Vertical)

    @property
    def actions(self) -> list[QAction]:
        """Those that show and hide them."""
        return [dock.toggleViewAction() for dock in self._docks]

    def set_document(self, document: Document) -> None:
        """Show another document."""
        self.layers.set_document(document)
        self.edit.set_document(document)
        self.history.set_stack(document.undo_stack)

    def set_enabled(self, enabled: bool) -> None:
        """Whether they can be used."""
        for dock in self._docks:
            dock.widget().setEnabled(enabled)


def _docked(window: QMainWindow, name: str, title: str, panel: QWidget) -> QDockWidget:
    dock = QDockWidget(title, window)
    dock.setObjectName(name)
    dock.setWidget(panel)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    return dock
