"""Pairs of frames out of videos, the optical flow between the two, and what is in front.

A clip is a video file (whatever OpenCV opens) or a folder of pictures in the order of their names. Its pairs
are made once and kept in a cache as arrays, which are mapped and not read.
"""

import hashlib
import logging
import math
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidRequest
from engine.training.photos import appear

Frame = NDArray[np.uint8]  # (s, s, 3) RGB
Vectors = NDArray[np.float32]  # (s, s, 2), x then y, in pixels
Front = NDArray[np.bool_]  # (s, s)

_VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
_PICTURES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
_FORMAT = 2  # of the cache; another number makes it anew
_LEAST_MOTION = 1 / 128  # of the side; what moves less against the rest is background
_SHARE = 0.3  # of the fastest motion, from which on something counts as moving
_LEAST_FRONT = 1 / 400  # of the picture; a pair that shows less of a foreground teaches nothing
_ARRAYS, _KEPT = ("source", "target", "flow", "front"), "kept.txt"  # of a clip in the cache
_HELD_OUT = 10  # the last of so many parts of a clip is held out

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """How pairs are made.

    Args:
        side: s of the square frames, in pixels.
        gap: how many frames lie at most between the two of a pair.
        pairs: the most of a clip, spread over its length.
        segmentation: a folder with CLIP/FRAME.png, white in front; None to go by motion.
        flows: a folder with CLIP/FRAME.flo or .npy, (h, w, 2), from a frame to the next, for which the gap
            must be 1; None to compute the flow (Kroeger et al.: DIS optical flow, 2016).
    """

    side: int
    gap: int = 8
    pairs: int = 200
    segmentation: Path | None = None
    flows: Path | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """Pairs of one clip, in the order of time; arrays mapped from files.

    Args:
        source, target: (n, s, s, 3) uint8 RGB.
        flow: (n, s, s, 2) float16, in pixels, where what is seen at a source pixel moves.
        front: (n, 2, s, s) bool, what is in front in the source and in the target.
        kept: how many pairs, from the first, are to train with. Those after them are held out, and the first
            ones show no frame that comes as late as theirs.
    """

    source: NDArray[np.uint8]
    target: NDArray[np.uint8]
    flow: NDArray[np.float16]
    front: NDArray[np.bool_]
    kept: int


def open_clips(folder: Path, settings: ClipSettings, cache: Path) -> list[Clip]:
    """The pairs of all clips in a folder that have any.

    Raises:
        InvalidRequest: there is no clip, none shows motion, or a file cannot be read.
        OSError: the cache cannot be written.
    """
    if settings.flows is not None and settings.gap != 1:
        raise InvalidRequest("Flows of your own lead to the next frame; set gap=1 with them.")
    places = _find(folder)
    if not places:
        raise InvalidRequest(f"{folder} holds no videos and no folders of pictures; put some there.")
    opened = [clip for place in places if (clip := _open(place, settings, cache)) is not None]
    if not opened:
        raise InvalidRequest(
            f"Nothing moves in the {len(places)} clips of {folder}; choose others or raise gap."
        )
    return opened


def _find(folder: Path) -> list[Path]:
    """Video files below `folder`, and the folders with at least two pictures, itself among them."""
    videos = [file for file in folder.rglob("*") if file.suffix.lower() in _VIDEOS and file.is_file()]
    folders = [each for each in (folder, *folder.rglob("*")) if each.is_dir() and len(_pictures(each)) > 1]
    return sorted([*videos, *folders])


def _pictures(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in _PICTURES)


def _open(place: Path, settings: ClipSettings, cache: Path) -> Clip | None:
    """The clip from the cache, where it is put first if need be; None where it shows no motion."""
    folder = cache / f"{place.stem}-{_fingerprint(place, settings)}"
    if not folder.is_dir():
        _log.info("Preparing %s", place)
        kept, held_out = _split(list(_pairs(place, settings)))
        pairs = [*kept, *held_out]
        cache.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=cache))
        try:
            for name in _ARRAYS if pairs else ():
                np.save(unfinished / f"{name}.npy", np.stack([getattr(pair, name) for pair in pairs]))
            (unfinished / _KEPT).write_text(str(len(kept)))
            appear(unfinished, folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    if not (folder / "front.npy").is_file():
        return None
    arrays: dict[str, Any] = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
    return Clip(**arrays, kept=int((folder / _KEPT).read_text()))


def _fingerprint(place: Path, settings: ClipSettings) -> str:
    files = _pictures(place) if place.is_dir() else [place]
    for own in (settings.segmentation, settings.flows):
        files += sorted((own / place.stem).glob("*")) if own is not None else []
    facts = [(str(file), (state := file.stat()).st_size, state.st_mtime_ns) for file in files]
    return hashlib.sha256(repr((_FORMAT, settings, facts)).encode()).hexdigest()[:16]


class _Shot(NamedTuple):
    number: int
    name: str  # of the picture, or the number of the frame in six digits
    frame: Frame


class _Pair(NamedTuple):
    source: Frame
    target: Frame
    flow: NDArray[np.float16]
    front: NDArray[np.bool_]
    span: tuple[int, int]  # numbers of the frames


def _split(pairs: list[_Pair]) -> tuple[list[_Pair], list[_Pair]]:
    """Those to train with, and the last to measure with; those that reach from one to the other are left
    out."""
    pairs = sorted(pairs, key=lambda pair: pair.span)
    first = len(pairs) - len(pairs) // _HELD_OUT
    held_out = pairs[first:]
    begin = min((pair.span[0] for pair in held_out), default=math.inf)
    kept = [pair for pair in pairs[:first] if pair.span[1] < begin]
    return (kept, held_out) if kept else (pairs, [])  # nothing is left over of clips as short as the gap


def _pairs(place: Path, settings: ClipSettings) -> Iterator[_Pair]:
    """Pairs that begin at even distances, each with its own gap; frames wait in memory for it."""
    every = max(1, math.ceil(_length(place) / settings.pairs))
    random = np.random.default_rng(0)  # the same pairs whenever the clip is opened
    waiting: dict[int, list[_Shot]] = {}
    for shot in _shots(place, settings.side):
        for earlier in waiting.pop(shot.number, ()):
            pair = _pair(place.stem, earlier, shot, settings)
            if pair is not None:
                yield pair
        if shot.number % every == 0:
            due = shot.number + int(random.integers(1, settings.gap + 1))
            waiting.setdefault(due, []).append(shot)


def _length(place: Path) -> int:
    """In frames; they are counted where a video's file does not say."""
    if place.is_dir():
        return len(_pictures(place))
    video = cv2.VideoCapture(str(place))
    told = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    return told if told > 0 else sum(1 for _ in iter(video.grab, False))


def _shots(place: Path, side: int) -> Iterator[_Shot]:
    if place.is_dir():
        for number, file in enumerate(_pictures(place)):
            colours = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
            if colours is None:
                raise InvalidRequest(f"{file} cannot be read as a picture; remove it or replace it.")
            yield _Shot(number, file.stem, _square(colours, side)[..., ::-1])
        return
    video = cv2.VideoCapture(str(place))
    if not video.isOpened():
        raise InvalidRequest(f"{place} cannot be read as a video; convert it to MP4 (H.264) or to pictures.")
    number = 0
    while (read := video.read())[0]:
        yield _Shot(number, f"{number:06}", _square(np.asarray(read[1], np.uint8), side)[..., ::-1])
        number += 1


def _pair(clip: str, earlier: _Shot, later: _Shot, settings: ClipSettings) -> _Pair | None:
    """None where nothing is in front."""
    flow = _given_flow(clip, earlier.name, settings)
    if flow is None:
        flow = _optical_flow(earlier.frame, later.frame)
    if settings.segmentation is None:
        fronts = _moving(flow), _moving(_optical_flow(later.frame, earlier.frame))
    else:
        fronts = tuple(
            _segmented(settings.segmentation / clip, shot.name, settings.side) for shot in (earlier, later)
        )
    if min(front.mean() for front in fronts) < _LEAST_FRONT:
        return None
    span = earlier.number, later.number
    return _Pair(earlier.frame, later.frame, flow.astype(np.float16), np.stack(fronts), span)


def _square(picture: NDArray[Any], side: int, interpolation: int = cv2.INTER_AREA) -> NDArray[Any]:
    """The middle square of (h, w, …), scaled."""
    height, width = picture.shape[:2]
    least = min(height, width)
    top, left = (height - least) // 2, (width - least) // 2
    return np.asarray(
        cv2.resize(picture[top : top + least, left : left + least], (side, side), interpolation=interpolation)
    )


def _optical_flow(source: Frame, target: Frame) -> Vectors:
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = (cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in (source, target))
    return np.asarray(search.calc(*grey, None), np.float32)  # pyright: ignore[reportCallIssue, reportArgumentType] - None makes the answer


def _given_flow(clip: str, frame: str, settings: ClipSettings) -> Vectors | None:
    if settings.flows is None:
        return None
    path = settings.flows / clip / f"{frame}.npy"
    flow: NDArray[Any] = np.zeros(0)
    try:
        read = np.load(path) if path.is_file() else cv2.readOpticalFlow(str(path.with_suffix(".flo")))
        flow = np.asarray(read)  # OpenCV answers None, or nothing, where it cannot
    except (OSError, EOFError, ValueError, cv2.error):
        _log.warning("The flow %s cannot be read", path)
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise InvalidRequest(f"{path} (or .flo) is no flow of (height, width, 2) numbers; compute it again.")
    scale = settings.side / min(flow.shape[:2])
    return np.asarray(_square(flow.astype(np.float32), settings.side) * scale, np.float32)


def _segmented(folder: Path, frame: str, side: int) -> Front:
    path = folder / f"{frame}.png"
    encoded = np.fromfile(path, np.uint8) if path.is_file() else np.zeros(0, np.uint8)
    mask = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) if encoded.size else None
    if mask is None:
        raise InvalidRequest(f"There is no segmentation {path}; every frame of a clip needs one.")
    return _square(mask, side, cv2.INTER_NEAREST) > 127


def _moving(flow: Vectors) -> Front:
    """What moves against the rest: the camera's own motion is the median."""
    own = np.hypot(*np.moveaxis(flow - np.median(flow, axis=(0, 1)), -1, 0))
    least = max(len(flow) * _LEAST_MOTION, _SHARE * float(np.percentile(own, 99)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    return cv2.morphologyEx((own > least).astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
