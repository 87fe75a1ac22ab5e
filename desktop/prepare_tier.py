"""PrepareTier: while the drags rest, the engine works out what refining them will need."""

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from desktop.engine_tier import Choice
from desktop.texts import phase_name
from desktop.worker import EngineWorker
from engine import DragEdit, Mask, PrepareJob, Step

_REST_MS = 1000  # without which nothing is begun: drags often come one after the other


class PrepareTier(QObject):
    """At most one job, before which every other one goes; nobody hears of one that fails.

    Args:
        worker: runs it.
    """

    told = Signal(str)  # how far it is; empty when it has ended

    def __init__(self, worker: EngineWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._enabled = False
        self._choice: Choice | None = None
        self._asked: DragEdit | None = None  # what it is or was prepared for
        self._job: int | None = None
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._begin)
        worker.finished.connect(self._take)
        worker.cancelled.connect(self._end)
        worker.failed.connect(self._fail)
        worker.step.connect(self._step)

    def set_enabled(self, enabled: bool) -> None:
        """Prepare, or leave it."""
        self._enabled = enabled
        self._begin_anew()

    def choose(self, choice: Choice | None) -> None:
        """Prepare for this method, or for none."""
        if choice != self._choice:
            self._choice = choice
            self._begin_anew()

    def prepare(self, request: DragEdit) -> None:
        """Prepare for these drags, which rest; unless that is done."""
        if self._asked is None or not _is_same(self._asked, request):
            self._asked = request
            self._begin_anew()

    def drop(self) -> None:
        """The drags move, or have gone."""
        self._asked = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._rest.stop()
        if self._job is not None:
            self._worker.cancel(self._job)
            self._end(self._job)
        if self._enabled and self._choice is not None and self._asked is not None:
            self._rest.start()

    def _begin(self) -> None:
        choice, asked = self._choice, self._asked
        assert choice is not None and asked is not None, "else nothing was to begin"
        self._job = self._worker.submit(
            PrepareJob(
                method=choice.method,
                request=asked,
                settings=choice.settings,
                pack=choice.pack,
                device=choice.device,
            )
        )

    def _take(self, number: int, _answer: object) -> None:
        self._end(number)

    def _end(self, number: int) -> None:
        if number == self._job:
            self._job = None
            self.told.emit("")

    def _fail(self, number: int, _sentence: str) -> None:
        """Refining will say it, where that fails too; until then it is left."""
        if number == self._job:
            self._choice = None
            self._end(number)

    def _step(self, number: int, step: Step, _left: float | None) -> None:
        if number == self._job:
            told = self.tr("Preparing: {phase} {done}/{total}")
            phase = phase_name(step.phase)
            self.told.emit(told.format(phase=phase, done=step.done, total=step.total))


def _is_same(one: DragEdit, other: DragEdit) -> bool:
    """Whether two requests are of the same picture with the same marks."""
    marks = [(each.points, each.pins, each.motion, each.prompt, each.origin) for each in (one, other)]
    masks = ((one.mask, other.mask), (one.protected, other.protected), (one.subject, other.subject))
    return one.image is other.image and marks[0] == marks[1] and all(_is_equal(*pair) for pair in masks)


def _is_equal(one: Mask | None, other: Mask | None) -> bool:
    if one is None or other is None:
        return one is other
    return one is other or np.array_equal(one, other)
