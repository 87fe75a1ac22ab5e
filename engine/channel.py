"""What window and engine process say to each other: JSON over a local, authenticated connection; no pickles.

Jobs and cancels go down, steps, previews and answers come up. Pictures stay in files (`engine/pictures.py`);
a message holds their names. Every job ends by exactly one of `Finished`, `Stopped` and `Failed`.
"""

import json
import os
import secrets
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

PROTOCOL = 3  # raised whenever a message changes: window and runtime may be of different versions
HOST_ARGUMENT = "--engine-host"  # makes the program, where it is one executable, an engine process
BROKEN_DEVICE = 70  # exit status of an engine process whose graphics device serves no more

_LONGEST = 1 << 24  # bytes of a message


@dataclass(frozen=True)
class Run:
    job: int
    work: dict[str, Any]  # as `engine.jobs.encode_job` makes it


@dataclass(frozen=True)
class Cancel:
    job: int
    keep: bool  # whether what there is so far is wanted; a second Cancel may say that it is not any more


@dataclass(frozen=True)
class Seen:
    """The preview has been painted; the next one may come."""

    job: int


@dataclass(frozen=True)
class Hello:
    """The first message of an engine process."""

    protocol: int
    pid: int
    versions: dict[str, str]  # of Python and the libraries, by name


@dataclass(frozen=True)
class Beat:
    """The process lives.

    Args:
        quiet: seconds since the running edit has given a sign; 0 where none runs.
    """

    quiet: float


@dataclass(frozen=True)
class Stepped:
    job: int
    phase: str
    done: int
    total: int


@dataclass(frozen=True)
class Moved:
    job: int
    handles: list[list[float]]  # in pixels of the picture that was sent


@dataclass(frozen=True)
class Previewed:
    job: int
    picture: list[Any]  # a PictureRef
    box: list[int]  # the Box of the picture that was sent over which it lies


@dataclass(frozen=True)
class Finished:
    job: int
    answer: Any  # as `engine.jobs.encode_answer` makes it


@dataclass(frozen=True)
class Stopped:
    """Cancelled, and there is nothing to show."""

    job: int


@dataclass(frozen=True)
class Failed:
    """It could not be done.

    Args:
        last: the process ends, and takes no other job.
    """

    job: int
    sentence: str
    last: bool = False


Message = Run | Cancel | Seen | Hello | Beat | Stepped | Moved | Previewed | Finished | Stopped | Failed
_MESSAGES: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (Run, Cancel, Seen, Hello, Beat, Stepped, Moved, Previewed, Finished, Stopped, Failed)
}


class _Pipe(Protocol):
    """What multiprocessing's connections have in common."""

    def send_bytes(self, buf: bytes, /) -> None: ...
    def recv_bytes(self, maxlength: int, /) -> bytes: ...
    def close(self) -> None: ...


class Channel:
    """Sends from any thread, receives in one."""

    def __init__(self, connection: _Pipe) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Raises: OSError: the other end has gone."""
        data = json.dumps([type(message).__name__, vars(message)]).encode()
        with self._sending:
            self._connection.send_bytes(data)

    def receive(self) -> Message:
        """The next message, waited for.

        Raises:
            EOFError: the other end has gone.
            OSError: the connection is broken.
            ValueError: this is no message.
        """
        data = self._connection.recv_bytes(_LONGEST)
        try:
            name, content = json.loads(data)
            return _MESSAGES[name](**content)
        except (KeyError, TypeError, UnicodeDecodeError) as error:
            raise ValueError(f"not a message: {data[:200]!r}") from error

    def close(self) -> None:
        self._connection.close()


class Door:
    """Where the window awaits its engine process: a socket in a private folder, or a pipe on Windows."""

    def __init__(self, folder: Path) -> None:
        from multiprocessing import connection  # noqa: PLC0415 - a window shall be shown before it loads

        name = secrets.token_hex(4)
        self.key = secrets.token_bytes(32)
        self.address = (
            rf"\\.\pipe\pliant-{os.getpid()}-{name}" if sys.platform == "win32" else str(folder / name)
        )
        self._listener = connection.Listener(self.address, backlog=16, authkey=self.key)
        self._knock = lambda: connection.Client(self.address).close()
        self._closed = False

    def wait(self) -> Channel | None:
        """The first to come who knows the key; None once the door has been closed."""
        from multiprocessing import AuthenticationError  # noqa: PLC0415

        while not self._closed:
            with suppress(AuthenticationError, EOFError, OSError):  # a stranger, or `close`
                accepted = self._listener.accept()
                self._listener.close()
                return Channel(accepted)
        self._listener.close()
        return None

    def close(self) -> None:
        """Nobody is awaited any more; from any thread."""
        self._closed = True
        with suppress(OSError):  # somebody has come
            self._knock()

    def abandon(self) -> None:
        """Nobody has been awaited yet, and nobody will be."""
        self._listener.close()


def connect(address: str, key: bytes) -> Channel:
    """The engine process's end of a `Door`.

    Raises:
        OSError: nobody waits there, or the key is another.
    """
    from multiprocessing import AuthenticationError  # noqa: PLC0415
    from multiprocessing.connection import Client  # noqa: PLC0415

    try:
        return Channel(Client(address, authkey=key))
    except (EOFError, AuthenticationError) as error:
        raise ConnectionRefusedError("the key is another") from error
