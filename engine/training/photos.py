"""Photos to train on: a folder or tar shards, brought to one size, segmented once, and mapped from a cache.

Whole pictures are held out of training by a hash of where they come from, so that several crops of one
picture are never on both sides.
"""

import csv
import hashlib
import io
import json
import logging
import os
import shutil
import tarfile
import tempfile
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from engine.errors import InvalidRequest
from engine.training.proposals import MOST_REGIONS, Proposals, propose

MANIFEST = "manifest.csv"
LEAST_PHOTOS = 2  # something must lie behind what is cut out of another photo
_COLUMNS = ("file", "path", "family")
_ENDINGS = (".avif", ".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_FORMAT = 1  # of the cache; another number makes it anew
_HELD_OUT_OF = 10  # one picture in so many
_TOLD_EVERY = 500  # photos
_AHEAD = 64  # photos

S = TypeVar("S")
T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Photos:
    """Square photos of one side, and in each up to eight regions that follow its edges.

    Args:
        pixels: (n, s, s, 3) uint8 sRGB, mapped from a file.
        regions: (n, s, s) uint8, mapped from a file: bit k is set where region k lies.
        boxes: (n, 8, 4) float32 x0, y0, x1, y1 around each region, in pixels.
        weights: (n, 8) float32, how much each region looks like a thing; 0 where there is none.
        families: (n) names; families are drawn by the square root of their size.
    """

    pixels: NDArray[np.uint8]
    regions: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    weights: NDArray[np.float32]
    families: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.families)

    @property
    def side(self) -> int:
        """s, in pixels."""
        return self.pixels.shape[1]

    @property
    def chances(self) -> NDArray[np.float64]:
        """(n,) how likely each photo is to be drawn; they sum to 1."""
        return family_chances(self.families)


def family_chances(families: Sequence[str]) -> NDArray[np.float64]:
    """(n,) chances with which a family is drawn by the square root of its size, and evenly within it."""
    sizes = Counter(families)
    chances = np.array([sizes[family] ** -0.5 for family in families])
    return chances / chances.sum()


def working_side(size: int) -> int:
    """The side of photos to take frames of `size` pixels from: crops and mirrored things need some room."""
    return size * 3 // 2


def is_held_out(path: str) -> bool:
    """Whether the picture from `path` is for measuring, never for training."""
    return zlib.crc32(path.encode()) % _HELD_OUT_OF == 0


def open_photos(source: Path, side: int, cache: Path, *, held_out: bool) -> Photos:
    """The photos of one side of the split; the first time they are decoded and segmented, 0.1 s each.

    Args:
        source: a folder of pictures, whose family is their subfolder, or a folder (or one tar file) with a
            manifest.csv (columns file, path, family) and the pictures in tar files.
        side: s; pictures are cropped to their middle square and scaled to it.
        cache: a folder for the result, about 4·s² bytes a photo.
        held_out: the pictures to measure with, or else those to train on.

    Raises:
        InvalidRequest: there are no pictures, one cannot be read, or the cache cannot be written.
    """
    try:
        return _prepared(_Source(source), side, cache, held_out=held_out)
    except OSError as error:
        reason = error.strerror or error
        raise InvalidRequest(
            f"The photos of {source} cannot be prepared in {cache} ({reason}); "
            "make room there or use another folder."
        ) from error
    except (tarfile.TarError, csv.Error, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{source} holds a damaged tar file or {MANIFEST} ({error}); fetch the photos again."
        ) from error


def _prepared(source: "_Source", side: int, cache: Path, *, held_out: bool) -> Photos:
    pictures = [picture for picture in source.pictures if is_held_out(picture.path) == held_out]
    if len(pictures) < LEAST_PHOTOS:
        use = "measure with" if held_out else "train on"
        raise InvalidRequest(
            f"{source.place} holds {len(pictures)} pictures to {use}, and {LEAST_PHOTOS} are the least; "
            "add more."
        )
    folder = cache / f"{_fingerprint(source)}-{side}-{'held_out' if held_out else 'train'}"
    if not folder.is_dir():
        _log.info("Preparing %d photos in %s", len(pictures), folder)
        _build(source, pictures, side, folder)
    return _read(folder)


class _Picture(NamedTuple):
    file: str  # below a folder, or in a tar file
    path: str  # where the picture comes from, alike for all crops of it
    family: str


class _Source:
    """Where pictures come from: a folder of files, or tar files with a manifest."""

    def __init__(self, place: Path) -> None:
        self.place = place
        if place.is_dir() and (place / MANIFEST).is_file():
            self.shards = sorted(place.glob("*.tar"))
            self.pictures = _listed((place / MANIFEST).read_text(encoding="utf-8"), place)
        elif place.is_dir():
            self.shards = []
            self.pictures = list(_found(place))
        elif place.is_file() and tarfile.is_tarfile(place):
            self.shards = [place]
            self.pictures = _listed(_manifest_in(place), place)
        else:
            raise InvalidRequest(
                f"There are no photos at {place}; name a folder of pictures or of tar files."
            )

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


def _found(folder: Path) -> Iterator[_Picture]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in _ENDINGS and file.is_file():
            name = file.relative_to(folder)
            yield _Picture(name.as_posix(), name.as_posix(), name.parts[0] if len(name.parts) > 1 else "")


def _listed(table: str, place: Path) -> list[_Picture]:
    rows = csv.DictReader(io.StringIO(table))
    missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise InvalidRequest(
            f"{MANIFEST} of {place} lacks the column “{missing[0]}”; fetch the photos again."
        )
    return [_Picture(row["file"], row["path"], row["family"]) for row in rows]


def _manifest_in(shard: Path) -> str:
    with tarfile.open(shard) as archive:
        for member in archive:
            if member.name == MANIFEST and (content := archive.extractfile(member)) is not None:
                return content.read().decode()
    raise InvalidRequest(f"{shard} holds no {MANIFEST}; name the folder that does.")


def _fingerprint(source: _Source) -> str:
    digest = hashlib.sha256(repr((_FORMAT, source.pictures)).encode())
    for file in source.files():
        status = file.stat()
        digest.update(repr((status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()[:16]


def _build(source: _Source, pictures: Sequence[_Picture], side: int, folder: Path) -> None:
    """Decode and segment everything beside `folder`, which appears when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        _fill(source, pictures, side, unfinished)
        if not folder.is_dir():  # nobody else has been faster
            os.replace(unfinished, folder)  # noqa: PTH105 - pathlib's says nothing more
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _fill(source: _Source, pictures: Sequence[_Picture], side: int, folder: Path) -> None:
    n = len(pictures)
    pixels = _mapped(folder / "pixels.npy", (n, side, side, 3))
    regions = _mapped(folder / "regions.npy", (n, side, side))
    boxes, weights = np.zeros((n, MOST_REGIONS, 4), np.float32), np.zeros((n, MOST_REGIONS), np.float32)
    places = {picture.file: i for i, picture in enumerate(pictures)}

    def prepare(item: tuple[_Picture, bytes]) -> tuple[int, NDArray[np.uint8], Proposals]:
        picture, content = item
        square = _square(content, picture.file, side)
        return places[picture.file], square, propose(square)

    with ThreadPoolExecutor() as pool:
        for done, (i, square, proposals) in enumerate(_ahead(pool, prepare, source.read(pictures)), 1):
            pixels[i], regions[i] = square, proposals.bits
            boxes[i], weights[i] = proposals.boxes, proposals.weights
            if done % _TOLD_EVERY == 0:
                _log.info("%d of %d photos are ready", done, n)
    np.save(folder / "boxes.npy", boxes)
    np.save(folder / "weights.npy", weights)
    families = json.dumps([picture.family for picture in pictures])
    (folder / "families.json").write_text(families, encoding="utf-8")


def _ahead(pool: ThreadPoolExecutor, act: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """`map`, but only so far ahead that not all encoded and decoded photos lie in memory."""
    waiting: deque[Future[T]] = deque()
    for item in items:
        waiting.append(pool.submit(act, item))
        if len(waiting) > _AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _square(content: bytes, name: str, side: int) -> NDArray[np.uint8]:
    """The middle square of an encoded picture, (s, s, 3)."""
    try:
        with PIL.Image.open(io.BytesIO(content)) as opened:
            upright = PIL.ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise InvalidRequest(f"“{name}” cannot be read as a picture; remove it or fetch it again.") from error
    fitted = PIL.ImageOps.fit(upright, (side, side), PIL.Image.Resampling.LANCZOS)
    return np.asarray(fitted, np.uint8)


def _mapped(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.lib.format.open_memmap(path, "w+", np.uint8, shape)


def _read(folder: Path) -> Photos:
    return Photos(
        pixels=np.load(folder / "pixels.npy", mmap_mode="r"),
        regions=np.load(folder / "regions.npy", mmap_mode="r"),
        boxes=np.load(folder / "boxes.npy"),
        weights=np.load(folder / "weights.npy"),
        families=tuple(json.loads((folder / "families.json").read_text(encoding="utf-8"))),
    )
