"""Pictures that cross to another process: files in a private folder, written once, and mapped to be read.

One end creates the folder, and removes it when it is done; a lock tells folders in use from those that a
killed process left behind. Whoever writes a picture leaves it alone then; who needs it no more frees it.
"""

import itertools
import mmap
import os
import re
import shutil
import sys
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import EngineError

Bytes = NDArray[np.uint8]

_PREFIX = "pliant-session-"
_LOCK = "lock"
_YOUNG = 60  # seconds for which a folder may stand without its lock: it is just being made
_LONGEST = 80  # bytes of a folder's path: a socket in it shall have a name that the system takes
_CHUNK = 1 << 24  # bytes written at a time
_PROFILES = 8
_NAME = re.compile(r"\d+-\d+")  # process and number


class PictureRef(NamedTuple):
    """A picture or mask in the folder, by its file's name; uint8."""

    name: str
    shape: tuple[int, ...]


class SessionFolder:
    """The files of one session, seen from either end.

    Args:
        path: a folder that exists; `create` makes one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.closing = False  # set from any thread: what is being written is given up
        self._lock: BinaryIO | None = None
        self._numbers = itertools.count()
        self._doomed: set[str] = set()

    @classmethod
    def create(cls) -> "SessionFolder":
        """Make a folder that only this user may read, and clear away those of sessions that have died.

        Raises:
            EngineError: there is no place for temporary files.
        """
        base = _base()
        _clear_dead(base)
        try:
            while True:
                folder = cls(Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base)))
                folder._lock = _lock(folder.path)
                if folder._lock is not None:  # else another session took it for dead in that instant
                    return folder
        except OSError as error:
            reason = error.strerror or error
            raise EngineError(
                f"No folder for temporary files can be made in {base} ({reason}); free some space there."
            ) from error

    def write(self, array: Bytes) -> PictureRef:
        """Write an array, uint8 of any shape, as a new file.

        Raises:
            EngineError: it does not fit, or the session is closing.
        """
        for name in tuple(self._doomed):
            self.free(name)
        name = f"{os.getpid()}-{next(self._numbers)}"
        data = np.ascontiguousarray(array).data.cast("B")
        try:
            with (self.path / name).open("xb") as file:  # not by a map: a full disk would end the process
                for start in range(0, len(data), _CHUNK):
                    self._check_open()
                    file.write(data[start : start + _CHUNK])
        except OSError as error:
            self.free(name)
            raise EngineError(
                f"The picture of {len(data) / 1e6:.0f} MB does not fit into {self.path.parent} "
                f"({error.strerror or error}); free some space there."
            ) from error
        return PictureRef(name, tuple(array.shape))

    def _check_open(self) -> None:
        if self.closing:
            raise OSError("the session is closing")

    def read(self, ref: PictureRef) -> Bytes:
        """Map a file; the array is read-only, and lets go of the file when it is let go of.

        Raises:
            ValueError: there is no such picture, or it has another size.
        """
        if not _NAME.fullmatch(ref.name):
            raise ValueError(f"{ref.name} names no picture")
        try:
            with (self.path / ref.name).open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise ValueError(f"the picture {ref.name} cannot be read: {error}") from error
        return np.frombuffer(mapped, np.uint8).reshape(ref.shape)

    def take(self, ref: PictureRef) -> Bytes:
        """Map a file that nobody else needs; it goes with the array.

        Raises:
            ValueError: as `read`.
        """
        array = self.read(ref)
        self.free(ref.name)
        return array

    def free(self, name: str) -> None:
        """Remove a file; where the system keeps those that are mapped (Windows), as soon as it allows."""
        try:
            (self.path / name).unlink(missing_ok=True)
        except PermissionError:
            self._doomed.add(name)
        else:
            self._doomed.discard(name)

    def free_all_of(self, process: int) -> None:
        """Remove what a process has written and nobody has taken."""
        for path in self.path.glob(f"{process}-*"):
            self.free(path.name)

    def remove(self) -> None:
        """Remove the folder; what is still mapped and cannot be (Windows) the next session clears away."""
        self.closing = True
        if self._lock is not None:
            self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


class SentPictures:
    """Arrays as files for the other end: each is written once, and its file goes when the array goes.

    Arrays must not change once they are sent. The last few colour profiles, which are bytes, stay.
    """

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self._sent: dict[int, PictureRef] = {}  # by an array's identity, which is free when the array is gone
        self._profiles: dict[bytes, Bytes] = {}

    def ref(self, content: Bytes | bytes) -> PictureRef:
        """The file of an array or a profile.

        Raises:
            EngineError: it cannot be written.
        """
        array = self._profile(content) if isinstance(content, bytes) else content
        if id(array) not in self._sent:
            self._sent[id(array)] = self._folder.write(array)
            weakref.finalize(array, self._forget, id(array)).atexit = False
        return self._sent[id(array)]

    def _profile(self, content: bytes) -> Bytes:
        array = self._profiles.pop(content, None)
        if array is None:
            array = np.frombuffer(content, np.uint8)
        self._profiles[content] = array  # the last one now
        if len(self._profiles) > _PROFILES:
            del self._profiles[next(iter(self._profiles))]
        return array

    def _forget(self, identity: int) -> None:
        self._folder.free(self._sent.pop(identity).name)


def _base() -> Path:
    usual = Path(tempfile.gettempdir())
    if os.name == "posix" and len(os.fsencode(usual)) + len(_PREFIX) > _LONGEST:
        return Path("/tmp")
    return usual


def _lock(folder: Path) -> BinaryIO | None:
    """A file that tells others, while it is open, that the session lives; None where they were quicker."""
    path = folder / _LOCK
    try:
        file = path.open("wb")
    except FileNotFoundError:
        return None
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - there is none on Windows

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        if not path.exists():
            file.close()
            return None
    return file


def _clear_dead(base: Path) -> None:
    """Remove the folders of sessions that did not come to do it: what they hold may fill a disk."""
    for folder in base.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is another user's, or gone by now, or in use
            _clear_if_dead(folder)


def _clear_if_dead(folder: Path) -> None:
    """Raises: OSError: it lives."""
    path = folder / _LOCK
    if not path.exists():
        if time.time() - folder.stat().st_mtime > _YOUNG:
            shutil.rmtree(folder, ignore_errors=True)
    elif sys.platform == "win32":
        path.unlink()  # fails while it is open
        shutil.rmtree(folder, ignore_errors=True)
    else:
        import fcntl  # noqa: PLC0415

        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
