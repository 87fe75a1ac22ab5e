"""SubjectTier: when the pointer rests, the engine looks for what moves, and again where a gesture has ended.

What moves depends on the handles above all, and on where they are pulled: while the hand moves on, what was
found for the same handles stays in use.
"""

import numpy as np
from PySide6.QtCore import QObject, Signal

from desktop.document import State, Tiles
from desktop.engine_tier import Choice
from desktop.requests import Requests, Sought
from desktop.worker import EngineWorker
from engine import SubjectJob


class SubjectTier(QObject):
    """At most one search runs; it goes on while the pointer moves, until the handles are others.

    Args:
        worker: runs it.
    """

    found = Signal(bool)  # the requests know what was sought; whether it is another than they knew before
    failed = Signal(str)  # a sentence; it goes on with nothing found

    def __init__(self, worker: EngineWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._running: tuple[int, Sought, Requests] | None = None
        worker.finished.connect(self._take)
        worker.failed.connect(self._fail)
        worker.cancelled.connect(self._forget)

    def seek(self, choice: Choice | None, state: State, requests: Requests, *, exactly: bool) -> bool:
        """Look for what moves in a state, unless that is known; returns whether it is being sought.

        Args:
            choice: the method whose network looks; None for none.
            state: which can be asked for.
            requests: are told.
            exactly: for the state's very targets; else what was found for other ones will do.
        """
        sought = requests.sought(state)
        if sought is None or choice is None or not choice.finds_subject:
            return False
        if requests.is_known(sought, exactly=exactly):
            return False
        if self._running is not None:
            of = self._running[1]
            if of == sought or (of.key == sought.key and not exactly):
                return True
        self.drop()
        request = requests.seeking(state)
        job = SubjectJob(request=request, method=choice.method, pack=choice.pack, device=choice.device)
        self._running = self._worker.submit(job), sought, requests
        return True

    def change(self, before: Choice | None, after: Choice | None, requests: Requests | None) -> None:
        """Let go of what one choice sought and found, where with the next one something else looks for it."""
        if (before and before.finder) != (after and after.finder):
            self.drop()
            if requests is not None:
                requests.forget_learnt()

    def drop(self) -> None:
        """Let go of what is sought."""
        if self._running is not None:
            number, self._running = self._running[0], None
            self._worker.cancel(number)

    def _take(self, number: int, answer: object) -> None:
        if self._running is None or self._running[0] != number:
            return
        (_, sought, requests), self._running = self._running, None
        found = Tiles.from_array(answer) if isinstance(answer, np.ndarray) else None
        self.found.emit(requests.learn(sought, None if found is None or found.empty else found))

    def _fail(self, number: int, sentence: str) -> None:
        """Go on without; for these handles and targets it would fail again."""
        if self._running is not None and self._running[0] == number:
            self.failed.emit(sentence)
            self._take(number, None)

    def _forget(self, number: int) -> None:
        """Another job had to go first: it is sought when the pointer rests again."""
        if self._running is not None and self._running[0] == number:
            self._running = None
