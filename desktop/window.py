"""MainWindow: menus, tools, docks and status bar; wires the parts and decides nothing."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QLabel,
    QMainWindow,
    QScrollArea,
    QStackedWidget,
    QToolBar,
    QWidget,
)

from desktop.actions import Actions
from desktop.document import Document
from desktop.filing import Filing
from desktop.panels.edit_panel import EditPanel
from desktop.panels.history_panel import HistoryPanel
from desktop.panels.layers_panel import LayersPanel
from desktop.recent import RecentFiles
from desktop.session import METHOD, EditSession
from desktop.start_page import StartPage
from desktop.store import window_store
from desktop.theme import surround
from desktop.theme_menu import ThemeMenu
from desktop.workspace import Workspace
from engine import METHODS, Engine, samples

_HINTED = "first_hint_shown"
_LAYOUT = 1  # of the docks; another number forgets what was remembered


class MainWindow(QMainWindow):
    """One document in a window."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.session = EditSession(engine, self)
        self.workspace = Workspace(self.session, self)
        self._store = window_store()
        self._recent = RecentFiles(self._store, self)
        self.filing = Filing(self._recent, self)
        self._start = StartPage(samples(), self)
        self._start.set_recent(self._recent.paths)
        self._recent.changed.connect(lambda: self._start.set_recent(self._recent.paths))
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._start)
        self._pages.addWidget(self.workspace.canvas)
        self.setCentralWidget(self._pages)
        self.actions_ = Actions(self, (self, self.filing), self.use_tool)
        self._build_docks()
        self._build_bars()
        self._connect()
        self.setAcceptDrops(True)
        self.resize(1280, 860)
        self._restore()
        self.use_tool("drag")
        self._show_document()

    @property
    def document(self) -> Document | None:
        return self.filing.document

    # What actions call, by their names.

    def samples(self) -> None:
        """Show the start page; the document stays open behind it."""
        self._pages.setCurrentWidget(self._start)

    def undo(self) -> None:
        if self.document is not None:
            self.document.undo_stack.undo()

    def redo(self) -> None:
        if self.document is not None:
            self.document.undo_stack.redo()

    def keep(self) -> None:
        self.session.keep()

    def walk_back(self) -> None:
        """Give up the gesture, else the selection, else the drags."""
        if self.document is not None and not self.workspace.cancel():
            self.workspace.delete_drags()

    def select_markers(self) -> None:
        if self.document is not None:
            self.workspace.drag_tool.select_all()

    def delete_markers(self) -> None:
        if self.document is not None:
            self.workspace.drag_tool.delete_selected()

    def reverse_drags(self) -> None:
        if self.document is not None:
            self.workspace.drag_tool.reverse()

    def mirror_drags(self) -> None:
        if self.document is not None:
            self.workspace.drag_tool.mirror()

    def clear_editable(self) -> None:
        self.workspace.clear_mask("editable")

    def clear_protected(self) -> None:
        self.workspace.clear_mask("protected")

    def clear_subject(self) -> None:
        self.workspace.clear_mask("subject")

    def find_subject(self) -> None:
        self.workspace.find_subject()

    def show_masks(self, shown: bool) -> None:
        self.workspace.show_masks(shown)

    def fit(self) -> None:
        self.workspace.canvas.fit()

    def show_pixels(self) -> None:
        self.workspace.canvas.show_pixels()

    def zoom_in(self) -> None:
        self.workspace.canvas.zoom_by_steps(1)

    def zoom_out(self) -> None:
        self.workspace.canvas.zoom_by_steps(-1)

    def mirror_view(self, mirrored: bool) -> None:
        if self.workspace.canvas.exact_viewport.mirrored != mirrored:
            self.workspace.canvas.mirror()

    def turn_left(self) -> None:
        self.workspace.canvas.rotate(-15)

    def turn_right(self) -> None:
        self.workspace.canvas.rotate(15)

    def straighten(self) -> None:
        self.workspace.canvas.reset_rotation()

    def use_tool(self, name: str) -> None:
        self.actions_[f"tool:{name}"].setChecked(True)
        self.workspace.use_tool(name)

    # What happens to documents.

    def _take(self, document: Document) -> None:
        document.undo_stack.cleanChanged.connect(self._show_document)
        document.undo_stack.indexChanged.connect(self._show_document)
        self.workspace.set_document(document)
        self._layers.set_document(document)
        self._edit.set_document(document)
        self._history.set_stack(document.undo_stack)
        self._pages.setCurrentWidget(self.workspace.canvas)
        self.workspace.canvas.setFocus()
        if not document.instruction.points and self._store.value(_HINTED) is None:
            self._store.setValue(_HINTED, 1)
            self.workspace.first_hint.show()
        self._show_document()

    # Parts.

    def _build_docks(self) -> None:
        self._layers = LayersPanel(self)
        self._edit = EditPanel(METHODS[METHOD].settings, self)
        self._history = HistoryPanel(self)
        scroll = QScrollArea(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(self._edit)
        self._docks: list[QDockWidget] = []
        for name, title, panel in (
            ("edit", self.tr("Drag"), scroll),
            ("layers", self.tr("Layers"), self._layers),
            ("history", self.tr("History"), self._history),
        ):
            self._docks.append(self._dock(name, title, panel))

    def _dock(self, name: str, title: str, panel: QWidget) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(name)
        dock.setWidget(panel)
        self.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        return dock

    def _build_bars(self) -> None:
        self.actions_.fill(self.menuBar())
        tools = QToolBar(self.tr("Tools"), self)
        tools.setObjectName("tools")
        tools.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.actions_.fill_tools(tools)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, tools)
        self._badge, self._zoom, self._place = QLabel(self), QLabel(self), QLabel(self)
        for label in (self._badge, self._place, self._zoom):
            self.statusBar().addPermanentWidget(label)
        self.actions_["show_masks"].setChecked(True)
        ThemeMenu(self.menuBar().addMenu(self.tr("T&heme")), self._store)

    def _connect(self) -> None:
        self.filing.opened.connect(self._take)
        self.filing.saving.connect(self.session.keep)
        self.filing.saved.connect(self._show_document)
        self.filing.told.connect(self.statusBar().showMessage)
        self._start.open_requested.connect(self.filing.open)
        self._start.recent_chosen.connect(self.filing.open_path)
        self._start.sample_chosen.connect(self.filing.open_sample)
        self._edit.settings_changed.connect(self.session.set_settings)
        self._edit.keep_asked.connect(self.keep)
        self._edit.drop_asked.connect(self.workspace.delete_drags)
        self.workspace.hint.connect(self.statusBar().showMessage)
        self.session.shown.connect(lambda *_: self._show_badge(pending=True))
        self.session.cleared.connect(lambda: self._show_badge(pending=False))
        self.workspace.canvas.view_changed.connect(self._show_zoom)
        self.workspace.canvas.hovered.connect(lambda at: self._place.setText(f"{at.x:.0f}, {at.y:.0f}"))

    def _restore(self) -> None:
        geometry, state = self._store.value("geometry"), self._store.value("state")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if state is not None:
            self.restoreState(state, _LAYOUT)

    def _show_badge(self, *, pending: bool) -> None:
        self._badge.setText(self.tr("Preview: Enter keeps it as a layer") if pending else "")

    def _show_zoom(self) -> None:
        zoom = self.workspace.canvas.viewport.zoom * self.devicePixelRatioF()
        self._zoom.setText(f"{zoom:.0%}")

    def _show_document(self) -> None:
        document = self.document
        path = None if document is None else document.path
        name = path.name if path else (self.tr("Sample") if document else self.tr("Welcome"))
        self.setWindowTitle(f"{name}[*] — Pliant")
        self.setWindowModified(document is not None and document.is_modified)
        stack = None if document is None else document.undo_stack
        self.actions_["undo"].setEnabled(stack is not None and stack.canUndo())
        self.actions_["redo"].setEnabled(stack is not None and stack.canRedo())
        for name in ("save", "save_as", "keep", "delete_markers", "find_subject"):
            self.actions_[name].setEnabled(document is not None)
        self.workspace.canvas.set_surround(surround(self.palette()))

    # Events.

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's names
        if event.key() == Qt.Key.Key_Y and not event.isAutoRepeat():
            self.workspace.canvas.set_preview_hidden(True)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Y and not event.isAutoRepeat():
            self.workspace.canvas.set_preview_hidden(False)
        else:
            super().keyReleaseEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            QTimer.singleShot(
                0, lambda: self.filing.open_path(paths[0])
            )  # a question must not hold the other program

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        if not self.filing.may_leave():
            event.ignore()
            return
        self._store.setValue("geometry", self.saveGeometry())
        self._store.setValue("state", self.saveState(_LAYOUT))
        self.session.stop()
        self.filing.worker.wait()
        event.accept()
