"""Opening and saving away from the window's thread."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from weakref import ref

from PySide6.QtCore import QObject, Qt, Signal, Slot

from desktop.document.compositor import flatten
from desktop.document.document import Document
from desktop.document.state import State
from desktop.relay import Relay
from engine import EngineError, Photo, check_output, open_photo, save_photo

_Job = Future[Any]


@cache
def _relay() -> Relay:
    return Relay()


class FileWorker(QObject):
    """Opens pictures and saves documents, one of each at a time, in the order asked for.

    It may go while jobs run: nobody then hears of them, but what is being saved still reaches the disk before
    the program ends. The threads are Python's, which need no event loop and are joined before Qt comes down.
    """

    opened = Signal(object, object)  # Photo, Path; only of the latest `open`
    saved = Signal(object)  # Path
    failed = Signal(str)  # a sentence for the user

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._openings = ThreadPoolExecutor(1, "opening")
        self._savings = ThreadPoolExecutor(1, "saving")
        self._opening: _Job | None = None
        self._awaited: dict[_Job, Callable[[_Job], None]] = {}  # and what to do with their results
        _relay().told.connect(self._finish, Qt.ConnectionType.QueuedConnection)

    @property
    def is_opening(self) -> bool:
        return self._opening is not None

    @property
    def is_saving(self) -> bool:
        return any(job is not self._opening for job in self._awaited)

    def open(self, path: Path) -> None:
        """Read a picture; `opened` or `failed` follows, unless `forget` or another `open` comes first."""
        self.forget()
        self._opening = self._openings.submit(open_photo, path)
        self._await(self._opening, partial(self._take_photo, path))

    def forget(self) -> None:
        """Drop the picture that is being opened."""
        if self._opening is not None:
            self._awaited.pop(self._opening, None)
            self._opening.cancel()
        self._opening = None

    def save(self, document: Document, path: Path, then: Callable[[], None] | None = None) -> None:
        """Write what is visible now; `saved` or `failed` follows, and the document takes note of it.

        Args:
            then: called after `saved`, and not after `failed`.
        """
        state = document.settled
        origin = document.origin([layer for layer in state.layers if layer.visible])
        photo = replace(document.photo, origin=origin)
        job = self._savings.submit(_write, photo, state, document.size, path, document.path)
        self._await(job, partial(self._take_saved, ref(document), state, path, then))

    def wait(self) -> None:
        """Return once all that was to be saved is on the disk or has failed, which is not signalled here."""
        for job in list(self._awaited):
            if job is not self._opening:
                job.exception()

    def _await(self, job: _Job, take: Callable[[_Job], None]) -> None:
        self._awaited[job] = take
        job.add_done_callback(_relay().tell)

    @Slot(object)
    def _finish(self, job: _Job) -> None:
        take = self._awaited.pop(job, None)  # None for a job of another window
        if job is self._opening:
            self._opening = None
        if take is None:
            return
        try:
            take(job)
        except EngineError as error:
            self.failed.emit(str(error))
        except MemoryError:
            self.failed.emit(
                self.tr("There is not enough memory for this picture; close other programs and try again.")
            )

    def _take_photo(self, path: Path, job: _Job) -> None:
        photo: Photo = job.result()
        self.opened.emit(photo, path)

    def _take_saved(
        self,
        document: "ref[Document]",
        state: State,
        path: Path,
        then: Callable[[], None] | None,
        job: _Job,
    ) -> None:
        job.result()
        if (alive := document()) is not None:
            alive.mark_saved(state, path)
        self.saved.emit(path)
        if then is not None:
            then()


def _write(photo: Photo, state: State, size: tuple[int, int], path: Path, source: Path | None) -> None:
    check_output(path, photo, source=source)
    save_photo(replace(photo, pixels=flatten(state.layers, size)), path, source=source)
