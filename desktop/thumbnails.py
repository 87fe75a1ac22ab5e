"""Thumbnails of picture files, made away from the window's thread."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import NamedTuple

import PIL.ExifTags
import PIL.Image
import PIL.ImageOps
from PySide6.QtCore import QCoreApplication, QObject, QThreadPool, Signal
from PySide6.QtGui import QImage

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


class Thumbnails(QObject):
    """Makes one after the other on a thread of Qt's pool; it has no parent, as that thread uses it, too.

    Args:
        side: pixels of the longer side, at most.
    """

    loaded = Signal(object, object)  # Path, Thumbnail

    def __init__(self, side: int) -> None:
        super().__init__()
        self._side = side
        self._stopped = Event()
        self._pool = QThreadPool.globalInstance()
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    def load(self, paths: Sequence[Path]) -> None:
        """Make these; what was asked for before and is not made yet is let go."""
        self.stop()
        stopped = self._stopped = Event()

        def work() -> None:
            for path in paths:
                if stopped.is_set():
                    return
                made = read_thumbnail(path, self._side)
                if not stopped.is_set():
                    with suppress(RuntimeError):  # Qt has ended meanwhile
                        self.loaded.emit(path, made)

        self._pool.start(work)

    def stop(self) -> None:
        """Make no more; the one being made is finished for nobody."""
        self._stopped.set()


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
