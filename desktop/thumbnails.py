"""Thumbnails of picture files, made away from the window's thread."""

from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from threading import Event
from typing import NamedTuple

import PIL.ExifTags
import PIL.Image
import PIL.ImageOps
from PySide6.QtCore import QCoreApplication, QObject, Qt, QThreadPool, Signal, Slot
from PySide6.QtGui import QImage

from desktop.relay import Relay
from engine import MAX_PIXELS

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    IndexError,
    PIL.Image.DecompressionBombError,
)  # Pillow's


class Thumbnail(NamedTuple):
    image: QImage  # null where the file is missing or cannot be read
    size: tuple[int, int]  # (width, height) of the upright picture


class _Made(NamedTuple):
    stopped: Event  # of the `load` it was made for
    path: Path
    thumbnail: Thumbnail


@cache
def _relay() -> Relay:
    return Relay()


class Thumbnails(QObject):
    """Makes one after the other on a thread of Qt's pool.

    Args:
        side: pixels of the longer side, at most.
    """

    loaded = Signal(object, object)  # Path, Thumbnail

    def __init__(self, side: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._side = side
        self._stopped = Event()
        _relay().told.connect(self._take, Qt.ConnectionType.QueuedConnection)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    def load(self, paths: Sequence[Path]) -> None:
        """Make these; what was asked for before and is not made yet is let go."""
        self.stop()
        self._stopped = Event()
        QThreadPool.globalInstance().start(partial(_make, self._stopped, paths, self._side))

    def stop(self) -> None:
        """Make no more; the one being made is finished for nobody."""
        self._stopped.set()

    @Slot(object)
    def _take(self, made: _Made) -> None:
        if made.stopped is self._stopped and not self._stopped.is_set():
            self.loaded.emit(made.path, made.thumbnail)


def _make(stopped: Event, paths: Sequence[Path], side: int) -> None:
    for path in paths:
        if stopped.is_set():
            return
        _relay().tell(_Made(stopped, path, read_thumbnail(path, side)))


def read_thumbnail(path: Path, side: int) -> Thumbnail:
    """The picture in `path` with sides of `side` pixels at most."""
    nothing = Thumbnail(QImage(), (0, 0))
    try:
        with PIL.Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                return nothing
            image.draft("RGB", (side, side))  # JPEG is decoded small, which is many times as fast
            image.thumbnail((side, side), reducing_gap=2.0)
            if image.getexif().get(PIL.ExifTags.Base.Orientation, 1) > 4:
                width, height = height, width
            upright = PIL.ImageOps.exif_transpose(image).convert("RGBA")
    except _BROKEN:
        return nothing
    data = upright.tobytes()
    form = QImage.Format.Format_RGBA8888
    view = QImage(data, upright.width, upright.height, 4 * upright.width, form)
    return Thumbnail(view.copy(), (width, height))
