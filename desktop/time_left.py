"""How long an edit will still take, learned from the edits before it."""

from collections.abc import Hashable
from itertools import pairwise

from engine import Step

_WEIGHT = 0.5  # of the last edit against all before it


class TimeLeft:
    """Seconds that the phases of edits took, by kind of edit: its method, pack, device, size.

    It says nothing of a kind whose first edit has not ended: what phases are to come nobody knows then. A
    phase that is left out once, as what it makes is still there, is counted until another one begins that
    came after it.
    """

    def __init__(self) -> None:
        self._learned: dict[Hashable, dict[str, float]] = {}  # kind → phase, in their order → seconds
        self._kind: Hashable = None
        self._seconds: dict[str, float] = {}  # of the phases of this edit that have ended
        self._phase, self._begun, self._first = "", 0.0, 0

    def begin(self, kind: Hashable) -> None:
        """An edit begins."""
        self._kind, self._seconds, self._phase = kind, {}, ""

    def step(self, step: Step, now: float) -> float | None:
        """Seconds left after this step, or None where nothing has been learned, nor ever is: of the finish
        of an edit that was cancelled.

        Args:
            now: seconds of a clock that runs evenly.
        """
        if step.finishing:
            return None
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
        order = list(learned)
        coming = order[order.index(step.phase) :] if step.phase in learned else order
        return here + sum(learned[phase] for phase in coming if phase not in gone)

    def end(self, now: float) -> None:
        """The edit has ended, and not before its time: learn from it."""
        self._close(now)
        learned = self._learned.get(self._kind, {})
        taken = self._seconds
        self._learned[self._kind] = {
            phase: taken[phase] * _WEIGHT + learned.get(phase, taken[phase]) * (1 - _WEIGHT)
            if phase in taken
            else learned[phase]
            for phase in _merged(list(learned), list(taken))
        }

    def _close(self, now: float) -> None:
        if self._phase:
            self._seconds[self._phase] = self._seconds.get(self._phase, 0.0) + now - self._begun
            self._phase = ""


def _merged(before: list[str], now: list[str]) -> list[str]:
    """All phases in the order of `now`; those that are missing there stand before what came after them."""
    merged = list(now)
    for phase, following in reversed(list(pairwise([*before, ""]))):
        if phase not in merged:
            merged.insert(merged.index(following) if following in merged else len(merged), phase)
    return merged
