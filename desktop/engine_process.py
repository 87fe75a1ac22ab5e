"""One engine process as the window holds it: started, called by it, listened to, ended. Knows no Qt."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from engine import channel, data_dir, pictures

_PYTHONS = ("bin/python3", "bin/python", "Scripts/python.exe", "python.exe")  # in a runtime's folder
_GRACE = 1.0  # seconds that a process has to end after it has gone silent
_LOG_BYTES = 1 << 20

_log = logging.getLogger(__name__)


class Command(NamedTuple):
    """How an engine process is started: the words, and the folder to start it in."""

    words: tuple[str, ...]
    folder: Path


def own_runtime() -> Path:
    """The folder of the runtime that runs the window, frozen or not."""
    return Path(sys.executable).parent if getattr(sys, "frozen", False) else Path(sys.prefix)


def engine_command(runtime: Path | None = None) -> Command:
    """The command for a runtime.

    Args:
        runtime: the folder of a Python with Pliant in it, such as a venv with torch for a GPU; None, or
            `own_runtime()`, for the one that runs the window.

    Raises:
        FileNotFoundError: there is no Python in the folder.
    """
    frozen = bool(getattr(sys, "frozen", False))
    home = own_runtime() if frozen else Path(__file__).resolve().parents[1]
    if runtime is None or runtime == own_runtime():
        module = (channel.HOST_ARGUMENT,) if frozen else ("-m", "engine.host")
        return Command((sys.executable, *module), home)
    for name in _PYTHONS:
        if (runtime / name).is_file():
            # Unfrozen, the engine is the one beside the window, whatever else that Python has installed.
            return Command((str(runtime / name), "-m", "engine.host"), runtime if frozen else home)
    raise FileNotFoundError(str(runtime))


class EngineProcess:
    """A started process; `heard` and `ended` are called from threads of its own.

    Args:
        command: what to start.
        folder: the session's.
        heard: for each message.
        ended: once, with the exit status as `subprocess` gives it, after all messages.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        command: Command,
        folder: pictures.SessionFolder,
        heard: "Callable[[EngineProcess, channel.Message], None]",
        ended: "Callable[[EngineProcess, int], None]",
    ) -> None:
        self._heard, self._ended = heard, ended
        self._door = channel.Door(folder.path)
        self._channel: channel.Channel | None = None
        self.heard_at = time.monotonic()
        try:
            self._process = _started(command)
        except OSError:
            self._door.abandon()
            raise
        told = {"address": self._door.address, "key": self._door.key.hex(), "folder": str(folder.path)}
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as stdin:  # it has ended already
            stdin.write(json.dumps(told).encode() + b"\n")
        self._reader = threading.Thread(target=self._read, name="engine reader", daemon=True)
        self._waiter = threading.Thread(target=self._wait, name="engine waiter", daemon=True)
        self._reader.start()
        self._waiter.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: channel.Message) -> None:
        """Send, once it has called; what a dying process does not take, its end makes good."""
        if self._channel is not None:
            with suppress(OSError):
                self._channel.send(message)

    def kill(self) -> None:
        """End it; from any thread, and without waiting."""
        self._process.kill()

    def join(self, timeout: float) -> None:
        """Wait until its threads have ended."""
        self._waiter.join(timeout)

    def _read(self) -> None:
        self._channel = self._door.wait()
        if self._channel is None:
            return
        try:
            while True:
                message = self._channel.receive()
                self.heard_at = time.monotonic()
                self._heard(self, message)
        except (EOFError, OSError):
            pass
        except ValueError:
            _log.exception("The engine process says what is no message")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self._process.kill()  # does nothing to one that has ended

    def _wait(self) -> None:
        status = self._process.wait()
        self._door.close()
        self._reader.join(2 * _GRACE)
        if self._channel is not None:
            self._channel.close()
        self._ended(self, status)


def _started(command: Command) -> subprocess.Popen[bytes]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    with _output() as output:
        return subprocess.Popen(  # the key goes by stdin: others may read what stands on a command line
            command.words,
            cwd=command.folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            creationflags=flags,
        )


def _output() -> IO[bytes]:
    """Where a process writes what is not for its log: what it says when it cannot start, or crashes."""
    path = data_dir() / "logs" / "engine_output.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        if file.tell() > _LOG_BYTES:
            file.truncate(0)
    except OSError:
        return Path(os.devnull).open("wb")
    return file
