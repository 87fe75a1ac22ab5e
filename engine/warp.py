"""Flow warp: what follows the pointer, and the finished picture of it, without a network.

*Deform* bends the picture like a rubber sheet: the drags' rigid moving-least-squares motion is cut into
small steps, each faded to nothing towards what is protected, and followed through the picture. Steps that
are short against the room around them fold it only where drags cross, or press it hard against what is
protected; and a sheet held at its edge uncovers nothing.
*Move* lifts the subject off, moves it as a whole, and uncovers what was behind it.
"""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Box, DragEdit, Image, Mask, Point
from engine.flow import MOST_CELL, Flow, bilinear, invert, uncovered, warp
from engine.motion import Points, Similarity, fit_similarity, paths, rigid_mls

PREVIEW_CELLS = 48  # along the longer side of the region: what follows the pointer
FINAL_CELLS = 160
_MOST_STEPS = 24
_FINE_STEPS = 64  # on which the track of the handles is measured
_STEEPEST = 0.1  # of the longest drag, over which the stretch beside the picture's edge is spread at least
_STRIDE = 0.2  # of the room around a handle, by which it moves in a step
_OVERLAID = 256  # rows composited at a time
_FRINGE = 2  # pixels by which the place left behind is widened: beside a cut-out's edge its colours linger,
_FRINGE_SHARE = 0.06  # the more so, the larger it is (of the root of its area),
_MOST_FRINGE = 40.0  # up to this
_FAINT = 31  # of 255: as much of a subject's alpha as leaves no trace behind
_SUBJECT_SAMPLES = 6  # along each side of the subject's box
_ROOM_PIXELS = 256  # along the longer side of the map of distances to protected pixels


@dataclass(frozen=True, kw_only=True, eq=False)
class Warped:
    """A warped crop before its gaps are filled.

    Args:
        image: (h, w, 4) uint8; where `unknown` is set its pixels mean nothing.
        unknown: (h, w) uint8 0 or 255, what no source pixel reaches, or None where there is no such pixel.
        overlay: what lies over the filled picture (the moved subject) and in which box of it, or None.
        handles: where the content under each handle came to rest.
    """

    image: Image
    unknown: Mask | None
    overlay: tuple[Box, Image] | None
    handles: tuple[Point, ...]

    def flatten(self, filled: Image) -> Image:
        """The finished crop from `image` with its gaps filled, which is written over where it is a copy."""
        if self.overlay is None:
            return filled
        box, layer = self.overlay
        out = filled.copy() if filled is self.image else filled
        for top in range(0, box.height, _OVERLAID):
            place = np.s_[box.y0 + top : min(box.y0 + top + _OVERLAID, box.y1), box.x0 : box.x1]
            out[place] = _over(out[place], layer[top : top + _OVERLAID])
        return out


def warp_drag(request: DragEdit, *, stiffness: float = 0.5, preview: bool = False) -> Warped:
    """Warp a cut request (one with a mask) by its drags.

    Args:
        request: as `Region.cut` makes it; its image may be in any colour space.
        stiffness: 0 to 1, how far around a handle the picture moves with it as one piece.
        preview: coarser and bilinear, for a picture under a moving pointer.
    """
    assert request.mask is not None, "plan and cut the request first"
    if request.motion == "move":
        assert request.subject is not None, "find the subject first"
        return _move(request, request.subject, preview)
    forward, handles = drag_flow(request, PREVIEW_CELLS if preview else FINAL_CELLS, stiffness)
    backward, error = invert(forward)
    gaps = uncovered(backward, error)
    image = warp(request.image, backward, cv2.INTER_LINEAR if preview else cv2.INTER_CUBIC)
    return Warped(image=image, unknown=gaps if gaps.any() else None, overlay=None, handles=handles)


def drag_flow(request: DragEdit, cells: int, stiffness: float) -> tuple[Flow, tuple[Point, ...]]:
    """The forward displacement of a deformed crop, and where its handles come to rest.

    The velocity of step k is the rigid moving-least-squares motion that takes the handles from where they are
    after k steps to where they are after k + 1, times a fade that is 1 at the handles and on the subject and
    falls to 0 at protected pixels.

    Args:
        request: a cut request.
        cells: of the grid, along the crop's longer side.
        stiffness: 0 to 1.
    """
    size = request.size
    cell = min(max(1, -(-max(size) // cells)), MOST_CELL)
    handles = _array(pair.handle for pair in request.points)
    targets = _array(pair.target for pair in request.points)
    pins = _array(request.pins)
    fine = paths(handles, targets, pins, _FINE_STEPS)
    room = _Room(request, fine)
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
    return flow, _points(handles + flow.at(handles))


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
    """How far each place is from what must not move.

    The picture's own edge is not protected, but a sheet torn off it would show nothing: content slides along
    the edge and out across it freely, and stretches where it is pulled inwards.
    """

    def __init__(self, request: DragEdit, track: NDArray[np.float64]) -> None:
        """`track` is where each handle is over time, (steps + 1, n, 2)."""
        assert request.mask is not None
        self._size = np.array(request.size, np.float64)
        self._longest = float(np.hypot(*(track[-1] - track[0]).T).max())
        self._slack = max(64.0, self._longest)
        # Handles move in full, unless they are so near to the edge that the stretch beside it would tear.
        least = max(1.0, _STEEPEST * self._longest)
        self._margins = [
            np.clip(track.min((0, 1)), least, self._slack),
            np.clip(self._size - track.max((0, 1)), least, self._slack),
        ]
        self._pixel = max(1.0, max(request.size) / _ROOM_PIXELS)
        self._map = _distances(request.mask, self._pixel)

    def at(self, points: Points) -> NDArray[np.float64]:
        """Pixels to the nearest protected pixel, counting the picture's edge as one some way outside."""
        inside = np.clip(points, 0, self._size)
        protected = bilinear(self._map, inside / self._pixel - 0.5)[:, 0]
        edge = np.minimum(inside, self._size - inside).min(1)
        return np.minimum(protected, edge + self._slack)

    def hold(self, points: Points, velocity: Points) -> Points:
        """`velocity` without what would pull the picture off its own edge."""
        near = _smoothstep(points / self._margins[0])
        far = _smoothstep((self._size - points) / self._margins[1])
        return velocity * np.where(velocity > 0, near, far)

    def strides(self, track: NDArray[np.float64]) -> NDArray[np.intp]:
        """Which entries of a finely cut track to step through: each step is short against the room around."""
        room = self.at(track.reshape(-1, 2)).reshape(track.shape[:2])
        room = np.maximum(np.minimum(room[:-1], room[1:]), 0.01 * self._longest)
        length = np.hypot(*np.moveaxis(np.diff(track, axis=0), -1, 0))
        strides = np.append(0, np.cumsum((length / (_STRIDE * room)).max(1)))
        steps = int(np.clip(np.ceil(strides[-1]), 2, _MOST_STEPS))
        return np.unique(np.searchsorted(strides, np.linspace(0, strides[-1], steps + 1)))


def _distances(mask: Mask, pixel: float) -> NDArray[np.float64]:
    """Pixels to the nearest protected one, (…, …, 1), on a map whose entries are `pixel` wide."""
    height, width = mask.shape
    shape = (max(2, round(width / pixel)), max(2, round(height / pixel)))
    _, free = cv2.threshold(mask, 0, 255, cv2.THRESH_BINARY)
    inside = (np.asarray(cv2.resize(free, shape, interpolation=cv2.INTER_AREA)) == 255).astype(np.uint8)
    if inside.all():
        return np.full((*inside.shape, 1), 1e6)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, 5).astype(np.float64)
    return np.maximum(distance - 0.5, 0)[..., None] * pixel


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


def _move(request: DragEdit, subject: Mask, preview: bool) -> Warped:
    handles = _array(pair.handle for pair in request.points)
    targets = _array(pair.target for pair in request.points)
    pins = _array(request.pins)
    motion = fit_similarity(np.concatenate([handles, pins]), np.concatenate([targets, pins]))
    assert request.mask is not None
    lifted = np.minimum(subject, request.mask)  # what is protected stays, and stays uncopied
    rest = _points(motion(handles))
    if not lifted.any():
        return Warped(image=request.image, unknown=None, overlay=None, handles=rest)
    place, overlay = _moved_layer(request.image, lifted, motion, preview)
    return Warped(image=request.image, unknown=_left_behind(lifted), overlay=(place, overlay), handles=rest)


def _left_behind(lifted: Mask) -> Mask:
    """Where the subject was, with a fringe around it that its colours have bled into."""
    fringe = min(_FRINGE + _FRINGE_SHARE * math.sqrt(np.count_nonzero(lifted)), _MOST_FRINGE)
    width = math.ceil(fringe)
    box = Box.around(lifted)
    wide = Box.clipped(box.x0 - width, box.y0 - width, box.x1 + width, box.y1 + width, lifted.shape[::-1])
    clear = np.asarray(lifted[wide.slices] <= _FAINT, np.uint8)
    unknown = np.zeros_like(lifted)
    near = cv2.distanceTransform(clear, cv2.DIST_L2, 5) <= fringe if not clear.all() else clear > 1
    unknown[wide.slices] = np.where(near, np.uint8(255), np.uint8(0))
    return unknown


def _moved_layer(image: Image, lifted: Mask, motion: Similarity, preview: bool) -> tuple[Box, Image]:
    """The subject cut out and moved, and the box of the picture where it then lies."""
    size = image.shape[1], image.shape[0]
    source = Box.around(lifted)
    layer = image[source.slices].copy()
    layer[..., 3] = (layer[..., 3].astype(np.uint16) * lifted[source.slices] + 127) // 255
    corners = motion(np.array([(x, y) for x in source[::2] for y in source[1::2]], np.float64))
    (x0, y0), (x1, y1) = corners.min(0) - 2, corners.max(0) + 2
    place = Box.clipped(x0, y0, x1, y1, size)
    back = motion.inverse
    shifted = Similarity(
        back.a, back.a * complex(place.x0, place.y0) + back.b - complex(source.x0, source.y0)
    )
    backward = similarity_flow(shifted, (place.width, place.height))
    interpolation = cv2.INTER_LINEAR if preview else cv2.INTER_CUBIC
    return place, warp(_prefiltered(layer, abs(motion.a)), backward, interpolation, clear=True)


def similarity_flow(motion: Similarity, size: tuple[int, int]) -> Flow:
    """A similarity as a flow; exact at every pixel, because the flow is linear between its nodes."""
    cell = min(max(1, -(-max(size) // 16)), MOST_CELL)
    nodes = Flow.nodes(size, cell)
    places = nodes.reshape(-1, 2)
    return Flow(size=size, cell=cell, vectors=(motion(places) - places).reshape(nodes.shape))


def _prefiltered(layer: Image, scale: float) -> Image:
    """Blur before shrinking, so that fine patterns do not shimmer."""
    if scale > 0.75:
        return layer
    sigma = 0.5 * (1 / max(scale, 0.05) - 1)
    *colours, alpha = cv2.split(layer)
    weighed = [cv2.multiply(colour, alpha, scale=1 / 255) for colour in colours]
    soft = cv2.GaussianBlur(cv2.merge([*weighed, alpha]), (0, 0), sigma)
    *weighed, alpha = cv2.split(soft)
    return np.asarray(cv2.merge([*(cv2.divide(c, alpha, scale=255) for c in weighed), alpha]), np.uint8)


def _over(below: Image, above: Image) -> Image:
    """Straight alpha compositing; `below` unchanged wherever `above` is clear."""
    out = below.copy()
    touched = above[..., 3] > 0
    a, b = above[touched].astype(np.float32), below[touched].astype(np.float32)
    wa = a[:, 3:] / 255
    wb = b[:, 3:] / 255 * (1 - wa)
    alpha = wa + wb
    colour = (a[:, :3] * wa + b[:, :3] * wb) / alpha
    out[touched] = np.rint(np.concatenate([colour, alpha * 255], axis=1)).astype(np.uint8)
    return out


def _smoothstep(t: NDArray[np.float64]) -> NDArray[np.float64]:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def _array(points: Iterable[Point]) -> Points:
    return np.array(list(points), np.float64).reshape(-1, 2)


def _points(array: Points) -> tuple[Point, ...]:
    return tuple(Point(float(x), float(y)) for x, y in array)
