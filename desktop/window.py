"""MainWindow: menus, tools, docks and status bar; wires the parts and decides nothing."""

from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QLabel, QMainWindow, QStackedWidget, QToolBar

from desktop.actions import Actions
from desktop.before_key import BeforeKey
from desktop.docks import Docks
from desktop.document import Document
from desktop.engine_menu import EngineMenu, remembered_command
from desktop.filing import Filing
from desktop.generating import Generating
from desktop.mark_commands import MarkCommands
from desktop.offering import Offering
from desktop.panels.tool_bar import ToolBar
from desktop.recent import RecentFiles
from desktop.session import EditSession
from desktop.start_page import StartPage
from desktop.status_line import StatusLine
from desktop.store import window_store
from desktop.theme import surround
from desktop.theme_menu import ThemeMenu
from desktop.view_commands import ViewCommands
from desktop.worker import EngineWorker
from desktop.workspace import Workspace
from engine import Engine, Value, samples

_HINTED = "first_hint_shown"
_LAYOUT = 1  # of the docks; another number forgets what was remembered


class MainWindow(QMainWindow):
    """One document in a window."""

    def __init__(self, engine: Engine, worker: EngineWorker | None = None) -> None:
        super().__init__()
        self._store = window_store()
        self._engine, self.worker = engine, worker or EngineWorker(remembered_command(self._store))
        self.session = EditSession(engine, self.worker, self)
        self.workspace = Workspace(self.session, self)
        self._before = BeforeKey(self.workspace, self)
        self._status = StatusLine(self.statusBar())
        self._left = False  # what is open may be let go
        self._recent = RecentFiles(self._store, self)
        self.filing = Filing(self._recent, self)
        self._start = StartPage(samples(), self)
        self._start.set_recent(self._recent.paths)
        self._recent.changed.connect(lambda: self._start.set_recent(self._recent.paths))
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self._start)
        self._pages.addWidget(self.workspace.canvas)
        self.setCentralWidget(self._pages)
        view = ViewCommands(self.workspace.canvas)
        marks = MarkCommands(self.workspace)
        self.generating = Generating(
            engine, self.worker, self.filing, lambda: self._edit.run.chosen_device, self
        )
        targets = self, self.filing, self.generating, self.workspace, self.workspace.options, view, marks
        self.actions_ = Actions(self, targets, self.use_tool)
        self._docks = Docks(self, self._recommended)
        self._edit, self._history = self._docks.edit, self._docks.history
        self.offering = Offering(engine, self.worker, self.session, self._edit.run, self._store)
        self._build_bars()
        self._connect()
        self.setAcceptDrops(True)
        self.resize(1280, 860)
        self.offering.offer()
        self._restore()
        self.use_tool("drag")
        self._show_document()
        self._engine_menu.tell_gone()

    @property
    def document(self) -> Document | None:
        return self.filing.document

    @property
    def _seen(self) -> bool:
        """Whether the picture is shown, and not the start page before it."""
        return self.document is not None and self._pages.currentWidget() is self.workspace.canvas

    # What actions call, by their names.

    def samples(self) -> None:
        """Show the start page; the document stays open behind it."""
        self._pages.setCurrentWidget(self._start)
        self._show_document()
        self._start.set_behind(self.document is not None)

    def back(self) -> None:
        """From the start page to the picture that is open."""
        self._pages.setCurrentWidget(self.workspace.canvas)
        self.workspace.canvas.setFocus()
        self._show_document()

    def undo(self) -> None:
        """Take back the gesture that is going on, else the last step."""
        self.session.keeper.end()
        if self.document is not None and not self.workspace.canvas.cancel_gesture():
            self.document.undo_stack.undo()

    def redo(self) -> None:
        self.session.keeper.end()
        if self.document is not None:
            self.document.undo_stack.redo()

    def keep(self) -> None:
        self.session.keep()

    def refine(self) -> None:
        self._edit.run.run()

    def walk_back(self) -> None:
        """Leave the start page, else the gesture, what runs, the comparison, the selection, the drags."""
        if self.document is not None and not self._seen:
            self.back()
            return
        if self.document is None or self.workspace.canvas.cancel_gesture():
            return
        if self.session.engine_tier.cancel():
            return
        if self.actions_["compare"].isChecked():
            self.actions_["compare"].setChecked(False)
        elif not self.workspace.cancel():
            self.workspace.delete_drags()

    def compare(self, shown: bool) -> None:
        """Divide the canvas into before and after."""
        self.workspace.split.show_split(shown)
        if shown and self.document is not None and not self.document.instruction.points:
            self._status.ask(self.tr("There is no drag yet: before and after are the same."))

    def use_tool(self, name: str) -> None:
        self.actions_[f"tool:{name}"].setChecked(True)
        self.workspace.use_tool(name)
        self._options.show_tool(name)

    def swap_masks(self) -> None:
        self.use_tool(self.workspace.other_brush)

    def start_engine(self) -> None:
        """Let the engine process load what it needs, if there is anything for it to do."""
        self.offering.start_engine()

    # What happens to documents.

    def _take(self, document: Document) -> None:
        document.undo_stack.cleanChanged.connect(self._show_document)
        document.undo_stack.indexChanged.connect(self._show_document)
        document.undo_stack.indexChanged.connect(self._status.answered)
        self._before.let_go()
        self.actions_["compare"].setChecked(False)
        self.workspace.set_document(document)
        self._docks.set_document(document)
        self.back()
        if not document.instruction.points and self._store.value(_HINTED) is None:
            self._store.setValue(_HINTED, 1)
            self.workspace.first_hint.show()

    # Parts.

    def _build_bars(self) -> None:
        tools = QToolBar(self.tr("Tools"), self)
        tools.setObjectName("tools")
        tools.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.actions_.fill_tools(tools)
        self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, tools)
        self._options = ToolBar(self.actions_, self.workspace.options, self)
        self.addToolBar(Qt.ToolBarArea.TopToolBarArea, self._options)
        panels = [*self._docks.actions, tools.toggleViewAction(), self._options.toggleViewAction()]
        self.actions_.fill(self.menuBar(), panels)
        self._zoom, self._place = QLabel(self), QLabel(self)
        for label in (self._place, self._zoom):
            self.statusBar().addPermanentWidget(label)
        self.actions_["show_masks"].setChecked(True)
        ThemeMenu(self.menuBar().addMenu(self.tr("T&heme")), self._store)
        menu = self.menuBar().addMenu(self.tr("E&ngine"))
        self._engine_menu = EngineMenu(menu, self.worker, self._store, self.offering, self._status, self)

    def _connect(self) -> None:
        self.filing.opened.connect(self._take)
        self.filing.saving.connect(self.session.keep)
        self.filing.saving.connect(self.session.keeper.end)
        self.filing.leaving.connect(self.session.keeper.end)
        self.session.keeper.changed.connect(self._edit.show_keeping)
        self.filing.saved.connect(self._show_document)
        self.filing.told.connect(self._status.tell)
        self.filing.asked.connect(self._status.ask)
        self._start.open_requested.connect(self.filing.open)
        self._start.recent_chosen.connect(self.filing.open_path)
        self._start.sample_chosen.connect(self.filing.open_sample)
        self._start.back_asked.connect(self.back)
        self._options.left.connect(self.workspace.canvas.setFocus)
        self.session.offered.connect(self._history.results.offer)
        self._history.results.chosen.connect(self.session.show_result)
        self._edit.settings_changed.connect(self.session.set_settings)
        self._edit.keep_asked.connect(self.keep)
        self._edit.drop_asked.connect(self.workspace.delete_drags)
        self.workspace.hint.connect(self._status.tell)
        self.worker.lost.connect(self._status.ask)
        self._engine_menu.restarted.connect(self.offering.offer)
        self._engine_menu.restarted.connect(self.start_engine)
        self.workspace.canvas.view_changed.connect(self._show_zoom)
        self.workspace.canvas.hovered.connect(lambda at: self._place.setText(f"{at.x:.0f}, {at.y:.0f}"))

    def _restore(self) -> None:
        geometry, state = self._store.value("geometry"), self._store.value("state")
        if geometry is not None:
            self.restoreGeometry(geometry)
        if state is not None:
            self.restoreState(state, _LAYOUT)

    def _recommended(self, method: str, pack: str | None) -> dict[str, Value]:
        settings = self._engine.settings(method, pack)
        return {d.name: getattr(settings, d.name) for d in settings.declarations()}

    def _show_zoom(self) -> None:
        zoom = self.workspace.canvas.viewport.zoom * self.devicePixelRatioF()
        self._zoom.setText(f"{zoom:.0%}")

    def _show_document(self) -> None:
        document = self.document
        path = None if document is None else document.path
        if document is None:
            name = self.tr("Welcome")
        elif path is None:
            name = self.tr("Generated picture") if document.was_generated else self.tr("Sample")
        else:
            name = path.name
        self.setWindowTitle(f"{name}[*] — Pliant")
        self.setWindowModified(document is not None and document.is_modified)
        self.actions_.show_picture(seen=self._seen, behind=document is not None)
        if document is not None and self._seen:
            self.actions_["undo"].setEnabled(document.undo_stack.canUndo())
            self.actions_["redo"].setEnabled(document.undo_stack.canRedo())
        self._docks.set_enabled(self._seen)
        self._options.setEnabled(self._seen)
        self.workspace.canvas.set_surround(surround(self.palette()))

    # Events.

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's names
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            # Later, as a question must not hold the other program.
            QTimer.singleShot(0, lambda: self.filing.open_path(paths[0]))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        if not self._left:
            self.filing.leave(self._leave)
        if not self._left:
            event.ignore()
            return
        self._store.setValue("geometry", self.saveGeometry())
        self._store.setValue("state", self.saveState(_LAYOUT))
        self.session.stop()
        self._engine_menu.stop()
        self.worker.close()
        self.filing.worker.wait()
        event.accept()

    def _leave(self) -> None:
        """Close, or go on closing."""
        self._left = True
        self.close()
