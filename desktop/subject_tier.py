"""SubjectTier: when the pointer rests, the engine looks for what moves; once for the same handles."""

import numpy as np
from PySide6.QtCore import QObject, Signal

from desktop.document import State, Tiles
from desktop.engine_tier import Choice
from desktop.requests import Requests, SubjectKey
from desktop.worker import EngineWorker
from engine import SubjectJob


class SubjectTier(QObject):
    """At most one search runs; it goes on while the pointer moves, as it depends on handles alone.

    Args:
        worker: runs it.
    """

    found = Signal()  # what was sought has been told to the requests that it was sought for

    def __init__(self, worker: EngineWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._running: tuple[int, SubjectKey, Requests] | None = None
        worker.finished.connect(self._take)
        worker.failed.connect(lambda number, _: self._take(number, None))  # the edit fails too, and says so
        worker.cancelled.connect(self._forget)

    def seek(self, choice: Choice | None, state: State, requests: Requests) -> bool:
        """Look for what moves in a state, unless that is known; returns whether it is being sought.

        Args:
            choice: the method whose network looks; None for none.
            state: which can be asked for.
            requests: are told.
        """
        key = requests.sought(state)
        if key is None or choice is None or not choice.finds_subject or requests.is_known(key):
            return False
        if self._running is not None and self._running[1] == key:
            return True
        self.drop()
        request = requests.seeking(state)
        job = SubjectJob(request=request, method=choice.method, pack=choice.pack, device=choice.device)
        self._running = self._worker.submit(job), key, requests
        return True

    def drop(self) -> None:
        """Let go of what is sought."""
        if self._running is not None:
            number, self._running = self._running[0], None
            self._worker.cancel(number)

    def _take(self, number: int, answer: object) -> None:
        if self._running is None or self._running[0] != number:
            return
        (_, key, requests), self._running = self._running, None
        found = Tiles.from_array(answer) if isinstance(answer, np.ndarray) else None
        requests.learn(key, None if found is None or found.empty else found)
        self.found.emit()

    def _forget(self, number: int) -> None:
        """Another job had to go first: it is sought when the pointer rests again."""
        if self._running is not None and self._running[0] == number:
            self._running = None
