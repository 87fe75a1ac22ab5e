"""What is asked of a method and what it answers: immutable, numpy only, validated on construction.

The contract of the arrays: pictures are uint8 straight RGBA, masks uint8, both C-contiguous and read-only
across the border. Points are pixels of the request's picture, x to the right, y down, measured from the
top-left corner of the top-left pixel, whose centre thus lies at (0.5, 0.5). EXIF orientation has been
applied.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import InvalidRequest
from engine.origin import Origin

Image = NDArray[np.uint8]  # (h, w, 4) straight RGBA
Mask = NDArray[np.uint8]  # (h, w), 255 = may change, 0 = must stay; between = blended
Subject = NDArray[np.uint8]  # (h, w), 255 = moves with the drag

Motion = Literal["deform", "move"]

MAX_PIXELS = 100_000_000  # of a picture; memory and coordinates are planned for this
MAX_PAIRS = 500  # drags in one edit; beyond it a solve no longer follows a pointer


class Point(NamedTuple):
    x: float
    y: float


class PointPair(NamedTuple):
    handle: Point
    target: Point


class Box(NamedTuple):
    """A rectangle of whole pixels: x0 ≤ x < x1, y0 ≤ y < y1."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @staticmethod
    def around(plane: NDArray[np.uint8]) -> "Box":
        """The smallest box of all non-zero pixels of `plane` (h, w), of which there is at least one."""
        rows, columns = np.flatnonzero(plane.max(1)), np.flatnonzero(plane.max(0))
        return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)

    @staticmethod
    def clipped(x0: float, y0: float, x1: float, y1: float, size: tuple[int, int]) -> "Box":
        """The whole pixels that such a rectangle touches inside a picture of `size`; at least one."""
        width, height = size
        left, top = min(max(math.floor(x0), 0), width - 1), min(max(math.floor(y0), 0), height - 1)
        right, bottom = max(min(math.ceil(x1), width), left + 1), max(min(math.ceil(y1), height), top + 1)
        return Box(left, top, right, bottom)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Indexes an array (h, w, …) of the picture the box lies in."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)


@dataclass(frozen=True, kw_only=True, eq=False)
class EditRequest:
    """One edit of one picture.

    Args:
        image: (h, w, 4) uint8 straight RGBA; made read-only.
        mask: (h, w) uint8, what may change, or None for the automatic region.
        protected: (h, w) uint8, 255 = must stay whatever the mask or the automatic region says.
        profile: the ICC profile of `image`, or None where it is sRGB.
        seed: makes the result repeatable, 0 ≤ seed < 2⁶³.
        origin: how `image` was generated, where it was and nothing has changed it since.

    Raises:
        InvalidRequest: an array has the wrong form, or a number lies outside its range.
    """

    image: Image
    mask: Mask | None = None
    protected: Mask | None = None
    profile: bytes | None = None
    seed: int = 0
    origin: Origin | None = None

    def __post_init__(self) -> None:
        _require_picture(self.image)
        _require_plane(self.mask, self.image, "mask")
        _require_painted(self.mask, "mask", "paint white where the picture may change")
        _require_plane(self.protected, self.image, "protected area")
        _require(0 <= self.seed < 2**63, f"The seed must be between 0 and 2⁶³ − 1, not {self.seed}.")
        if self.origin is not None:
            (width, height), (made_width, made_height) = self.size, self.origin.size
            _require(
                self.size == self.origin.size,
                f"The picture is {width} × {height} pixels, but was generated with {made_width} × "
                f"{made_height}; leave its origin out.",
            )

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class DragEdit(EditRequest):
    """What lies under each handle shall come to lie under its target.

    Args:
        points: at least one pair.
        pins: points that stay where they are.
        subject: (h, w) uint8, what moves; None lets the method decide.
        motion: "deform" bends the picture like a rubber sheet; "move" lifts the subject off, moves it as a
            whole and uncovers what was behind it.
        prompt: what the picture shows, for methods that read text.

    Raises:
        InvalidRequest: as for `EditRequest`; also points outside the picture, and points that contradict
            each other.
    """

    points: tuple[PointPair, ...]
    pins: tuple[Point, ...] = ()
    subject: Subject | None = None
    motion: Motion = "deform"
    prompt: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_plane(self.subject, self.image, "subject")
        _require_painted(self.subject, "subject", "paint white over what shall move")
        _require(self.motion in ("deform", "move"), f"The motion must be deform or move, not {self.motion}.")
        _require(len(self.points) > 0, "Place at least one handle and its target.")
        _require(
            len(self.points) <= MAX_PAIRS,
            f"An edit takes up to {MAX_PAIRS} drags, and {len(self.points)} are placed; remove some.",
        )
        _require_points(self.points, self.pins, self.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class TextEdit(EditRequest):
    """The picture shall come to show what `prompt` says."""

    prompt: str

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(bool(self.prompt.strip()), "Write what the picture should show.")


@dataclass(frozen=True, kw_only=True, eq=False)
class ExemplarEdit(EditRequest):
    """The masked region shall come to show the thing in `exemplar`, (h, w, 4) uint8 straight RGBA."""

    exemplar: Image

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_picture(self.exemplar)
        _require(self.mask is not None, "Paint the region that the exemplar should fill.")


@dataclass(frozen=True, kw_only=True, eq=False)
class EditResult:
    """The answer to a request.

    Args:
        image: (h, w, 4) uint8 straight RGBA, as large as the request's picture and read-only; where alpha
            moved, it moved with the colour.
        region: what was allowed to change.
        handles: where the content under each handle came to rest, in the order of the pairs.
        partial: the edit was cancelled, and this is what there was by then.
        timings: seconds by phase.
        evaluations: by network, how many pictures it has run on.
    """

    image: Image
    region: Box
    handles: tuple[Point, ...] = ()
    partial: bool = False
    timings: Mapping[str, float] = field(default_factory=dict[str, float])
    evaluations: Mapping[str, int] = field(default_factory=dict[str, int])


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidRequest(message)


def _require_picture(image: Image) -> None:
    _require(
        image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 4,
        f"The picture must be 8-bit RGBA, not {image.dtype} of shape {image.shape}.",
    )
    height, width = image.shape[:2]
    _require(width > 0 and height > 0, "The picture is empty.")
    _require(
        width * height <= MAX_PIXELS,
        f"The picture has {width * height / 1e6:.0f} megapixels; Pliant edits up to "
        f"{MAX_PIXELS // 1_000_000}. Make it smaller first.",
    )
    image.flags.writeable = False


def _require_plane(plane: NDArray[np.uint8] | None, image: Image, name: str) -> None:
    """A mask must fit the picture."""
    if plane is None:
        return
    height, width = image.shape[:2]
    _require(plane.dtype == np.uint8 and plane.ndim == 2, f"The {name} must be 8-bit with one channel.")
    _require(
        plane.shape == (height, width),
        f"The {name} is {plane.shape[1]} × {plane.shape[0]} pixels, but the picture is {width} × {height}; "
        "they must be equally large.",
    )
    plane.flags.writeable = False


def _require_painted(plane: NDArray[np.uint8] | None, name: str, advice: str) -> None:
    _require(plane is None or cv2.hasNonZero(plane), f"The {name} is empty; {advice}.")


def _require_points(points: tuple[PointPair, ...], pins: tuple[Point, ...], size: tuple[int, int]) -> None:
    named = [
        *((f"The handle of drag {i}", pair.handle) for i, pair in enumerate(points, 1)),
        *((f"The target of drag {i}", pair.target) for i, pair in enumerate(points, 1)),
        *((f"Pin {i}", pin) for i, pin in enumerate(pins, 1)),
    ]
    for name, (x, y) in named:
        _require(
            math.isfinite(x) and math.isfinite(y) and 0 <= x <= size[0] and 0 <= y <= size[1],
            f"{name} at ({x:g}, {y:g}) lies outside the picture, which is {size[0]} × {size[1]} pixels.",
        )
    seen: dict[Point, tuple[int, Point]] = {}
    pinned = set(pins)
    for i, (handle, target) in enumerate(points, 1):
        at = f"({handle.x:g}, {handle.y:g})"
        _require(handle != target, f"Drag {i} does not move from {at}; pull its target away or place a pin.")
        _require(handle not in pinned, f"Drag {i} starts on a pin at {at}; remove one of them.")
        other, goal = seen.setdefault(handle, (i, target))
        _require(
            goal == target,
            f"Drags {other} and {i} pull the same point {at} to different targets; remove one.",
        )
