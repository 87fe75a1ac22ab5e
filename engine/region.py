"""The one owner of what an edit may change: the automatic region, the crop a method sees, and paste-back.

Everybody who edits (engine, window, command line, benchmarks) plans here, cuts here and pastes here, so that
pixels with mask 0 stay bit-identical whatever a method returns.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from engine.colour import from_srgb, to_srgb
from engine.edit import Box, DragEdit, EditRequest, Image, Mask, Point, PointPair
from engine.errors import InvalidRequest
from engine.motion import fit_similarity

R = TypeVar("R", bound=EditRequest)

_GROWTH = 1.25  # of the longest drag, by which the automatic region surrounds the drags: less looks pinched
_LEAST_GROWTH = 64  # pixels
_CONTEXT = 0.125  # of the region's longer side, which a method sees around it
_STRIP = 1 << 22  # pixels pasted at a time
_THICKEST = 32767  # pixels of a line that OpenCV draws


@dataclass(frozen=True, kw_only=True, eq=False)
class Region:
    """What may change in a picture, and the part of it that a method is shown.

    Args:
        size: (width, height) of the picture.
        box: encloses all pixels that may change.
        crop: what a method is shown: the box, all points, and some context; inside the picture.
        mask: (crop.height, crop.width) uint8, 255 = may change, 0 = must stay, between = blended.
    """

    size: tuple[int, int]
    box: Box
    crop: Box
    mask: Mask

    @property
    def whole(self) -> bool:
        """Whether the crop is the whole picture."""
        return self.crop == Box(0, 0, *self.size)

    def cut(self, request: R, *, srgb: bool = True) -> R:
        """The request for the crop alone; with `srgb`, in sRGB instead of the picture's own profile."""
        image = np.ascontiguousarray(request.image[self.crop.slices])
        if srgb and request.profile is not None:
            image = to_srgb(image, request.profile)
        changes: dict[str, object] = {"image": image, "mask": self.mask, "protected": None}
        if srgb:
            changes["profile"] = None
        if isinstance(request, DragEdit):
            if request.subject is not None:
                changes["subject"] = np.ascontiguousarray(request.subject[self.crop.slices])
            changes["points"] = tuple(PointPair(self.inside(a), self.inside(b)) for a, b in request.points)
            changes["pins"] = tuple(self.inside(pin) for pin in request.pins)
        return dataclasses.replace(request, **changes)  # pyright: ignore[reportArgumentType]

    def inside(self, point: Point) -> Point:
        """A point of the picture as a point of the crop."""
        return Point(point.x - self.crop.x0, point.y - self.crop.y0)

    def outside(self, point: Point) -> Point:
        """A point of the crop as a point of the picture."""
        return Point(point.x + self.crop.x0, point.y + self.crop.y0)

    def paste(self, request: EditRequest, cut: EditRequest, edited: Image) -> Image:
        """The whole picture with the edited crop in it, where the mask allows.

        Args:
            request: the request that was planned.
            cut: what `cut` made of it.
            edited: the crop as a method returned it, (crop.height, crop.width, 4) uint8.

        Returns:
            (h, w, 4) uint8, read-only. Pixels with mask 0, and all that the method left as it saw it, equal
            the request's.

        Raises:
            InvalidRequest: the method returned a picture of another size.
        """
        if edited.shape != cut.image.shape:
            raise InvalidRequest(f"The method returned {edited.shape} for a crop of {cut.image.shape}.")
        converted = request.profile is not None and cut.profile is None
        out = np.empty_like(request.image) if self.whole else request.image.copy()
        step = max(_STRIP // self.crop.width, 1)
        for top in range(0, self.crop.height, step):
            rows = slice(top, top + step)
            place = slice(self.crop.y0 + top, min(self.crop.y0 + top + step, self.crop.y1))
            columns = slice(self.crop.x0, self.crop.x1)
            source, new = request.image[place, columns], edited[rows]
            mask = self.mask[rows]
            if converted:
                assert request.profile is not None
                mask = np.where((new == cut.image[rows]).all(-1), np.uint8(0), mask)
                new = from_srgb(new, request.profile)
            out[place, columns] = blend(source, new, mask)
        out.flags.writeable = False
        return out


def plan(request: EditRequest) -> Region:
    """What the request may change, and the crop that a method needs to see for it.

    Of a picture with an origin that is all of it: only the whole can be generated again.

    Raises:
        InvalidRequest: nothing may change, or nothing where the subject lies.
    """
    if request.mask is not None:
        box = Box.around(request.mask)
        inside = request.mask[box.slices]
    elif isinstance(request, DragEdit):
        box, inside = _automatic(request)
    else:
        box = Box(0, 0, *request.size)
        inside = np.full((box.height, box.width), 255, np.uint8)
    crop = Box(0, 0, *request.size) if request.origin is not None else _with_context(box, request)
    mask = np.zeros((crop.height, crop.width), np.uint8)
    mask[box.y0 - crop.y0 : box.y1 - crop.y0, box.x0 - crop.x0 : box.x1 - crop.x0] = inside
    if request.protected is not None:
        np.minimum(mask, 255 - request.protected[crop.slices], out=mask)
        if not mask.any():
            raise InvalidRequest("All that the edit could reach is protected; unprotect a part of it.")
    _require_movable_subject(request, crop, mask)
    mask.flags.writeable = False
    return Region(size=request.size, box=box, crop=crop, mask=mask)


def blend(source: Image, new: Image, mask: Mask, out: Image | None = None) -> Image:
    """`source` where `mask` is 0, `new` where it is 255, weighed by mask and alpha between.

    Args:
        source, new: (h, w, 4) uint8 straight RGBA.
        mask: (h, w) uint8.
        out: where to write the result, which may be `new`; None for a new array.

    Returns:
        (h, w, 4) uint8.
    """
    if out is None:
        out = new.copy()
    elif out is not new:
        out[:] = new
    cv2.copyTo(source, (mask == 0).view(np.uint8), out)
    soft = cv2.inRange(mask, 1, 254) != 0  # pyright: ignore[reportArgumentType, reportCallIssue] - numbers do
    if soft.any():
        a, b = source[soft].astype(np.float32), new[soft].astype(np.float32)
        weight = mask[soft].astype(np.float32)[:, None] / 255
        wa, wb = a[:, 3:] * (1 - weight), b[:, 3:] * weight
        alpha = wa + wb
        colour = np.where(alpha > 0, (a[:, :3] * wa + b[:, :3] * wb) / np.maximum(alpha, 1e-3), a[:, :3])
        blended = np.concatenate([colour, alpha], axis=1)
        out[soft] = np.where(a == b, a, np.rint(np.clip(blended, 0, 255))).astype(np.uint8)
    return out


def _require_movable_subject(request: EditRequest, crop: Box, mask: Mask) -> None:
    if not isinstance(request, DragEdit) or request.subject is None:
        return
    if not np.minimum(request.subject[crop.slices], mask).any():
        raise InvalidRequest("The subject lies where nothing may change; let the picture change there too.")


def _growth(request: DragEdit) -> int:
    longest = max(math.hypot(b.x - a.x, b.y - a.y) for a, b in request.points)
    return round(max(_LEAST_GROWTH, _GROWTH * longest))


def _outline(request: DragEdit) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Points (n, 2) whose hull holds all that moves, before and after."""
    handles = np.array([pair.handle for pair in request.points], np.float64)
    targets = np.array([pair.target for pair in request.points], np.float64)
    parts = [handles, targets]
    if request.subject is not None:
        box = Box.around(request.subject)
        corners = np.array([(x, y) for x in (box.x0, box.x1) for y in (box.y0, box.y1)], np.float64)
        pins = np.array(request.pins, np.float64).reshape(-1, 2)
        motion = fit_similarity(np.concatenate([handles, pins]), np.concatenate([targets, pins]))
        parts += [corners, motion(corners)]
    return np.concatenate(parts)


def _automatic(request: DragEdit) -> tuple[Box, Mask]:
    """The hull of all that moves, grown with round corners: the hull filled and its edge drawn thickly.

    Returns:
        The box around it, and (box.height, box.width) uint8 0 or 255.
    """
    outline, growth = _outline(request), _growth(request)
    (x0, y0), (x1, y1) = outline.min(0) - growth, outline.max(0) + growth
    reach = Box.clipped(x0, y0, x1, y1, request.size)
    mask = np.zeros((reach.height, reach.width), np.uint8)
    corners = np.clip(outline - [reach.x0, reach.y0], -(2**14), 2**17)
    hull = cv2.convexHull(np.floor(corners).astype(np.int32))
    cv2.fillConvexPoly(mask, hull, 255)
    if 2 * growth <= _THICKEST:
        cv2.polylines(mask, [hull], True, 255, thickness=2 * growth)
    else:
        mask[:] = 255
    tight = Box.around(mask)
    x, y = reach.x0, reach.y0
    return Box(x + tight.x0, y + tight.y0, x + tight.x1, y + tight.y1), mask[tight.slices]


def _with_context(box: Box, request: EditRequest) -> Box:
    x0, y0, x1, y1 = box
    if isinstance(request, DragEdit):
        points = [*(p for pair in request.points for p in pair), *request.pins]
        x0, x1 = min(x0, *(p.x for p in points)), max(x1, *(p.x for p in points))
        y0, y1 = min(y0, *(p.y for p in points)), max(y1, *(p.y for p in points))
    pad = _CONTEXT * max(x1 - x0, y1 - y0)
    return Box.clipped(x0 - pad, y0 - pad, x1 + pad, y1 + pad, request.size)
