"""Where what a drag took hold of has come to lie: told by looking at the pictures alone.

Normalised cross-correlation of the patch around a handle with the edited picture. It knows nothing of how a
method edits or tracks, so that no method can please it by believing in itself.
"""

from typing import NamedTuple

import cv2
import numpy as np

from engine.edit import Box, DragEdit, Image, Point

SIDE = 256  # pixels: the longer side of the region in which it is measured
RADIUS = 8  # pixels of a patch around its middle
_WINDOW = 2.0  # half the side of where a patch is looked for, in lengths of the drag
_LEAST = 2 * RADIUS  # pixels of that at least


class Landing(NamedTuple):
    """How far the content of a handle is from its target, in pixels of a region whose longer side is 256.

    Args:
        before: before the edit: the length of the drag.
        after: after it.
    """

    before: float
    after: float

    @property
    def halved(self) -> bool:
        return self.after <= self.before / 2


def landings(request: DragEdit, edited: Image, region: Box) -> list[Landing]:
    """Of each drag of a request, where its content has landed.

    Args:
        edited: the request's picture after the edit, (h, w, 4) uint8.
        region: what a method was shown.
    """
    scale = SIDE / max(region.width, region.height)
    size = max(1, round(region.width * scale)), max(1, round(region.height * scale))
    before, after = (_shrunk(picture[region.slices], size) for picture in (request.image, edited))
    found: list[Landing] = []
    for pair in request.points:
        handle, target = (np.array([end.x - region.x0, end.y - region.y0]) * scale for end in pair)
        landed = np.array(landed_at(before, after, Point(*handle), Point(*target)))
        length = float(np.linalg.norm(target - handle))
        found.append(Landing(length, float(np.linalg.norm(target - landed))))
    return found


def landed_at(before: Image, after: Image, handle: Point, target: Point) -> Point:
    """Where the patch around `handle` is most likely found after an edit, within two lengths of the drag.

    Args:
        before, after: (h, w, 3) uint8.
        handle, target: in pixels from the top-left corner of the top-left pixel.
    """
    height, width = before.shape[:2]
    reach = max(_LEAST, _WINDOW * float(np.hypot(target.x - handle.x, target.y - handle.y)))
    column, row = (
        min(max(int(at), 0), length - 1) for at, length in zip(handle, (width, height), strict=True)
    )
    window = Box.clipped(column - reach, row - reach, column + reach + 1, row + reach + 1, (width, height))
    patch = _bordered(before)[row : row + 2 * RADIUS + 1, column : column + 2 * RADIUS + 1]
    seen = _bordered(after)[window.y0 : window.y1 + 2 * RADIUS, window.x0 : window.x1 + 2 * RADIUS]
    likeness = cv2.matchTemplate(seen, patch, cv2.TM_CCOEFF_NORMED)
    y, x = divmod(int(np.nan_to_num(likeness, nan=-1.0).argmax()), likeness.shape[1])
    # As far from the middle of its pixel as the handle was.
    return Point(handle.x + window.x0 + x - column, handle.y + window.y0 + y - row)


def _shrunk(picture: Image, size: tuple[int, int]) -> Image:
    colours = np.ascontiguousarray(picture[..., :3])
    return np.asarray(cv2.resize(colours, size, interpolation=cv2.INTER_AREA), np.uint8)


def _bordered(picture: Image) -> Image:
    """A picture with as much around it as a patch needs."""
    return np.asarray(
        cv2.copyMakeBorder(picture, RADIUS, RADIUS, RADIUS, RADIUS, cv2.BORDER_REFLECT_101), np.uint8
    )
