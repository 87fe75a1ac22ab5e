"""Flow warp: what follows the pointer, and the finished picture of it, without a network.

*Deform* bends the picture like a rubber sheet: the drags' rigid moving-least-squares motion is cut into
small steps, each faded to nothing towards what is protected, and followed through the picture. Steps that
are short against the room around them fold it only where drags cross, or press it hard against what is
protected; and a sheet held at its edge uncovers nothing.
*Move* (`engine/lift.py`) lifts the subject off, moves it as a whole, and uncovers what was behind it.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.clearance import Clearance
from engine.edit import Box, DragEdit, Image, Mask, Point
from engine.flow import MOST_CELL, Flow, invert, uncovered, warp
from engine.lift import Overlay, left_behind, lift
from engine.motion import Points, as_array, as_points, paths, rigid_mls

FINAL_CELLS = 160  # along the longer side of the region
_MOST_STEPS = 24
_FINE_STEPS = 64  # on which the track of the handles is measured
_STEEPEST = 0.1  # of the longest drag, over which the stretch beside the picture's edge is spread at least
_STRIDE = 0.2  # of the room around a handle, by which it moves in a step
_SUBJECT_SAMPLES = 6  # along each side of the subject's box
_LEAST_SLACK = 64  # pixels outside the picture, at which its edge is taken to be held


@dataclass(frozen=True, kw_only=True, eq=False)
class Warped:
    """A warped crop before its gaps are filled.

    Args:
        image: (h, w, 4) uint8; where `unknown` is set its pixels mean nothing.
        unknown: (h, w) uint8 0 or 255, what no source pixel reaches, or None where there is no such pixel.
        overlay: what lies over the filled picture: the moved subject; or None.
        handles: where the content under each handle came to rest.
    """

    image: Image
    unknown: Mask | None
    overlay: Overlay | None
    handles: tuple[Point, ...]

    def flatten(self, filled: Image) -> Image:
        """The finished crop from `image` with its gaps filled, which is written over where it is a copy."""
        if self.overlay is None:
            return filled
        out = filled.copy() if filled is self.image else filled
        self.overlay.lay_on(out)
        return out


def warp_drag(
    request: DragEdit, *, stiffness: float = 0.5, check: Callable[[], None] = lambda: None
) -> Warped:
    """Warp a cut request (one with a mask) by its drags.

    Args:
        request: as `Region.cut` makes it; its image may be in any colour space.
        stiffness: 0 to 1, how far around a handle the picture moves with it as one piece.
        check: called now and then; what it raises ends the work.
    """
    assert request.mask is not None, "plan and cut the request first"
    if request.motion == "move":
        left = left_behind(request)
        check()
        overlay, handles = lift(request, check=check)
        return Warped(image=request.image, unknown=left, overlay=overlay, handles=handles)
    forward, handles = drag_flow(request, FINAL_CELLS, stiffness, Clearance(request.mask))
    check()
    image, gaps = warp_by(request.image, forward, cv2.INTER_CUBIC, check=check)
    return Warped(image=image, unknown=gaps, overlay=None, handles=handles)


def warp_by(
    image: Image,
    forward: Flow,
    interpolation: int,
    *,
    opaque: bool | None = None,
    part: Box | None = None,
    check: Callable[[], None] = lambda: None,
) -> tuple[Image, Mask | None]:
    """`image` moved by a forward flow, and what no source pixel reaches, or None where there is no such.

    Args:
        image: (h, w, 4) uint8.
        forward: its size is the image's.
        interpolation: as for `warp`.
        opaque, part, check: as for `warp`.
    """
    backward, error = invert(forward)
    gaps = uncovered(backward, error, part)
    warped = warp(image, backward, interpolation, opaque=opaque, part=part, check=check)
    return warped, gaps if gaps.any() else None


def drag_flow(
    request: DragEdit, cells: int, stiffness: float, clearance: Clearance, scale: int = 1
) -> tuple[Flow, tuple[Point, ...]]:
    """The forward displacement of a deformed crop, and where its handles come to rest.

    The velocity of step k is the rigid moving-least-squares motion that takes the handles from where they are
    after k steps to where they are after k + 1, times a fade that is 1 at the handles and on the subject and
    falls to 0 at protected pixels.

    Args:
        request: a cut request.
        cells: of the grid, along the crop's longer side.
        stiffness: 0 to 1.
        clearance: of the request's mask.
        scale: pixels of the picture per pixel of the request's, which is smaller for a preview.
    """
    size = request.size
    cell = min(max(1, -(-max(size) // cells)), MOST_CELL)
    handles = as_array(pair.handle for pair in request.points)
    targets = as_array(pair.target for pair in request.points)
    pins = as_array(request.pins)
    fine = paths(handles, targets, pins, _FINE_STEPS)
    room = _Room(clearance, fine, _LEAST_SLACK / scale)
    track = fine[room.strides(fine)]
    track = np.concatenate([track, _subject_track(request, track, pins)], axis=1)  # (steps + 1, moving, 2)
    still = np.broadcast_to(pins, (len(track), *pins.shape))
    controls = np.concatenate([track, still], axis=1)

    nodes = Flow.nodes(size, cell)
    x = nodes.reshape(-1, 2).copy()
    free = np.flatnonzero(room.at(x) > 0)  # the rest never moves
    for start, end in itertools.pairwise(controls):
        here = x[free]
        moved, squared = rigid_mls(here, start, end)
        nearest = np.sqrt(squared[:, : track.shape[1]].min(1))
        x[free] = here + room.hold(here, (moved - here) * _fade(room.at(here), nearest, stiffness)[:, None])
    flow = Flow(size=size, cell=cell, vectors=_held_at_edge(x.reshape(nodes.shape) - nodes, size, cell))
    return flow, as_points(handles + flow.at(handles))


def _held_at_edge(vectors: NDArray[np.float64], size: tuple[int, int], cell: int) -> NDArray[np.float64]:
    """Move what lies outside so far outwards that the picture's edge between it and the inside stays put."""
    for axis, length in enumerate(size):
        along = np.moveaxis(vectors[..., axis], 1 - axis, 0)  # a view
        along[0] = -np.abs(along[1])
        last = math.ceil(length / cell - 0.5)  # the last node inside, `share` of a cell before the edge
        share = length / cell + 0.5 - last
        along[last + 1 :] = np.where(along[last] < 0, -along[last] * (1 - share) / share, along[last])
    return vectors


def _fade(room: NDArray[np.float64], nearest: NDArray[np.float64], stiffness: float) -> NDArray[np.float64]:
    """1 around what moves, 0 at protected pixels, smooth between; distances in pixels."""
    away = np.maximum(nearest - stiffness * room, 0)
    ratio = room / np.maximum(room + away, 1e-9)
    return ratio * ratio * (3 - 2 * ratio)


class _Room:
    """How far each place is from what must not move, while handles run along their tracks.

    The picture's own edge is not protected, but a sheet torn off it would show nothing: content slides along
    the edge and out across it freely, and stretches where it is pulled inwards.
    """

    def __init__(self, clearance: Clearance, track: NDArray[np.float64], slack: float) -> None:
        """`track` is where each handle is over time, (steps + 1, n, 2)."""
        self._clearance, size = clearance, clearance.size
        self._longest = float(np.hypot(*(track[-1] - track[0]).T).max())
        self._slack = max(slack, self._longest)
        # Handles move in full, unless they are so near to the edge that the stretch beside it would tear.
        least = max(1.0, _STEEPEST * self._longest)
        self._before = np.clip(track.min((0, 1)), least, self._slack)
        self._after = np.clip(size - track.max((0, 1)), least, self._slack)

    def at(self, points: Points) -> NDArray[np.float64]:
        """Pixels to the nearest protected pixel, counting the picture's edge as one some way outside."""
        return np.minimum(self._clearance.at(points), self._clearance.to_edge(points) + self._slack)

    def hold(self, points: Points, velocity: Points) -> Points:
        """`velocity` without what would pull the picture off its own edge."""
        clearance = self._clearance
        near = np.where(clearance.ends_before, _smoothstep(points / self._before), 1)
        far = np.where(clearance.ends_after, _smoothstep((clearance.size - points) / self._after), 1)
        return velocity * np.where(velocity > 0, near, far)

    def strides(self, track: NDArray[np.float64]) -> NDArray[np.intp]:
        """Which entries of a finely cut track to step through: each step is short against the room around."""
        room = self.at(track.reshape(-1, 2)).reshape(track.shape[:2])
        room = np.maximum(np.minimum(room[:-1], room[1:]), 0.01 * self._longest)
        length = np.hypot(*np.moveaxis(np.diff(track, axis=0), -1, 0))
        strides = np.append(0, np.cumsum((length / (_STRIDE * room)).max(1)))
        steps = int(np.clip(np.ceil(strides[-1]), 2, _MOST_STEPS))
        return np.unique(np.searchsorted(strides, np.linspace(0, strides[-1], steps + 1)))


def _subject_track(request: DragEdit, track: NDArray[np.float64], pins: Points) -> NDArray[np.float64]:
    """Where points spread over the subject are after each step: it moves as the drags say, unfaded."""
    if request.subject is None:
        return np.empty((len(track), 0, 2))
    n = _SUBJECT_SAMPLES
    box = Box.around(request.subject)
    y = np.unique(np.linspace(box.y0, box.y1 - 1, 2 * n + 1)[1::2].astype(int))
    x = np.unique(np.linspace(box.x0, box.x1 - 1, 2 * n + 1)[1::2].astype(int))
    inside = np.argwhere(request.subject[np.ix_(y, x)] > 127)
    samples = np.column_stack([x[inside[:, 1]], y[inside[:, 0]]]).astype(np.float64) + 0.5
    start = np.concatenate([track[0], pins])
    return np.stack([rigid_mls(samples, start, np.concatenate([now, pins]))[0] for now in track])


def _smoothstep(t: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
