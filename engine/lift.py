"""Move: lift the subject off as a whole, lay it down elsewhere, and tell what it uncovers."""

import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Box, DragEdit, Image, Mask, Point
from engine.flow import MOST_CELL, Flow, warp
from engine.motion import Similarity, as_array, as_points, fit_similarity

_OVERLAID = 256  # rows composited at a time
_FRINGE = 2  # pixels by which the place left behind is widened: beside a cut-out's edge its colours linger,
_FRINGE_SHARE = 0.06  # the more so, the larger it is (of the root of its area),
_MOST_FRINGE = 40.0  # up to this
_FAINT = 31  # of 255: as much of a subject's alpha as leaves no trace behind


class Overlay(NamedTuple):
    """Straight RGBA pixels (box.height, box.width, 4) that lie over a box of a picture."""

    box: Box
    image: Image

    def lay_on(self, picture: Image) -> None:
        """Composite into (h, w, 4) straight RGBA, which stays unchanged wherever the overlay is clear."""
        for top in range(0, self.box.height, _OVERLAID):
            above = self.image[top : top + _OVERLAID]
            y = self.box.y0 + top
            _lay_over(above, picture[y : y + len(above), self.box.x0 : self.box.x1])


def lift(
    request: DragEdit, interpolation: int = cv2.INTER_CUBIC, check: Callable[[], None] = lambda: None
) -> tuple[Overlay | None, tuple[Point, ...]]:
    """The subject cut out and moved, or None where nothing of it may move; where the handles come to rest.

    Args:
        request: a cut request.
        interpolation, check: as for `warp`.
    """
    handles = as_array(pair.handle for pair in request.points)
    targets = as_array(pair.target for pair in request.points)
    pins = as_array(request.pins)
    motion = fit_similarity(np.concatenate([handles, pins]), np.concatenate([targets, pins]))
    lifted = _lifted(request)
    layer = _moved_layer(request.image, lifted, motion, interpolation, check) if lifted.any() else None
    return layer, as_points(motion(handles))


def left_behind(request: DragEdit, scale: int = 1) -> Mask | None:
    """Where the subject was, with a fringe around it that its colours have bled into; None if nowhere.

    Args:
        request: a cut request.
        scale: as for `drag_flow`.
    """
    lifted = _lifted(request)
    if not lifted.any():
        return None
    fringe = min(_FRINGE / scale + _FRINGE_SHARE * math.sqrt(np.count_nonzero(lifted)), _MOST_FRINGE / scale)
    width = math.ceil(fringe)
    box = Box.around(lifted)
    wide = Box.clipped(box.x0 - width, box.y0 - width, box.x1 + width, box.y1 + width, lifted.shape[::-1])
    clear = np.asarray(lifted[wide.slices] <= _FAINT, np.uint8)
    unknown = np.zeros_like(lifted)
    near = cv2.distanceTransform(clear, cv2.DIST_L2, 5) <= fringe if not clear.all() else clear > 1
    near &= _may_change(request)[wide.slices]  # protected background stays, so it is known
    unknown[wide.slices] = np.where(near, np.uint8(255), np.uint8(0))
    return unknown


def stays_of_subject(request: DragEdit) -> Mask:
    """255 where a subject cannot be lifted because it is protected, (h, w) uint8; 0 without a subject."""
    if request.subject is None or request.mask is None:
        return np.zeros(request.size[::-1], np.uint8)
    stays = (request.subject > _FAINT) & (request.mask == 0)
    return np.where(stays, np.uint8(255), np.uint8(0))


def _may_change(request: DragEdit) -> NDArray[np.bool_]:
    assert request.subject is not None and request.mask is not None, "find the subject first"
    return (request.mask > 0) | (request.subject > _FAINT)


def _lifted(request: DragEdit) -> Mask:
    """The part of the subject that may move: what is protected stays, and stays uncopied."""
    assert request.subject is not None and request.mask is not None, "find the subject first"
    return np.minimum(request.subject, request.mask)


def _moved_layer(
    image: Image, lifted: Mask, motion: Similarity, interpolation: int, check: Callable[[], None]
) -> Overlay:
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
    moved = warp(_prefiltered(layer, abs(motion.a)), backward, interpolation, clear=True, check=check)
    return Overlay(place, moved)


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


def _lay_over(above: Image, below: Image) -> None:
    """Straight alpha compositing into `below`, as large as `above`."""
    alpha = above[..., 3]
    solid = alpha == 255
    cv2.copyTo(above, solid.view(np.uint8), below)
    soft = (alpha > 0) & ~solid
    a, b = above[soft].astype(np.float32), below[soft].astype(np.float32)
    wa = a[:, 3:] / 255
    wb = b[:, 3:] / 255 * (1 - wa)
    whole = wa + wb
    colour = (a[:, :3] * wa + b[:, :3] * wb) / whole
    below[soft] = np.rint(np.concatenate([colour, whole * 255], axis=1)).astype(np.uint8)
