"""`pliant bench speed`: how long the user waits, on this machine, as medians and 95th percentiles."""

import dataclasses
import io
import itertools
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import PIL.Image

from engine.edit import DragEdit, Image, Mask, Point, PointPair
from engine.engine import Engine
from engine.methods.flow_warp.preview import Preview, WarpPreview
from engine.photo import open_photo

_LARGE = (6000, 4000)  # a 24-megapixel photo
_REGION = 1024  # pixels along a side


class Row(NamedTuple):
    """One measurement.

    Args:
        runs: how often it was measured.
        aim: what the 95th percentile shall not exceed, or None.
        unit: of `median`, `p95` and `aim`: ms or MB.
    """

    name: str
    median: float
    p95: float
    runs: int
    aim: float | None
    unit: str = "ms"

    @staticmethod
    def of(name: str, values: Sequence[float], aim: float | None, unit: str = "ms") -> "Row":
        """The row of these measurements."""
        median, p95 = np.percentile(np.array(values), [50, 95])
        return Row(name, round(float(median), 2), round(float(p95), 2), len(values), aim, unit)

    def __str__(self) -> str:
        aim = "" if self.aim is None else f"   (aim {self.aim:g})"
        return f"{self.name:<70} median {self.median:8.1f} {self.unit}   p95 {self.p95:8.1f} {self.unit}{aim}"


def run() -> list[Row]:
    """Measure on a synthetic photo; takes about half a minute and needs 1 GB."""
    picture = _photo(_LARGE)
    return [*_previews(picture), *_finals(picture), *_files(picture)]


def _previews(picture: Image) -> list[Row]:
    small = np.ascontiguousarray(picture[:_REGION, :_REGION])
    round_ = _disc(small, _REGION // 2 - 8)  # a mask as drags have it, without straight edges to profit from
    bent = _request(small, mask=round_)
    moved = _request(small, mask=round_, motion="move", subject=_disc(small, _REGION // 4))
    region = f"{_REGION}² region, 6 pairs, 4 pins"
    return [
        _measure(f"preview, deform, {region}", _pulling(bent), 200, 12),
        _measure(f"preview, move with a subject, {region}", _pulling(moved), 200, None),
    ]


def _pulling(request: DragEdit) -> Callable[[], object]:
    """What shows a preview each time that the last target has gone on around its place."""
    preview, angles = WarpPreview(), itertools.count()
    *others, (handle, (x, y)) = request.points

    def pull() -> Preview:
        angle, reach = next(angles) / 7, 40 * _REGION / 1024
        target = Point(x + reach * math.cos(angle), y + reach * math.sin(angle))
        return preview.show(dataclasses.replace(request, points=(*others, PointPair(handle, target))))

    return pull


def _finals(picture: Image) -> list[Row]:
    engine = Engine()
    middle = (_LARGE[0] - _REGION) // 2, (_LARGE[1] - _REGION) // 2
    small = np.ascontiguousarray(picture[:_REGION, :_REGION])
    local = _request(picture, mask=_square(picture, middle), origin=middle)
    whole = _request(picture, origin=middle)
    found = _request(small, mask=_disc(small, _REGION // 2 - 8), motion="move")
    size = f"{picture.shape[0] * picture.shape[1] / 1e6:.0f} megapixels"
    return [
        _measure(f"final, deform, {_REGION}² of {size}", lambda: engine.edit("flow_warp", local), 9, 500),
        _measure(f"final, deform, all of {size}", lambda: engine.edit("flow_warp", whole), 5, 3000),
        _measure(f"final, move, subject found, {_REGION}²", lambda: engine.edit("flow_warp", found), 9, None),
    ]


def _files(picture: Image) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo.jpg"
        path.write_bytes(_jpeg(picture))
        return [_measure("open a 24-megapixel JPEG", lambda: open_photo(path), 7, 500)]


def _measure(name: str, act: Callable[[], object], runs: int, aim: float | None) -> Row:
    for _ in range(min(3, runs)):
        act()
    spent: list[float] = []
    for _ in range(runs):
        begun = time.perf_counter()
        act()
        spent.append((time.perf_counter() - begun) * 1e3)
    return Row.of(name, spent, aim)


def _photo(size: tuple[int, int]) -> Image:
    """Structure at every scale, as photos have it."""
    random = np.random.default_rng(0)
    width, height = size
    out = np.zeros((height, width, 3), np.float32)
    for octave in range(3, 12):
        small = random.standard_normal((2**octave * height // width + 1, 2**octave, 3)).astype(np.float32)
        out += cv2.resize(small, size, interpolation=cv2.INTER_CUBIC) / 1.6**octave
    out = (out - out.min()) / np.ptp(out) * 255
    return np.dstack([out.astype(np.uint8), np.full((height, width), 255, np.uint8)])


def _request(
    image: Image,
    mask: Mask | None = None,
    origin: tuple[int, int] = (0, 0),
    **changes: object,
) -> DragEdit:
    """Six drags and four pins; without a mask everything may change."""

    def at(x: float, y: float) -> Point:  # of a region of 1024 pixels a side
        return Point(origin[0] + x * _REGION / 1024, origin[1] + y * _REGION / 1024)

    pairs = tuple(
        PointPair(at(200 + 110 * i, 300 + 60 * i), at(240 + 110 * i, 340 + 40 * i)) for i in range(6)
    )
    pins = tuple(at(x, y) for x in (100, 900) for y in (100, 900))
    if mask is None:
        mask = np.full(image.shape[:2], 255, np.uint8)
    return DragEdit(image=image, mask=mask, points=pairs, pins=pins, **changes)  # pyright: ignore[reportArgumentType]


def _square(image: Image, origin: tuple[int, int]) -> Mask:
    x, y = origin
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[y : y + _REGION, x : x + _REGION] = 255
    return mask


def _disc(image: Image, radius: int) -> Mask:
    disc = np.zeros(image.shape[:2], np.uint8)
    cv2.circle(disc, (_REGION // 2, _REGION // 2), radius, 255, -1)
    return disc


def _jpeg(image: Image) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(image[..., :3])).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
