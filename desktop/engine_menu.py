"""EngineMenu: restarts the engine, chooses the runtime that it is started from, and says what it runs on."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from desktop.about_engine import AboutEngine, listed
from desktop.engine_process import Command, engine_command, own_runtime
from desktop.offering import Offering
from desktop.runtime_probe import RuntimeProbe
from desktop.status_line import StatusLine
from desktop.worker import EngineWorker
from engine import channel

_KEY = "engine/runtime"  # a folder; absent or empty for the window's own


def remembered_runtime(store: QSettings) -> Path | None:
    """The folder of the runtime that the user chose last; None for the window's own."""
    chosen = str(store.value(_KEY) or "")
    return Path(chosen) if chosen else None


def remembered_command(store: QSettings) -> Command | None:
    """How the engine of that runtime is started; None for the window's own, or where it has gone."""
    try:
        chosen = remembered_runtime(store)
        return None if chosen is None else engine_command(chosen)
    except FileNotFoundError:
        return None


class EngineMenu(QObject):
    """Fills a menu. A runtime is tried beside the engine that works, and used only if it works too.

    Args:
        menu: gets the actions.
        worker: its engine.
        store: remembers the runtime.
        offering: what is run in it.
        status: where what becomes of it is told.
        window: dialogs belong to it.
    """

    restarted = Signal()  # by the user: packs may have come, too

    def __init__(
        self,
        menu: QMenu,
        worker: EngineWorker,
        store: QSettings,
        offering: Offering,
        status: StatusLine,
        window: QWidget,
    ) -> None:
        super().__init__(menu)
        self._worker, self._store, self._status = worker, store, status
        self._window = window
        self._other = remembered_runtime(store)
        self._runtime = self._other if self._other and remembered_command(store) else own_runtime()
        self._waited = False  # the user has asked for the engine that is starting
        self._about = AboutEngine(worker, lambda: self._runtime, offering.run, window)
        self._probe = RuntimeProbe(self)
        self._probe.usable.connect(self._take)
        self._probe.refused.connect(self._refuse)
        worker.ready.connect(self._tell_ready)
        self._build(menu, offering.prepare_action)
        self._show()

    def restart(self) -> None:
        """Start the engine anew, whatever it does."""
        self._start(None)

    def choose_folder(self) -> None:
        """Ask for a folder with a Python of its own, and try it."""
        title = self.tr("Choose the folder of a Python environment")
        chosen = QFileDialog.getExistingDirectory(self._window, title, str(self._runtime))
        if chosen:
            self.use(Path(chosen))

    def use(self, folder: Path) -> None:
        """Start the engine from a runtime, once it has been seen to work; the window's own is not tried."""
        self._probe.stop()
        if folder == own_runtime():
            self._take(folder)
        else:
            self._status.ask(self.tr("Trying the engine in {}…").format(folder))
            self._probe.begin(folder)
        self._show()

    def tell_gone(self) -> None:
        """Say so where the remembered runtime has gone; its folder stays remembered, as it may come back."""
        if self._other is not None and self._runtime == own_runtime():
            told = self.tr("There is no Python in {} any more; the engine of this installation is used.")
            self._status.ask(told.format(self._other))

    def stop(self) -> None:
        """Try nothing any longer; before the window closes."""
        self._probe.stop()

    def _build(self, menu: QMenu, prepare: QAction) -> None:
        self._add(menu, self.tr("&Restart the engine"), self.restart)
        menu.addAction(prepare)
        menu.addSeparator()
        group = QActionGroup(self)
        self.own_action = self._add(menu, self.tr("This &installation"), lambda: self.use(own_runtime()))
        self.other_action = self._add(menu, "", self._use_other)
        for action in (self.own_action, self.other_action):
            action.setCheckable(True)
            group.addAction(action)
        self.folder_action = self._add(menu, self.tr("Another Python &folder…"), self.choose_folder)
        menu.addSeparator()
        self._add(menu, self.tr("&About the engine…"), self._about.show)

    def _add(self, menu: QMenu, text: str, act: Callable[[], None]) -> QAction:
        action = QAction(text, menu)
        action.triggered.connect(lambda _=False: act())
        menu.addAction(action)
        return action

    def _use_other(self) -> None:
        assert self._other is not None, "the action is hidden without one"
        self.use(self._other)

    def _take(self, folder: Path) -> None:
        self._runtime = folder
        if folder == own_runtime():
            self._store.setValue(_KEY, "")
        else:
            self._store.setValue(_KEY, str(folder))
            self._other = folder
        self._start(folder)
        self._show()

    def _start(self, runtime: Path | None) -> None:
        self._waited = True
        self._worker.restart(runtime)
        self.restarted.emit()

    def _refuse(self, sentence: str) -> None:
        self._show()
        self._status.tell("")
        box = QMessageBox(QMessageBox.Icon.Warning, "Pliant", sentence, parent=self._window)
        box.setInformativeText(self.tr("The engine goes on as before."))
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _tell_ready(self, hello: channel.Hello) -> None:
        if self._waited:
            self._waited = False
            self._status.tell(self.tr("The engine is ready: {}.").format(listed(hello.versions)))

    def _show(self) -> None:
        own = self._runtime == own_runtime()
        (self.own_action if own else self.other_action).setChecked(True)
        self.other_action.setVisible(self._other is not None)
        self.other_action.setText(str(self._other or "").replace("&", "&&"))
