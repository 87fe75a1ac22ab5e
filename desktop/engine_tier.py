"""EngineTier: methods that run in the engine process: a fast one when the pointer rests, any on demand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.document import State
from desktop.keeping import Finished, Tier
from desktop.worker import EngineWorker
from engine import METHODS, Box, DragEdit, EditJob, EditResult, Image, Step, Value

_QUICK_S, _SLOW_S = 0.5, 1.5  # of the fast method's time:
_WAITS_MS = (0, 120, 250)  # how long the pointer has to rest for a quick, a middling, a slow one
_WEIGHT = 0.4  # of the last time against those before it
_HASTE_MS = 500  # for how long to stop again, as by a double click, does not drop what is being finished
_LOADING = "Load"  # the phase that only the first edit with a pack spends time in


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What runs in the engine process.

    Args:
        method: its name.
        pack: the pack's name, or None.
        device: auto, cpu, cuda or mps.
        settings: of the method, by name; the others are as the pack recommends.
        finds_subject: it looks for what moves by itself.
    """

    method: str
    pack: str | None
    device: str = "auto"
    settings: Mapping[str, Value] = field(default_factory=dict[str, Value])
    finds_subject: bool = False

    @property
    def title(self) -> str:
        return METHODS[self.method].title

    @property
    def finder(self) -> tuple[str, str | None, str]:
        """What looks for what moves: by another one's answer nothing may go."""
        return self.method, self.pack, self.device


@dataclass(frozen=True, kw_only=True, eq=False)
class _Job:
    number: int
    choice: Choice
    state: State
    request: DragEdit


class EngineTier(QObject):
    """At most one fast job and one on demand. What comes of others is dropped.

    Args:
        worker: runs the jobs.
    """

    paused = Signal()  # the pointer rests: `run_fast` now
    finished = Signal(object)  # Finished
    failed = Signal(str)  # a sentence; the picture stays as it is
    previewed = Signal(object, object, object)  # State, Image, Box: how a job on demand looks so far
    handles = Signal(object, object)  # State, where the handles of a job on demand are: a tuple of Points
    stepped = Signal(object, object)  # Step of the job on demand, else of the fast one; seconds left or None
    finishing = Signal()  # what was stopped is being finished, and not in a moment: `cancel` drops it now
    running = Signal(str)  # the title of what is run on demand; empty when that has ended

    def __init__(self, worker: EngineWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self.fast: Choice | None = None
        self._quick: _Job | None = None
        self._refining: _Job | None = None
        self._mean: float | None = None  # seconds that the fast method takes, loading apart
        self._pause = QTimer(self, singleShot=True)
        self._pause.timeout.connect(self.paused)
        self._drops = False  # whether to cancel what runs on demand drops what there is of it
        self._haste = QTimer(self, singleShot=True, interval=_HASTE_MS)
        self._haste.timeout.connect(self._offer_drop)
        worker.finished.connect(self._take)
        worker.cancelled.connect(self._stopped)
        worker.failed.connect(self._fail)
        worker.stuck.connect(self._warn)
        worker.step.connect(self._step)
        worker.preview.connect(self._preview)
        worker.handles.connect(self._move)

    def choose_fast(self, choice: Choice | None) -> None:
        """Run another method when the pointer pauses, or none."""
        self.drop_fast()
        self.fast, self._mean = choice, None

    def moved(self) -> None:
        """The pointer has moved: what runs is for a place where it no longer is."""
        self.drop_fast()
        if self.fast is not None and not self.refining:
            self._pause.start(self._wait_ms)

    def run_fast(self, state: State, request: DragEdit) -> None:
        """Run the fast method, unless it runs for this state already, or the engine is busy on demand."""
        self._pause.stop()
        if self.fast is None or self.refining or (self._quick is not None and self._quick.state is state):
            return
        self.drop_fast()
        self._quick = self._submit(self.fast, state, request, preview=True)

    def drop_fast(self) -> None:
        self._pause.stop()
        if self._quick is not None:
            self._worker.cancel(self._quick.number)
            self._quick = None

    def refine(self, choice: Choice, state: State, request: DragEdit) -> None:
        """Run a method on demand, and nothing beside it."""
        self.drop_fast()
        self._drop_refining()
        self._refining = self._submit(choice, state, request, preview=False)
        self.running.emit(choice.title)

    def cancel(self) -> bool:
        """Stop what runs on demand; what there is by then comes as a partial result. → whether any ran.

        Once more, after `finishing`, and what there is is dropped.
        """
        if self._refining is None:
            return False
        self._worker.cancel(self._refining.number, keep=not self._drops)
        return True

    def abandon(self) -> None:
        """Stop all that runs, and tell nothing that comes of it."""
        self.drop_fast()
        if self._drop_refining():
            self.running.emit("")

    def _drop_refining(self) -> bool:
        """Stop what runs on demand; nobody waits for what comes of it. → whether any ran."""
        if self._refining is None:
            return False
        self._worker.cancel(self._refining.number, keep=False)
        self._forget("refined")
        return True

    def _offer_drop(self) -> None:
        self._drops = True
        self.finishing.emit()

    @property
    def refining(self) -> bool:
        return self._refining is not None

    def preview_painted(self) -> None:
        """The last preview is on the screen, and the next one may come."""
        if self._refining is not None:
            self._worker.preview_painted(self._refining.number)

    @property
    def _wait_ms(self) -> int:
        if self._mean is None:
            return _WAITS_MS[1]
        return _WAITS_MS[(self._mean >= _QUICK_S) + (self._mean > _SLOW_S)]

    def _submit(self, choice: Choice, state: State, request: DragEdit, *, preview: bool) -> _Job:
        job = EditJob(
            method=choice.method,
            request=request,
            settings=choice.settings,
            pack=choice.pack,
            device=choice.device,
            preview=preview,
        )
        number = self._worker.submit(job)
        return _Job(number=number, choice=choice, state=state, request=request)

    def _job(self, number: int) -> tuple[_Job, Tier] | None:
        if self._refining is not None and self._refining.number == number:
            return self._refining, "refined"
        if self._quick is not None and self._quick.number == number:
            return self._quick, "fast"
        return None

    def _forget(self, tier: Tier) -> None:
        if tier == "fast":
            self._quick = None
        else:
            self._refining, self._drops = None, False
            self._haste.stop()

    def _take(self, number: int, result: EditResult) -> None:
        found = self._job(number)
        if found is None:
            return
        job, tier = found
        self._forget(tier)
        if tier == "fast":
            self._learn(result.timings)
        choice = job.choice
        provenance = {"method": choice.method, "pack": choice.pack, "seed": job.request.seed}
        self.finished.emit(
            Finished(
                state=job.state,
                request=job.request,
                result=result,
                provenance={**provenance, **choice.settings},
                title=choice.title,
                tier=tier,
            )
        )
        self._tell_end(tier)

    def _learn(self, timings: Mapping[str, float]) -> None:
        """Learn what the fast method takes once it is loaded."""
        taken = sum(seconds for phase, seconds in timings.items() if phase != _LOADING)
        self._mean = taken if self._mean is None else self._mean + _WEIGHT * (taken - self._mean)

    def _tell_end(self, tier: Tier) -> None:
        if tier == "refined":
            self.running.emit("")
            if self.fast is not None:
                self.paused.emit()  # it had to wait; nothing is run twice for one state

    def _stopped(self, number: int) -> None:
        found = self._job(number)
        if found is not None:
            dropped = self._drops
            self._forget(found[1])
            if found[1] == "refined":
                told = (
                    self.tr("{title} was stopped; nothing of it is kept.")
                    if dropped
                    else self.tr("{title} was stopped before there was anything to show.")
                )
                self.failed.emit(told.format(title=found[0].choice.title))
            self._tell_end(found[1])

    def _fail(self, number: int, sentence: str) -> None:
        found = self._job(number)
        if found is not None:
            self._forget(found[1])
            self.failed.emit(sentence)
            self._tell_end(found[1])

    def _warn(self, number: int, sentence: str) -> None:
        if self._job(number) is not None:
            self.failed.emit(sentence)

    def _step(self, number: int, step: Step, left: float | None) -> None:
        found = self._job(number)
        if found is not None and (found[1] == "refined" or self._refining is None):
            self.stepped.emit(step, left)
            if step.finishing and not step.done:
                self._haste.start()

    def _preview(self, number: int, image: Image, box: Box) -> None:
        found = self._job(number)
        if found is not None and found[1] == "refined":
            self.previewed.emit(found[0].state, image, box)

    def _move(self, number: int, points: object) -> None:
        found = self._job(number)
        if found is not None and found[1] == "refined":
            self.handles.emit(found[0].state, points)
