"""Photos to train on: a folder or tar shards, brought to one size, segmented once, and mapped from a cache.

Whole pictures are held out of training by a hash of where they come from, so that several crops of one
picture are never on both sides.
"""

import json
import logging
import shutil
import tempfile
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from engine.errors import InvalidRequest
from engine.training.photo_source import PhotoSource, Picture, ahead, fingerprint, readable, upright
from engine.training.proposals import MOST_REGIONS, Proposals, propose

LEAST_PHOTOS = 2  # something must lie behind what is cut out of another photo
_HELD_OUT_OF = 10  # one picture in so many
_TOLD_EVERY = 500  # photos

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
    """Whether the picture from `path` is for measuring, never for training, in a set of many."""
    return _hash(path) % _HELD_OUT_OF == 0


def side_of(source: PhotoSource, *, held_out: bool) -> list[Picture]:
    """The pictures to measure with, or those to train on.

    Where the hash holds out too few, or leaves too few, the least hashes are held out instead.

    Raises:
        InvalidRequest: there are not enough for both.
    """
    pictures = source.pictures
    chosen = {picture.path for picture in pictures if is_held_out(picture.path)}
    number = sum(picture.path in chosen for picture in pictures)
    if not LEAST_PHOTOS <= number <= len(pictures) - LEAST_PHOTOS:
        counts, chosen, number = Counter(picture.path for picture in pictures), set[str](), 0
        for path in sorted(counts, key=_hash):
            if number < LEAST_PHOTOS and number + counts[path] <= len(pictures) // 2:
                chosen.add(path)
                number += counts[path]
    if number < LEAST_PHOTOS:
        raise InvalidRequest(
            f"{source.place} holds {len(pictures)} pictures, and {2 * LEAST_PHOTOS} are the least, "
            f"{LEAST_PHOTOS} to train on and {LEAST_PHOTOS} others to measure with, crops of one picture "
            "staying together; add more."
        )
    return [picture for picture in pictures if (picture.path in chosen) == held_out]


def _hash(path: str) -> int:
    return zlib.crc32(path.encode())


def open_photos(source: Path, side: int, cache: Path, *, held_out: bool, segmented: bool = True) -> Photos:
    """The photos of one side of the split; the first time they are decoded and segmented, 0.1 s each.

    Args:
        source: a folder of pictures, whose family is their subfolder, or a folder (or one tar file) with a
            manifest.csv (columns file, path, family) and the pictures in tar files.
        side: s; pictures are cropped to their middle square and scaled to it.
        cache: a folder for the result, about 4·s² bytes a photo.
        held_out: the pictures to measure with, or else those to train on.
        segmented: whether to look for regions, which costs most of the time; else there are none.

    Raises:
        InvalidRequest: there are too few pictures, one cannot be read, or the cache cannot be written.
    """
    try:
        with readable(source):
            return _prepared(PhotoSource(source), side, cache, held_out=held_out, segmented=segmented)
    except OSError as error:
        reason = error.strerror or error
        raise InvalidRequest(
            f"The photos of {source} cannot be prepared in {cache} ({reason}); "
            "make room there or use another folder."
        ) from error


def _prepared(source: PhotoSource, side: int, cache: Path, *, held_out: bool, segmented: bool) -> Photos:
    pictures = side_of(source, held_out=held_out)
    name = f"{fingerprint(source)}-{side}-{'held_out' if held_out else 'train'}"
    folder = cache / (name if segmented else f"{name}-plain")
    if not folder.is_dir():
        _log.info("Preparing %d photos in %s", len(pictures), folder)
        _build(source, pictures, side, folder, segmented=segmented)
    return _read(folder)


def _build(
    source: PhotoSource, pictures: Sequence[Picture], side: int, folder: Path, *, segmented: bool
) -> None:
    """Decode and segment everything beside `folder`, which appears when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        _fill(source, pictures, side, unfinished, segmented=segmented)
        appear(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def appear(unfinished: Path, folder: Path) -> None:
    """Give a finished folder its name, unless another process was faster; raises OSError."""
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _fill(
    source: PhotoSource, pictures: Sequence[Picture], side: int, folder: Path, *, segmented: bool
) -> None:
    n = len(pictures)
    pixels = _mapped(folder / "pixels.npy", (n, side, side, 3))
    regions = _mapped(folder / "regions.npy", (n, side, side))
    boxes, weights = np.zeros((n, MOST_REGIONS, 4), np.float32), np.zeros((n, MOST_REGIONS), np.float32)
    places = {picture.file: i for i, picture in enumerate(pictures)}

    def prepare(item: tuple[Picture, bytes]) -> tuple[int, NDArray[np.uint8], Proposals | None]:
        picture, content = item
        square = _square(content, picture.file, side)
        return places[picture.file], square, propose(square) if segmented else None

    with ThreadPoolExecutor() as pool:
        for done, (i, square, proposals) in enumerate(ahead(pool, prepare, source.read(pictures)), 1):
            pixels[i] = square
            if proposals is not None:
                regions[i], boxes[i], weights[i] = proposals
            if done % _TOLD_EVERY == 0:
                _log.info("%d of %d photos are ready", done, n)
    np.save(folder / "boxes.npy", boxes)
    np.save(folder / "weights.npy", weights)
    families = json.dumps([picture.family for picture in pictures])
    (folder / "families.json").write_text(families, encoding="utf-8")


def _square(content: bytes, name: str, side: int) -> NDArray[np.uint8]:
    """The middle square of an encoded picture, (s, s, 3)."""
    fitted = PIL.ImageOps.fit(upright(content, name), (side, side), PIL.Image.Resampling.LANCZOS)
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
