"""RunningJob: the job that the engine process is at, and how what is said of it reaches the window."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace

from desktop import engine_texts
from desktop.engine_signals import EngineSignals
from desktop.excerpt import Excerpt, Excerpts
from desktop.job_queue import JobQueue, is_passing
from desktop.limits import Limits
from engine import (
    GENERATE,
    Box,
    EditJob,
    EditResult,
    GenerateJob,
    Point,
    PrepareJob,
    Step,
    channel,
    jobs,
    pictures,
)

End = channel.Finished | channel.Stopped | channel.Failed


@dataclass(kw_only=True)
class RunningJob:
    """A job that has been handed over.

    Args:
        excerpt: of an edit's picture; keeps the files of what was sent.
        cancelled_at: on the monotonic clock, or None.
        dropped: its end has been told, and nothing more shall be.
        begun: the process has said something of it.
        finishing: it has been cancelled, and renders what there is.
        opening: it may be loading libraries or a pack: it gives few signs then, and has nothing to show.
        told_stuck: it gives no sign, and the user knows.
        told_waiting: the last job that was told that it waits for this one; 0 for none.
    """

    number: int
    job: jobs.Job
    excerpt: Excerpt | None
    cancelled_at: float | None = None
    dropped: bool = False
    begun: bool = False
    opening: bool = True
    finishing: bool = False
    told_stuck: bool = False
    told_waiting: int = 0

    @classmethod
    def of(cls, number: int, job: jobs.Job, excerpts: Excerpts) -> "RunningJob":
        """A job that is about to be handed over.

        Raises:
            EngineError: nothing of the picture may change.
        """
        cuts = isinstance(job, EditJob | PrepareJob)
        return cls(number=number, job=job, excerpt=excerpts.of(job.request) if cuts else None)

    @property
    def sent(self) -> jobs.Job:
        """What the process gets: of a picture no more than is needed."""
        if self.excerpt is None or not isinstance(self.job, EditJob | PrepareJob):
            return self.job
        return replace(self.job, request=self.excerpt.part)

    @property
    def kind(self) -> Hashable:
        """What tells apart jobs that take other times; None for one of which nothing is learned."""
        job = self.job
        if isinstance(job, EditJob) and self.excerpt is not None:
            width, height = self.excerpt.part.size
            return job.method, job.pack, job.device, round(math.log2(width * height))
        if isinstance(job, GenerateJob):
            return GENERATE, job.origin.pack, job.device, job.origin.size
        return None

    def stop(self, now: float, *, keep: bool) -> channel.Cancel | None:
        """What tells the process to let it end; None where it knows.

        Args:
            now: on the monotonic clock.
            keep: whether what there is by then is wanted, if there can be anything; a second call may say
                that it is not any more.
        """
        if self.cancelled_at is not None and (keep or self.dropped):
            return None
        self.cancelled_at = now
        self.dropped = not keep or is_passing(self.job) or self.opening
        return channel.Cancel(self.number, keep=not self.dropped)

    def patience(self, limits: Limits, queue: JobQueue) -> float:
        """Seconds that it may take to stop once it is cancelled.

        Args:
            queue: what waits for it.
        """
        if self.opening or (is_passing(self.job) and not len(queue)):  # else nobody waits for its end
            return limits.opening
        if self.finishing and not self.dropped:
            return limits.finish
        return limits.replaced if is_passing(self.job) and queue.final is None else limits.cancel

    def tell_waiting(self, now: float, limits: Limits, queue: JobQueue, signals: EngineSignals) -> None:
        """Tell the final job that waits for this one, once, where it waits for longer than it should."""
        cancelled = self.cancelled_at is not None and now - self.cancelled_at > limits.cancel
        number = queue.final
        if number is None or number == self.told_waiting or not (cancelled or self.told_stuck):
            return
        self.told_waiting = number
        if self.finishing and not self.dropped:
            signals.stuck.emit(number, engine_texts.waiting_for_rest())
        else:
            signals.stuck.emit(number, engine_texts.waiting(limits.cancel if cancelled else limits.stuck))

    def answer(self, end: End, folder: pictures.SessionFolder) -> jobs.Answer | None:
        """What has come of it, for the whole picture; its file is the array's from now on.

        Raises:
            KeyError, TypeError, ValueError: it makes no sense.
        """
        if not isinstance(end, channel.Finished):
            return None
        answer = jobs.decode_answer(end.answer, folder.take)
        if isinstance(answer, EditResult) and self.excerpt is not None and not self.dropped:
            return self.excerpt.result(answer)
        return answer

    def tell_end(self, end: End, answer: jobs.Answer | None, signals: EngineSignals) -> None:
        if self.dropped:
            return
        if isinstance(end, channel.Failed):
            signals.failed.emit(self.number, end.sentence)
        elif answer is None:
            signals.cancelled.emit(self.number)
        else:
            signals.finished.emit(self.number, answer)

    def tell_step(self, step: Step, left: float | None, signals: EngineSignals) -> None:
        self.opening, self.finishing = self.opening and step.opening, step.finishing
        if not self.dropped:
            signals.step.emit(self.number, step, left)

    def tell_look(
        self, message: channel.Message, folder: pictures.SessionFolder, signals: EngineSignals
    ) -> None:
        """Tell how it looks so far: handles and previews.

        Raises:
            KeyError, TypeError, ValueError: it makes no sense.
        """
        if isinstance(message, channel.Previewed):
            image, box = folder.take(jobs.decode_ref(message.picture)), Box(*message.box)
            if not self.dropped:
                place = box if self.excerpt is None else self.excerpt.place(box)
                signals.preview.emit(self.number, image, place)
        elif isinstance(message, channel.Moved) and self.excerpt is not None and not self.dropped:
            points = tuple(Point(*handle) for handle in message.handles)
            signals.handles.emit(self.number, self.excerpt.points(points))
