"""How long an edit will still take, learned from the edits before it."""

from collections.abc import Hashable

from engine import Step

_WEIGHT = 0.5  # of the last edit against all before it


class TimeLeft:
    """Seconds that the phases of edits took, by kind of edit: its method, pack, device, size.

    It says nothing of a kind whose first edit has not ended: what phases are to come nobody knows then.
    """

    def __init__(self) -> None:
        self._learned: dict[Hashable, dict[str, float]] = {}  # kind → phase → seconds
        self._kind: Hashable = None
        self._seconds: dict[str, float] = {}  # of the phases of this edit that have ended
        self._phase, self._begun, self._first = "", 0.0, 0

    def begin(self, kind: Hashable) -> None:
        """An edit begins."""
        self._kind, self._seconds, self._phase = kind, {}, ""

    def step(self, step: Step, now: float) -> float | None:
        """Seconds left after this step, or None where nothing has been learned.

        Args:
            now: seconds of a clock that runs evenly.
        """
        if step.phase != self._phase:
            self._close(now)
            self._phase, self._begun, self._first = step.phase, now, step.done
        learned = self._learned.get(self._kind)
        if learned is None:
            return None
        if step.done > self._first:
            here = (now - self._begun) / (step.done - self._first) * (step.total - step.done)
        else:
            here = learned.get(step.phase, 0.0) * (step.total - step.done) / max(step.total, 1)
        gone = {*self._seconds, step.phase}
        return here + sum(seconds for phase, seconds in learned.items() if phase not in gone)

    def end(self, now: float) -> None:
        """The edit has ended, and not before its time: learn from it."""
        self._close(now)
        learned = self._learned.get(self._kind, {})
        self._learned[self._kind] = {
            phase: seconds * _WEIGHT + learned.get(phase, seconds) * (1 - _WEIGHT)
            for phase, seconds in self._seconds.items()
        }

    def _close(self, now: float) -> None:
        if self._phase:
            self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + now - self._begun
            self._phase = ""
