"""RunningJob: the job that the engine process is at, and how what is said of it reaches the window."""

from dataclasses import dataclass

from desktop import engine_texts
from desktop.engine_signals import EngineSignals
from desktop.excerpt import Excerpt
from desktop.job_queue import JobQueue, is_preview
from desktop.limits import Limits
from engine import Box, EditResult, Point, Step, channel, jobs, pictures

End = channel.Finished | channel.Stopped | channel.Failed


@dataclass(kw_only=True)
class RunningJob:
    """A job that has been handed over.

    Args:
        excerpt: of an edit's picture; keeps the files of what was sent.
        cancelled_at: on the monotonic clock, or None.
        dropped: its end has been told, and nothing more shall be.
        begun: the process has said something of it.
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
    told_stuck: bool = False
    told_waiting: int = 0

    def patience(self, limits: Limits, queue: JobQueue) -> float:
        """Seconds that it may take to stop once it is cancelled.

        Args:
            queue: what waits for it.
        """
        if self.opening or (is_preview(self.job) and not len(queue)):  # else nobody waits for its end
            return limits.opening
        return limits.replaced if is_preview(self.job) and queue.final is None else limits.cancel

    def tell_waiting(self, now: float, limits: Limits, queue: JobQueue, signals: EngineSignals) -> None:
        """Tell the final job that waits for this one, once, where it waits for longer than it should."""
        cancelled = self.cancelled_at is not None and now - self.cancelled_at > limits.cancel
        number = queue.final
        if number is None or number == self.told_waiting or not (cancelled or self.told_stuck):
            return
        self.told_waiting = number
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
        self.opening = self.opening and step.opening
        if not self.dropped:
            signals.step.emit(self.number, step, left)

    def tell_look(
        self, message: channel.Message, folder: pictures.SessionFolder, signals: EngineSignals
    ) -> None:
        """Tell how it looks so far: handles and previews.

        Raises:
            KeyError, TypeError, ValueError: it makes no sense.
        """
        if self.excerpt is None:
            return
        if isinstance(message, channel.Previewed):
            image = folder.take(jobs.decode_ref(message.picture))
            if not self.dropped:
                signals.preview.emit(self.number, image, self.excerpt.place(Box(*message.box)))
        elif isinstance(message, channel.Moved) and not self.dropped:
            points = tuple(Point(*handle) for handle in message.handles)
            signals.handles.emit(self.number, self.excerpt.points(points))
