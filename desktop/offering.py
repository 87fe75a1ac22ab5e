"""Offering: which methods and packs there are to choose from, and what the choice makes the session do."""

from PySide6.QtCore import QObject, QSettings
from PySide6.QtGui import QAction

from desktop.panels.run_panel import RunPanel
from desktop.prepare_tier import PrepareTier
from desktop.run_memory import RunMemory
from desktop.session import EditSession
from desktop.weights import told_better
from desktop.worker import EngineWorker
from engine import DragEdit, Engine, Region, WarmJob

_PREPARE, _ON = "engine/prepare", "on"


class Offering(QObject):
    """Joins a panel with the session and the engine process.

    Args:
        engine: knows what is installed.
        worker: the engine process.
        session: runs what is chosen.
        run: where it is chosen.
        store: remembers the choices.
    """

    def __init__(
        self, engine: Engine, worker: EngineWorker, session: EditSession, run: RunPanel, store: QSettings
    ) -> None:
        super().__init__(run)
        self._engine, self._worker, self._session, self.run = engine, worker, session, run
        self._memory = RunMemory(run, store)
        self._preparing = PrepareTier(worker, self)
        self._preparing.told.connect(run.show_preparing)
        session.planned.connect(self._prepare)
        self.prepare_action = self._prepare_action(store)
        run.fast_chosen.connect(session.choose_fast)
        run.refine_asked.connect(session.refine)
        run.cancel_asked.connect(session.engine_tier.cancel)
        session.engine_tier.finishing.connect(run.show_finishing)
        session.running.connect(run.show_running)
        session.stepped.connect(run.show_step)
        run.slow.changed.connect(self._choose)
        run.device.currentIndexChanged.connect(self._choose)

    def offer(self) -> None:
        """Offer what is installed now, and choose from it as the user did last."""
        self.run.set_offers(self._engine.offers(DragEdit))
        self._memory.restore()
        self._choose()

    def start_engine(self) -> None:
        """Let the engine process load what it needs, if there is anything for it to do."""
        if self.run.offers_any:
            self._worker.submit(WarmJob())

    def _choose(self) -> None:
        """Prepare for the method on demand, and say whether better weights could be got for it."""
        choice = self.run.on_demand
        self._preparing.choose(choice)
        self.run.show_note("" if choice is None else told_better(self._engine, choice.method))

    def _prepare(self, request: DragEdit | None, _region: Region | None) -> None:
        if request is None or not self._session.resting:
            self._preparing.drop()
        else:
            self._preparing.prepare(request)

    def _prepare_action(self, store: QSettings) -> QAction:
        """Switches whether it is prepared in the background, and remembers it."""
        action = QAction(self.tr("&Prepare refining while I work"), self)
        action.setCheckable(True)
        action.toggled.connect(self._preparing.set_enabled)
        action.setChecked(store.value(_PREPARE) == _ON)
        action.toggled.connect(lambda on: store.setValue(_PREPARE, _ON if on else ""))
        return action
