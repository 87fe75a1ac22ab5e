"""What the drag network finds to move in a picture where nobody has painted it.

It is sought around the handles first, in as large a part of the picture as things took up in what the network
was trained on, and then looked at once more from nearer or farther, so that it fills its frame as they did.
Where the network is not sure, colours decide.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Box, DragEdit, Mask, Point, PointPair
from engine.methods.instant_drag.by_colour import by_colour, drawn
from engine.methods.instant_drag.region_motion import Found, ends, look, sharpened
from engine.motion import as_array
from engine.networks.drag_flow import DragFlow

_AROUND = 0.3  # of the picture's longer side, around the handles, where it is looked first
_SMALL, _WANTED = 0.3, 0.5  # shares of the window's side that a thing fills: looked at from nearer, to fill
_LARGE = 0.85  # and that it may fill, or it is looked at from farther
_LOOKS = 3
_MOST_PIXELS = 1 << 19  # of the window, at which outlines are drawn
_LEAST_SIDE = 32  # pixels of a window
_HALF = 0.5  # of the region, from which on a pixel counts


def find_subject(network: DragFlow, request: DragEdit, check: Callable[[], None]) -> Mask | None:
    """What the drags of a request for a whole picture move.

    Args:
        request: without a subject.
        check: called between looks; what it raises ends the search.

    Returns:
        (h, w) uint8, 255 = moves, soft at its edge: the parts of what the network finds that hold a handle,
        but for what is protected or may not change; or None where that is nothing.
    """
    return _sought(network, request, _around_handles(request), _LOOKS, check)


def _sought(
    network: DragFlow, request: DragEdit, window: Box, looks: int, check: Callable[[], None]
) -> Mask | None:
    check()
    part = _part(request, window)
    found = look(network, part)
    parts = _with_handles(found.region > _HALF, found, part)
    if parts is None:
        return None
    alike = _with_handles(by_colour(found.region, found.picture) > 0, found, part)
    parts = parts if alike is None else alike
    better = _better_window(Box.around(parts), found, window, request)
    if looks > 1 and better is not None:
        return _sought(network, request, better, looks - 1, check)
    return _drawn(found, part, parts, window, request)


def _around_handles(request: DragEdit) -> Box:
    handles, around = ends(request)[0], _AROUND * max(request.size)
    (x0, y0), (x1, y1) = handles.min(0) - around, handles.max(0) + around
    return _with_ends(x0, y0, x1, y1, request)


def _with_ends(x0: float, y0: float, x1: float, y1: float, request: DragEdit) -> Box:
    """A box of the picture that holds the given one, and all handles, targets and pins."""
    places = np.concatenate([*ends(request), as_array(request.pins)])
    room = max(0.0, _LEAST_SIDE - max(x1 - x0, y1 - y0)) / 2
    left, top = np.minimum(places.min(0), [x0 - room, y0 - room]).tolist()
    right, bottom = np.maximum(places.max(0), [x1 + room, y1 + room]).tolist()
    return Box.clipped(left, top, right, bottom, request.size)


def _part(request: DragEdit, window: Box) -> DragEdit:
    """The request for the part of the picture in a window, no larger than it is looked at."""
    scale = min(1.0, math.sqrt(_MOST_PIXELS / (window.width * window.height)))
    size = max(1, round(window.width * scale)), max(1, round(window.height * scale))
    across, down = size[0] / window.width, size[1] / window.height

    def inside(point: Point) -> Point:
        return Point((point.x - window.x0) * across, (point.y - window.y0) * down)

    image = cv2.resize(request.image[window.slices], size, interpolation=cv2.INTER_AREA)
    return replace(
        request,
        image=np.asarray(image, np.uint8),
        mask=None,
        protected=None,
        points=tuple(PointPair(inside(a), inside(b)) for a, b in request.points),
        pins=tuple(inside(pin) for pin in request.pins),
    )


def _with_handles(region: NDArray[np.bool_], found: Found, part: DragEdit) -> Mask | None:
    """The parts of a region that hold a handle, without holes, (h, w) of the content; None if none do."""
    _, labels = cv2.connectedComponents(region.astype(np.uint8), connectivity=4)
    columns, rows = np.minimum(
        found.frame.inside(ends(part)[0]).astype(int), np.array(found.frame.content) - 1
    ).T
    wanted = set(labels[rows, columns].tolist()) - {0}
    if not wanted:
        return None
    kept = np.where(np.isin(labels, list(wanted)), np.uint8(255), np.uint8(0))
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(kept, outlines, -1, 255, cv2.FILLED), np.uint8)


def _better_window(box: Box, found: Found, window: Box, request: DragEdit) -> Box | None:
    """Where to look again so that what was found, in a box of the content, fills its share; None for here."""
    step = window.width / found.frame.content[0]
    extent, side = max(box.width, box.height) * step, max(window.width, window.height)
    if _SMALL * side <= extent <= _LARGE * side:
        return None
    x, y = window.x0 + (box.x0 + box.x1) / 2 * step, window.y0 + (box.y0 + box.y1) / 2 * step
    half = extent / _WANTED / 2
    better = _with_ends(x - half, y - half, x + half, y + half, request)
    return None if better == window else better


def _drawn(found: Found, part: DragEdit, parts: Mask, window: Box, request: DragEdit) -> Mask | None:
    """The parts of the region, drawn along the picture's edges, in the whole picture."""
    near = cv2.dilate(parts, np.ones((3, 3), np.uint8))
    region = np.where(near > 0, found.region, np.float32(0))
    sharp = sharpened(found._replace(region=drawn(region, parts)), part.image)
    subject = np.zeros(request.image.shape[:2], np.uint8)
    subject[window.slices] = cv2.resize(sharp, (window.width, window.height), interpolation=cv2.INTER_LINEAR)
    for plane in (request.mask, None if request.protected is None else 255 - request.protected):
        if plane is not None:
            np.minimum(subject, plane, out=subject)
    return subject if subject.any() else None
