"""The only channel out of a running edit, and the only way to stop it."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from engine.edit import EditResult, Image, Point

T = TypeVar("T")


class Cancelled(Exception):  # noqa: N818 - not an error: the user asked for it
    """The user asked the running work to stop."""


_OPENING = ("Plan", "Load")  # phases
_FINISH = "Finish"  # the phase in which what there is of a cancelled edit is rendered


class Step(NamedTuple):
    phase: str
    done: int
    total: int

    @property
    def opening(self) -> bool:
        """Whether packs and libraries are still being loaded, perhaps: there is nothing to show yet."""
        return self.phase in _OPENING

    @property
    def finishing(self) -> bool:
        """Whether the edit has been cancelled, and what there is by then is being rendered."""
        return self.phase == _FINISH


class Progress:
    """Reports one edit's steps, previews, handles and checkpoints; raises `Cancelled` when asked to stop.

    Args:
        on_step: called before each step and after the last of a phase.
        on_preview: called with an intermediate picture, at most every `preview_interval` seconds.
        on_handles: called with the handles' present places.
        is_cancelled: polled before each step, and inside of long ones.
        is_dropped: polled instead while what there is of a cancelled edit is rendered: whether nobody wants
            even that any more.
    """

    def __init__(
        self,
        on_step: Callable[[Step], None] = lambda step: None,
        on_preview: Callable[[Image], None] | None = None,
        on_handles: Callable[[tuple[Point, ...]], None] = lambda handles: None,
        is_cancelled: Callable[[], bool] = lambda: False,
        preview_interval: float = 0.5,
        is_dropped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._on_step, self._on_preview, self._on_handles = on_step, on_preview, on_handles
        self._is_cancelled, self._is_dropped, self._finishing = is_cancelled, is_dropped, False
        self._preview_interval, self._preview_due = preview_interval, 0.0
        self._checkpoint: Callable[[], EditResult] | None = None
        self._timings: dict[str, float] = {}
        self._evaluations: Counter[str] = Counter()

    def track(self, phase: str, items: Collection[T]) -> Iterator[T]:
        """Yield `items`; before each, report it and stop if asked to.

        Raises:
            Cancelled: the user asked to stop.
        """
        begun = time.perf_counter()
        for done, item in enumerate(items):
            self.check()
            self._on_step(Step(phase, done, len(items)))
            yield item
        self._on_step(Step(phase, len(items), len(items)))
        self._timings[phase] = self._timings.get(phase, 0.0) + time.perf_counter() - begun

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """A phase of one step.

        Raises:
            Cancelled: the user asked to stop.
        """
        for _ in self.track(name, (None,)):
            yield

    def check(self) -> None:
        """Stop here if asked to: for the inside of long steps, which cost too much to report.

        Raises:
            Cancelled: the user asked to stop.
        """
        if self._is_dropped() if self._finishing else self._is_cancelled():
            raise Cancelled

    def preview(self, render: Callable[[], Image]) -> None:
        """Show an intermediate picture; `render` is called only if someone looks and it is time."""
        if self._on_preview is not None and time.monotonic() >= self._preview_due:
            self._on_preview(render())
            self._preview_due = time.monotonic() + self._preview_interval

    def report(self, handles: tuple[Point, ...]) -> None:
        """Tell where the handles are now, in pixels of the request's picture."""
        self._on_handles(handles)

    def checkpoint(self, render: Callable[[], EditResult]) -> None:
        """Remember how to render what there is so far, should the user cancel from here on."""
        self._checkpoint = render

    def partial(self) -> EditResult | None:
        """What there was at the last checkpoint, or None where there was none.

        To render it may take longer than the user thinks a cancel can: it is a phase of its own.

        Raises:
            Cancelled: nobody wants even that any more.
        """
        if self._checkpoint is None:
            return None
        self._finishing = True
        with self.phase(_FINISH):
            return self._checkpoint()

    def begin_anew(self) -> None:
        """Forget what was timed, counted and could be shown: the work begins once more."""
        self._checkpoint, self._finishing = None, False
        self._timings.clear()
        self._evaluations.clear()

    def count(self, network: str, pictures: int) -> None:
        """Tell that a network is about to run on a batch of so many."""
        self._evaluations[network] += pictures

    @property
    def evaluations(self) -> dict[str, int]:
        """How many pictures each network has run on."""
        return dict(self._evaluations)

    @property
    def timings(self) -> dict[str, float]:
        """Seconds of each phase that has ended."""
        return dict(self._timings)
