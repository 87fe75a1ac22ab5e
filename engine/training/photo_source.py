"""Where photos come from: a folder of pictures, or tar files with a table of them."""

import csv
import hashlib
import io
import tarfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import PIL.Image
import PIL.ImageOps

from engine.errors import InvalidRequest

MANIFEST = "manifest.csv"
_COLUMNS = ("file", "path", "family")
_ENDINGS = (".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_FORMAT = 2  # of the caches; another number makes them anew
_AHEAD = 64  # photos

S = TypeVar("S")
T = TypeVar("T")


class _Picture(NamedTuple):
    file: str  # below a folder, or in a tar file
    path: str  # where the picture comes from, alike for all crops of it
    family: str


Picture = _Picture  # by its first name, which is a part of fingerprints


class PhotoSource:
    """Where pictures come from: a folder of files, or tar files with a manifest.

    Attributes:
        rows: of the manifest, beside `pictures`; none where there is no manifest.

    Raises:
        InvalidRequest: there are no photos.
        OSError, tarfile.TarError, csv.Error, UnicodeDecodeError: they cannot be read.
    """

    def __init__(self, place: Path) -> None:
        self.place, self.rows = place, list[dict[str, str]]()
        if place.is_dir() and (place / MANIFEST).is_file():
            self.shards = sorted(place.glob("*.tar"))
            self.rows = _listed((place / MANIFEST).read_text(encoding="utf-8"), place)
        elif place.is_dir():
            self.shards = []
            self.pictures = list(_found(place))
            return
        elif place.is_file() and tarfile.is_tarfile(place):
            self.shards = [place]
            self.rows = _listed(_manifest_in(place), place)
        else:
            raise InvalidRequest(
                f"There are no photos at {place}; name a folder of pictures or of tar files."
            )
        self.pictures = [_Picture(row["file"], row["path"], row["family"]) for row in self.rows]

    def files(self) -> list[Path]:
        """What the pictures are read from."""
        return self.shards or [self.place / picture.file for picture in self.pictures]

    def read(self, pictures: Sequence[_Picture]) -> Iterator[tuple[_Picture, bytes]]:
        """The encoded pictures, in any order."""
        if not self.shards:
            yield from ((picture, (self.place / picture.file).read_bytes()) for picture in pictures)
            return
        wanted = {picture.file: picture for picture in pictures}
        for shard in self.shards:
            with tarfile.open(shard) as archive:
                for member in archive:
                    picture = wanted.pop(member.name, None) if member.isfile() else None
                    content = None if picture is None else archive.extractfile(member)
                    if picture is not None and content is not None:
                        yield picture, content.read()
        if wanted:
            raise InvalidRequest(
                f"{len(wanted)} pictures of {MANIFEST} are in no tar file of {self.place}, the first one "
                f"“{next(iter(wanted))}”; fetch the photos again."
            )


@contextmanager
def readable(place: Path) -> Generator[None]:
    """Say in words what is wrong with photos that cannot be read within.

    Raises:
        InvalidRequest: a tar file or the manifest is damaged.
    """
    try:
        yield
    except (tarfile.TarError, csv.Error, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{place} holds a damaged tar file or {MANIFEST} ({error}); fetch the photos again."
        ) from error


def _found(folder: Path) -> Iterator[_Picture]:
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in name.parts)  # as what macOS puts beside a file
        if file.suffix.lower() in _ENDINGS and not hidden and file.is_file():
            yield _Picture(name.as_posix(), name.as_posix(), name.parts[0] if len(name.parts) > 1 else "")


def _listed(table: str, place: Path) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(table))
    missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise InvalidRequest(
            f"{MANIFEST} of {place} lacks the column “{missing[0]}”; fetch the photos again."
        )
    return list(rows)


def _manifest_in(shard: Path) -> str:
    with tarfile.open(shard) as archive:
        for member in archive:
            if member.name == MANIFEST and (content := archive.extractfile(member)) is not None:
                return content.read().decode()
    raise InvalidRequest(f"{shard} holds no {MANIFEST}; name the folder that does.")


def fingerprint(source: PhotoSource) -> str:
    """What tells this set of pictures from others."""
    digest = hashlib.sha256(repr((_FORMAT, source.pictures)).encode())
    for file in source.files():
        status = file.stat()
        digest.update(repr((status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()[:16]


def ahead(pool: ThreadPoolExecutor, act: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """`map`, but only so far ahead that not all encoded and decoded photos lie in memory."""
    waiting: deque[Future[T]] = deque()
    for item in items:
        waiting.append(pool.submit(act, item))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def upright(content: bytes, name: str) -> PIL.Image.Image:
    """An encoded picture in RGB, turned as it is to be seen.

    Raises:
        InvalidRequest: it cannot be decoded.
    """
    try:
        with PIL.Image.open(io.BytesIO(content)) as opened:
            return _of_bytes(PIL.ImageOps.exif_transpose(opened)).convert("RGB")
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise InvalidRequest(f"“{name}” cannot be read as a picture; remove it or fetch it again.") from error


def _of_bytes(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A picture of 16 bits a sample in 8, which Pillow's own conversion clips."""
    if not picture.mode.startswith("I"):
        return picture
    return PIL.Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))
