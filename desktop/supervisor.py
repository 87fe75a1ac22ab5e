"""Supervisor: hands jobs to the engine process one by one, and replaces a process that died or hangs.

What the process was at when it died fails with the reason; what was waiting is handed to the next one.
Everything here runs on the worker's thread.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from desktop import engine_texts
from desktop.engine_process import Command, EngineProcess, engine_command
from desktop.engine_signals import EngineSignals
from desktop.excerpt import Excerpts
from desktop.job_queue import JobQueue, QueueFull, gives_way
from desktop.limits import Limits
from desktop.running_job import RunningJob
from desktop.time_left import TimeLeft
from engine import EditResult, EngineError, PrepareJob, Step, SubjectJob, channel, jobs, pictures

_JUMP = 1.0  # seconds between two looks at the clock: the machine slept, or this process stood still
_MOST_DEATHS = 3  # of processes in a row that did no job: another one would end like them
_LONG_LIFE = 10  # seconds after which a death counts anew

_log = logging.getLogger(__name__)


class Supervisor:
    """Owns the process, the session's folder and the queue.

    Args:
        signals: where all is told.
        limits: how long what is waited for.
        heard, ended: for `EngineProcess`; they bring its calls to this thread, to `take` and `bury`.
        command: what is started; None for the window's own engine.
    """

    def __init__(
        self,
        signals: EngineSignals,
        limits: Limits,
        heard: Callable[[EngineProcess, channel.Message], None],
        ended: Callable[[EngineProcess, int], None],
        command: Command | None,
    ) -> None:
        self._signals, self._limits, self._heard, self._ended = signals, limits, heard, ended
        self._command = command
        self._runtime: Path | None = None
        self.folder: pictures.SessionFolder | None = None
        self._sent: pictures.SentPictures | None = None
        self._excerpts, self._queue, self._time_left = Excerpts(), JobQueue(), TimeLeft()
        self.process: EngineProcess | None = None
        self._hello: channel.Hello | None = None
        self._running: RunningJob | None = None
        self._retried = 0  # the job that was handed over anew
        self._deaths, self._born, self._looked = 0, 0.0, 0.0

    def ensure(self) -> None:
        """Start a process where there is none, or tell why there cannot be one."""
        if self.process is not None:
            return
        self._hello = None
        self._born = self._looked = time.monotonic()
        try:
            command = self._command = self._command or engine_command(self._runtime)
        except FileNotFoundError:
            self._give_up(engine_texts.no_runtime(self._runtime or Path()))
            return
        try:
            if self.folder is None:
                self.folder = pictures.SessionFolder.create()
                self._sent = pictures.SentPictures(self.folder)
            self.process = EngineProcess(command, self.folder, self._heard, self._ended)
        except EngineError as error:
            self._give_up(str(error))
        except OSError:
            _log.exception("The engine process does not start")
            self._give_up(engine_texts.unstartable(command))

    def restart(self, runtime: Path | None) -> None:
        """End the process and start one anew, from another runtime if one is given."""
        if runtime is not None:
            self._runtime, self._command = runtime, None
        if self.process is None:
            self.ensure()
        else:
            self._lose(engine_texts.restarted(), counts=False)

    def shut(self, seconds: float) -> None:
        """End the process, within so many seconds, and remove the folder."""
        process, self.process, self._running = self.process, None, None
        if process is not None:
            process.kill()
            process.join(seconds)
        if self.folder is not None:
            self.folder.remove()

    # --- jobs

    def enqueue(self, number: int, job: jobs.Job) -> None:
        try:
            replaced = self._queue.add(number, job)
        except QueueFull:
            self._signals.failed.emit(number, engine_texts.queue_full(self._queue.most))
            return
        if replaced is not None:
            self._signals.cancelled.emit(replaced)
        self.ensure()
        running = self._running
        if running is not None and gives_way(running.job, job):
            self._stop(running, later=isinstance(running.job, PrepareJob))
        self._advance()

    def cancel(self, number: int, *, keep: bool = True) -> None:
        running = self._running
        if self._queue.drop(number):
            self._signals.cancelled.emit(number)
        elif running is not None and running.number == number:
            self._stop(running, keep=keep)

    def painted(self, number: int) -> None:
        self._send(channel.Seen(number))

    def _stop(self, running: RunningJob, *, keep: bool = True, later: bool = False) -> None:
        """Let it end: an edit with what there is by then; what has nothing to show ends for the window.

        Args:
            keep: as of `RunningJob.stop`.
            later: it begins anew when there is nothing else to do, unless another has taken its place.
        """
        cancel = running.stop(time.monotonic(), keep=keep)
        if cancel is None:
            return
        self._send(cancel)
        if running.dropped and not (later and self._queue.put_back(running.number, running.job)):
            self._signals.cancelled.emit(running.number)

    def _advance(self) -> None:
        """Hand over what waits, if the process does."""
        while (
            self._running is None and self._hello is not None and (waiting := self._queue.next()) is not None
        ):
            self._hand_over(*waiting)

    def _hand_over(self, number: int, job: jobs.Job) -> None:
        assert self._sent is not None, "there is a folder as soon as there is a process"
        try:
            running = RunningJob.of(number, job, self._excerpts)
            work = jobs.encode_job(running.sent, self._sent.ref)
        except engine_texts.UNSENT as error:
            self._signals.failed.emit(number, engine_texts.unsent(error))
            return
        self._running = running
        if running.kind is not None:
            self._time_left.begin(running.kind)
        self._send(channel.Run(number, work))

    def _send(self, message: channel.Message) -> None:
        if self.process is not None:
            self.process.send(message)

    # --- what the process says

    def take(self, process: EngineProcess, message: channel.Message) -> None:
        """A message; what a process says that has been given up is not heard."""
        if process is not self.process:
            return
        try:
            if isinstance(message, channel.Hello):
                self._welcome(message)
            elif isinstance(message, channel.Beat):
                self._feel(message.quiet)
            else:
                self._follow(message)
        except (KeyError, TypeError, ValueError):
            _log.exception("The engine's message makes no sense")
            self._lose(engine_texts.garbled())
        except MemoryError:
            self._lose(engine_texts.no_memory(), counts=False)

    def bury(self, process: EngineProcess, status: int) -> None:
        """The process has ended, by itself or not."""
        if process is self.process:
            self._lose(engine_texts.ended(status), again=True)
        if self.folder is not None:
            self.folder.free_all_of(process.pid)

    def _welcome(self, hello: channel.Hello) -> None:
        if hello.protocol != channel.PROTOCOL:
            assert self._command is not None
            self._give_up(engine_texts.other_version(self._command))
            return
        self._hello = hello
        self._signals.ready.emit(hello)
        self._advance()

    def _feel(self, quiet: float) -> None:
        self._signals.alive.emit(quiet)
        running = self._running
        if running is None or running.dropped:
            return
        if quiet > self._limits.stuck and not running.told_stuck:
            self._signals.stuck.emit(running.number, engine_texts.stuck(quiet))
        running.told_stuck = quiet > self._limits.stuck

    def _follow(self, message: channel.Message) -> None:
        running = self._running
        assert self.folder is not None
        if running is None or getattr(message, "job", None) != running.number:
            return
        running.begun = True
        if isinstance(message, (channel.Finished, channel.Stopped, channel.Failed)):
            answer = running.answer(message, self.folder)
            self._running, self._deaths = None, 0
            if isinstance(answer, EditResult) and not answer.partial:
                self._time_left.end(time.monotonic())
            running.tell_end(message, answer, self._signals)
            if isinstance(message, channel.Failed) and message.last:
                self._hello, self._born = None, time.monotonic()  # until it has ended
            self._advance()
        elif isinstance(message, channel.Stepped):
            step = Step(message.phase, message.done, message.total)
            running.tell_step(step, self._time_left.step(step, time.monotonic()), self._signals)
        else:
            running.tell_look(message, self.folder, self._signals)

    # --- what it does not say

    def look(self) -> None:
        """Look at the clock; several times a second."""
        now, process, running = time.monotonic(), self.process, self._running
        jumped, self._looked = now - self._looked > _JUMP, now
        if process is None:
            return
        if jumped:  # nobody could be heard: patience begins anew
            self._born = process.heard_at = now
            if running is not None and running.cancelled_at is not None:
                running.cancelled_at = now
            return
        limits = self._limits
        opening = running is not None and running.opening
        quiet = now - process.heard_at
        if self._hello is None:
            if now - self._born > limits.start:
                self._lose(engine_texts.silent(limits.start))
        elif quiet > (limits.opening if opening else limits.silence):
            self._lose(engine_texts.silent(quiet))
        elif running is not None:
            patience = running.patience(limits, self._queue)
            if running.cancelled_at is not None and now - running.cancelled_at > patience:
                self._lose(engine_texts.unstopped(patience), counts=False)
            else:
                running.tell_waiting(now, limits, self._queue, self._signals)

    def _lose(self, sentence: str, *, counts: bool = True, again: bool = False) -> None:
        """Do without the process from now on, and start another.

        Args:
            counts: too many losses in a row are the last ones.
            again: what it had not begun is handed to the next one, once; a search for what moves always is.
        """
        started, command = self._hello is not None, self._command
        process, self.process, self._hello = self.process, None, None
        assert process is not None
        process.kill()
        running, self._running = self._running, None
        if running is not None and not running.dropped:
            self._fail(running, sentence, again=again)
        if time.monotonic() - self._born > _LONG_LIFE:
            self._deaths = 0
        self._deaths += counts
        if self._deaths >= _MOST_DEATHS:
            self._give_up(sentence if started or not command else engine_texts.unstartable(command))
        else:
            self._signals.lost.emit(sentence)
            self.ensure()

    def _fail(self, running: RunningJob, sentence: str, *, again: bool) -> None:
        """Tell the end of what the lost process was at."""
        again = (again and not running.begun) or isinstance(running.job, SubjectJob)
        if running.cancelled_at is not None:
            self._signals.cancelled.emit(running.number)
        elif again and self._retried != running.number:
            self._retried = running.number
            if not self._queue.put_back(running.number, running.job):
                self._signals.cancelled.emit(running.number)
        else:
            self._signals.failed.emit(running.number, sentence)

    def _give_up(self, sentence: str) -> None:
        """No other process, until one is asked for again: what waits fails."""
        process, self.process, self._deaths = self.process, None, 0
        if process is not None:
            process.kill()
        self._signals.lost.emit(sentence)
        while (waiting := self._queue.next()) is not None:
            self._signals.failed.emit(waiting[0], sentence)
