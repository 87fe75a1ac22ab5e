"""The engine process: `python -m engine.host`, started by the window, which tells it on stdin where to call.

The main thread edits. A second one listens, so that a cancel arrives while the first is busy; a third tells
that the process lives, and what the edit has come to. It ends with the connection, and with its parent.
"""

import ctypes
import faulthandler
import json
import logging
import os
import platform
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import NoReturn

from engine.channel import (
    BROKEN_DEVICE,
    PROTOCOL,
    Beat,
    Cancel,
    Channel,
    Failed,
    Finished,
    Hello,
    Message,
    Previewed,
    Run,
    Seen,
    Stopped,
    connect,
)
from engine.edit import Box, Image
from engine.engine import Engine
from engine.errors import EngineError
from engine.jobs import (
    Answer,
    EditJob,
    GenerateJob,
    PrepareJob,
    SubjectJob,
    WarmJob,
    decode_job,
    encode_answer,
)
from engine.paths import data_dir
from engine.pictures import SessionFolder
from engine.progress import Cancelled, Progress
from engine.reporting import OFTEN, ReportedProgress, Reports, RunningJob, WatchedProgress
from engine.runtime.device import resolve_device
from engine.runtime.memory import is_broken_device, is_out_of_memory
from engine.terminal import fill_closed_streams

_LIBRARIES = ("pliant", "torch", "diffusers", "numpy", "opencv-python-headless")
_BEAT = 0.5  # seconds
_LOG_BYTES, _LOGS = 1 << 20, 3
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_NICE = 5  # the window's frames come first
_NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")

_MEMORY = "Memory did not suffice for this edit; mask a smaller part, or close other programs."

_log = logging.getLogger(__name__)


class Host:
    """Serves one window.

    Args:
        channel: to it.
        folder: where pictures lie.
        engine: does the edits.
    """

    def __init__(self, channel: Channel, folder: SessionFolder, engine: Engine) -> None:
        self._channel, self._folder, self._engine = channel, folder, engine
        self._reports = Reports(channel)
        self._jobs: queue.SimpleQueue[RunningJob] = queue.SimpleQueue()
        self._known: dict[int, RunningJob] = {}  # those that have not ended
        self._running: RunningJob | None = None

    def serve(self) -> int:
        """Run what comes, until the process shall end; returns its exit status."""
        self._channel.send(Hello(PROTOCOL, os.getpid(), _versions()))
        for work in (self._listen, self._beat):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()
        while True:
            job = self._running = self._jobs.get()
            job.touched = time.monotonic()
            end = self._end(job)
            self._running = None
            del self._known[job.number]
            try:
                self._reports.end(end)
            except OSError:
                return 0  # the window has gone
            if isinstance(end, Failed) and end.last:
                return BROKEN_DEVICE

    def _end(self, job: RunningJob) -> Message:
        """Do a job; its last message."""
        try:
            return Finished(job.number, encode_answer(self._answer(job), self._folder.write))
        except Cancelled:
            return Stopped(job.number)
        except EngineError as error:
            return Failed(job.number, str(error))
        except MemoryError:
            return Failed(job.number, _MEMORY)
        except Exception as error:  # noqa: BLE001 - a process border: the window gets a sentence
            if isinstance(error, RuntimeError) and is_out_of_memory(error):
                return Failed(job.number, _MEMORY)
            _log.exception("Job %d failed", job.number)
            return Failed(job.number, _unexpected(), last=is_broken_device(error))

    def _answer(self, given: RunningJob) -> Answer:
        job = decode_job(given.work, self._folder.read)
        if isinstance(job, WarmJob):
            return resolve_device(job.device, networks=True)
        if isinstance(job, GenerateJob):
            show = self._shows(given, Box(0, 0, *job.origin.size))
            return self._engine.generate(job.origin, WatchedProgress(given, self._reports, show), job.device)
        progress = WatchedProgress(given, self._reports)
        if isinstance(job, SubjectJob):
            return self._engine.find_subject(job.request, job.method, job.pack, progress, job.device)
        if isinstance(job, PrepareJob):
            return self._prepare(job, progress)
        return self._edit(given, job)

    def _prepare(self, job: PrepareJob, progress: Progress) -> Answer:
        engine = self._engine
        settings = engine.settings(job.method, job.pack, job.settings)
        engine.warm_up(job.method, job.request, settings, job.pack, progress, job.device)
        return engine.device(job.method, job.device)

    def _edit(self, given: RunningJob, job: EditJob) -> Answer:
        engine = self._engine
        request = engine.complete(job.request)
        region = engine.plan(request)
        # A job that is itself a preview shows no others.
        show = None if job.preview else self._shows(given, region.crop)
        progress = ReportedProgress(given, region, self._reports, show)
        settings = engine.settings(job.method, job.pack, job.settings)
        return engine.edit(job.method, request, settings, job.pack, progress, job.device)

    def _shows(self, given: RunningJob, box: Box) -> Callable[[Image], None]:
        """What sends previews of that part of the picture."""

        def show(image: Image) -> None:
            given.seen = False
            picture = self._folder.write(image)
            self._channel.send(Previewed(given.number, list(picture), list(box)))

        return show

    def _listen(self) -> None:
        """Take what the window sends, while the main thread is busy too; without a window there is no end."""
        with suppress(EOFError, OSError, ValueError):
            while True:
                self._take(self._channel.receive())
        _exit(0)

    def _take(self, message: Message) -> None:
        if isinstance(message, Run):
            job = self._known[message.job] = RunningJob(message.job, message.work)
            self._jobs.put(job)
        elif isinstance(message, (Cancel, Seen)):
            job = self._known.get(message.job)
            if job is not None and isinstance(message, Cancel):
                job.keep = message.keep
                job.cancelled.set()
            elif job is not None:
                job.seen = True

    def _beat(self) -> None:
        parent, due = os.getppid(), 0.0
        with suppress(OSError):
            while os.getppid() == parent:
                job = self._running
                if time.monotonic() >= due:
                    self._channel.send(Beat(0.0 if job is None else time.monotonic() - job.touched))
                    due = time.monotonic() + _BEAT
                self._reports.send_due()
                time.sleep(_BEAT if job is None else OFTEN)
        _exit(0)


def main() -> int:
    """Serve the window that has started this process; returns the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in a terminal is for the window, which then ends us
    _die_with_parent()
    try:
        with open(0, "rb", closefd=False) as stdin:  # frozen programs have no sys.stdin
            told = json.loads(stdin.readline())
        channel = connect(told["address"], bytes.fromhex(told["key"]))
        folder = SessionFolder(Path(told["folder"]))
    except (OSError, ValueError, KeyError, TypeError):
        return 2  # nobody, or a stranger, has started us
    fill_closed_streams()  # a frozen program without a console has none, and libraries write to them
    faulthandler.enable()
    _set_up_log()
    _stay_offline()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    _log.info("Engine process %d", os.getpid())
    return Host(channel, folder, Engine()).serve()


def _die_with_parent() -> None:
    """Linux ends this process with the thread that has started it, busy or not."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _stay_offline() -> None:
    """The engine process opens no connection: neither do libraries on their own account."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"):
        os.environ[name] = "1"

    def refuse(event: str, arguments: Sequence[object]) -> None:
        if event in _NETWORK:
            local = (
                len(arguments) > 1
                and isinstance(arguments[1], (str, bytes))
                and event != "socket.getaddrinfo"
            )
            if not local:
                raise PermissionError("The engine process opens no connection to a network.")

    sys.addaudithook(refuse)


def _set_up_log() -> None:
    folder = data_dir() / "logs"
    handler: logging.Handler = logging.NullHandler()
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            folder / "engine.log", maxBytes=_LOG_BYTES, backupCount=_LOGS, encoding="utf-8"
        )
    logging.raiseExceptions = False  # a full disk stops no edit
    logging.basicConfig(
        level=logging.INFO,
        handlers=[handler],
        format="%(asctime)s %(process)d %(levelname)s %(name)s %(message)s",
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _unexpected() -> str:
    path = data_dir() / "logs" / "engine.log"
    return f"Something unexpected failed in the engine. Run it again; what happened is written in {path}."


def _exit(status: int) -> NoReturn:
    """End the process whatever its other threads do."""
    logging.shutdown()
    os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
