"""What a running job tells the window: of what is frequent the latest, and no faster than it is looked at."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.channel import Channel, Message, Moved, Stepped
from engine.edit import EditResult, Image, Point
from engine.progress import Progress, Step
from engine.region import Region

OFTEN = 0.1  # seconds between two steps that are told


@dataclass
class RunningJob:
    """A job that has come.

    Args:
        keep: whether a partial result is wanted.
        seen: whether the last preview has been painted.
        touched: when the work gave its last sign.
    """

    number: int
    work: dict[str, Any]
    cancelled: threading.Event = field(default_factory=threading.Event)
    keep: bool = True
    seen: bool = True
    touched: float = field(default_factory=time.monotonic)

    def is_cancelled(self) -> bool:
        self.touched = time.monotonic()
        return self.cancelled.is_set()

    def is_dropped(self) -> bool:
        self.touched = time.monotonic()
        return not self.keep


class Reports:
    """Sends steps and handles: each time the latest, at most every `OFTEN` seconds."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._latest: dict[type, Message] = {}
        self._due = 0.0

    def offer(self, message: Message) -> None:
        with self._lock:
            self._latest[type(message)] = message
        self.send_due()

    def send_due(self) -> None:
        with self._lock:
            if self._latest and time.monotonic() >= self._due:
                self._send_all()

    def end(self, message: Message) -> None:
        """The job's last message, after all that was still to be told."""
        with self._lock:
            self._send_all()
            self._due = 0.0  # the next job's first step is told at once
            self._channel.send(message)

    def _send_all(self) -> None:
        for message in self._latest.values():
            self._channel.send(message)
        self._latest.clear()
        self._due = time.monotonic() + OFTEN


class WatchedProgress(Progress):
    """Tells the window of steps, and asks it whether to go on.

    A preview is rendered only when the last one has been painted.
    """

    def __init__(
        self,
        job: RunningJob,
        reports: Reports,
        on_preview: Callable[[Image], None] | None = None,
        on_handles: Callable[[tuple[Point, ...]], None] = lambda handles: None,
    ) -> None:
        def step(step: Step) -> None:
            job.touched = time.monotonic()
            reports.offer(Stepped(job.number, *step))

        super().__init__(step, on_preview, on_handles, job.is_cancelled, is_dropped=job.is_dropped)
        self._job = job

    def preview(self, render: Callable[[], Image]) -> None:
        if self._job.seen:
            super().preview(render)


class ReportedProgress(WatchedProgress):
    """Tells of an edit's handles besides, and of what there is when it is cancelled."""

    def __init__(
        self, job: RunningJob, region: Region, reports: Reports, show: Callable[[Image], None] | None
    ) -> None:
        def move(handles: tuple[Point, ...]) -> None:  # the method sees but the crop
            reports.offer(Moved(job.number, [list(region.outside(handle)) for handle in handles]))

        super().__init__(job, reports, show, move)

    def partial(self) -> EditResult | None:
        return super().partial() if self._job.keep else None
