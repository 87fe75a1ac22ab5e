"""EngineWorker: the window's side of the engine process, on a thread of its own. Blocks no other."""

import itertools
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt, QThread, QTimer, Signal

from desktop.engine_process import Command, EngineProcess
from desktop.engine_signals import EngineSignals
from desktop.limits import Limits
from desktop.supervisor import Supervisor
from engine import channel, jobs

_TICK = 250  # milliseconds between two looks at the clock
_CLOSING = 0.9  # seconds that closing may take
_left_behind: list["EngineWorker"] = []

_log = logging.getLogger(__name__)


class EngineWorker(EngineSignals):
    """Runs jobs in an engine process, one after the other, and keeps such a process alive.

    The methods return at once, whatever the process does, and may be called before there is one. Of previews
    the latest is made: it replaces the one before, whether that waits or runs. Other jobs are never dropped,
    and come first. Method, pack and device may change from job to job.

    Args:
        command: what is started; None for the window's own engine.
        limits: for tests.
    """

    _asked = Signal(object)
    _heard = Signal(object, object)
    _ended = Signal(object, object)

    def __init__(self, command: Command | None = None, limits: Limits | None = None) -> None:
        super().__init__()
        self._numbers = itertools.count(1)
        self._closed = False
        self._supervisor = Supervisor(self, limits or Limits(), self._hear, self._hear_end, command)
        self._watch = QTimer(self, interval=_TICK)
        self._watch.timeout.connect(self._look)
        for signal, slot in (
            (self._asked, self._act),
            (self._heard, self._take),
            (self._ended, self._bury),
        ):
            signal.connect(slot, Qt.ConnectionType.QueuedConnection)
        self._thread = QThread()
        self.moveToThread(self._thread)
        self._thread.started.connect(self._watch.start)

    def start(self) -> None:
        """Start the process, unless there is one; after the window's first paint."""
        self._ask(self._supervisor.ensure)

    def submit(self, job: jobs.Job) -> int:
        """Hand in a job; returns its number, by which the signals tell of it."""
        number = next(self._numbers)
        self._ask(partial(self._supervisor.enqueue, number, job))
        return number

    def cancel(self, number: int, *, keep: bool = True) -> None:
        """Stop a job: a partial result comes, or `cancelled`; nothing changes for one that has ended.

        Args:
            keep: whether a partial result is wanted, which may take a while to render. Without, `cancelled`
                comes at once, also for a job that was cancelled before.
        """
        self._ask(partial(self._supervisor.cancel, number, keep=keep))

    def preview_painted(self, number: int) -> None:
        """The job's last preview is on the screen, and the next one may come."""
        self._ask(partial(self._supervisor.painted, number))

    def restart(self, runtime: Path | None = None) -> None:
        """End the process, whatever it does, and start one anew.

        Args:
            runtime: the folder of a Python with Pliant in it; None for the same as before.
        """
        self._ask(partial(self._supervisor.restart, runtime))

    @property
    def pid(self) -> int | None:
        """The process's id, while there is a process."""
        process = self._supervisor.process
        return None if process is None else process.pid

    def close(self) -> None:
        """End process and thread, within a second, and remove their files; before the window goes."""
        if self._closed:
            return
        self._closed = True
        process, folder = self._supervisor.process, self._supervisor.folder
        if folder is not None:
            folder.closing = True  # what is being written is given up
        if process is not None:
            process.kill()
        if self._thread.isRunning():
            self._asked.emit(self._shut)
            if self._thread.wait(round(_CLOSING * 1000)):
                QCoreApplication.removePostedEvents(self)  # untaken they would keep it for ever
            else:
                _left_behind.append(self)  # to destroy it while its thread runs would end the program

    def _ask(self, action: Callable[[], None]) -> None:
        if not self._closed:
            self._thread.start()  # does nothing to one that runs
            self._asked.emit(action)

    def _shut(self) -> None:
        self._watch.stop()
        self._supervisor.shut(_CLOSING / 2)
        self._thread.quit()

    def _act(self, action: Callable[[], None]) -> None:
        if self._closed and action != self._shut:
            return
        try:
            action()
        except Exception:  # noqa: BLE001 - a slot's exception would be nobody's
            _log.exception("The engine worker failed")

    # Called in the process's threads, whose hold on these methods keeps the worker until they have ended.
    # After closing nobody listens.

    def _hear(self, process: EngineProcess, message: channel.Message) -> None:
        if not self._closed:
            self._heard.emit(process, message)

    def _hear_end(self, process: EngineProcess, status: int) -> None:
        if not self._closed:
            self._ended.emit(process, status)

    def _take(self, process: EngineProcess, message: channel.Message) -> None:
        self._act(partial(self._supervisor.take, process, message))

    def _bury(self, process: EngineProcess, status: int) -> None:
        self._act(partial(self._supervisor.bury, process, status))

    def _look(self) -> None:
        self._act(self._supervisor.look)
