"""Flow warp under a moving pointer: the same warp as the finished one, as coarse as the view and bilinear.

What successive requests share (the picture's halves, the region, its crop and clearance, the place that a
subject leaves behind) is made once: while a pointer moves, as a rule only one target is new.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from engine.clearance import Clearance
from engine.edit import Box, DragEdit, Image, Mask, Point, PointPair, Subject
from engine.fill import fill
from engine.halving import Halves, is_opaque
from engine.lift import left_behind, lift
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.region import Region, blend, plan
from engine.warp import drag_flow, warp_by

_CELLS = 40  # along the longer side of the crop
_FILL_SHRINK = 4  # uncovered places are filled at a quarter of the size


@dataclass(frozen=True, kw_only=True, eq=False)
class Preview:
    """A preview of an edit.

    Args:
        image: (h, w, 4) uint8 straight RGBA: a part of the picture halved `halvings` times, with the edit
            where the mask allows it.
        box: which part, in pixels of the halved picture.
        halvings: how often width and height were halved, rounded up.
        region: what the edit may change, in pixels of the picture.
    """

    image: Image
    box: Box
    halvings: int
    region: Region


class WarpPreview:
    """Previews of successive requests; remembers what they share."""

    def __init__(self) -> None:
        self._pictures, self._subjects = Halves(), Halves()
        self._planned: tuple[DragEdit, Region] | None = None
        self._scene: _Scene | None = None

    def show(
        self,
        request: DragEdit,
        *,
        stiffness: float = FlowWarpSettings.stiffness,
        halvings: int = 0,
        view: Box | None = None,
    ) -> Preview:
        """Preview a request for the whole picture.

        Args:
            request: complete: a move has its subject.
            stiffness: as in `FlowWarpSettings`.
            halvings: how often to halve the picture first; less often where nothing of mask or subject
                would be left.
            view: what is looked at of the picture, in its pixels; None for all. Of a bent picture, no more
                than that is made, but for what is a cell of the grid or less beyond.

        Raises:
            InvalidRequest: nothing may change, or nothing where the subject lies.
        """
        scene = self._scene_of(request, self._region_of(request), halvings)
        cut = scene.cut(request)
        part = Box(0, 0, *cut.size)
        if cut.motion == "move":
            image = scene.background(cut)
            overlay, _ = lift(cut, cv2.INTER_LINEAR)
            if overlay is not None:
                overlay.lay_on(image)
        else:
            part = scene.part(view)
            flow, _ = drag_flow(cut, _CELLS, stiffness, scene.clearance, 1 << scene.halvings)
            image = filled_small(*warp_by(cut.image, flow, cv2.INTER_LINEAR, opaque=scene.opaque, part=part))
        image = np.ascontiguousarray(image)
        blend(cut.image[part.slices], image, scene.mask[part.slices], out=image)
        box = Box(*(a + b for a, b in zip(part, scene.box[:2] * 2, strict=True)))
        return Preview(image=image, box=box, halvings=scene.halvings, region=scene.region)

    def _region_of(self, request: DragEdit) -> Region:
        if self._planned is not None and _shares(*self._planned, request):
            return self._planned[1]
        region = plan(request)
        self._planned = request, region
        return region

    def _scene_of(self, request: DragEdit, region: Region, halvings: int) -> "_Scene":
        if self._scene is not None and self._scene.serves(request, region, halvings):
            return self._scene
        for times in range(halvings, -1, -1):
            mask, box = _coarse(request, region, times)
            subject = None
            if request.subject is not None:
                subject = self._subjects.of(request.subject, times)[box.slices]
            if mask.any() if subject is None else np.minimum(mask, subject).any():
                image = self._pictures.of(request.image, times)[box.slices]
                self._scene = _Scene(region, halvings, times, box, image, mask, subject)
                return self._scene
        raise AssertionError("a planned region is never empty")


class _Scene:
    """What requests share while only their points change: the part of the halved picture they play in."""

    def __init__(
        self,
        region: Region,
        asked_halvings: int,
        halvings: int,
        box: Box,
        image: Image,
        mask: Mask,
        subject: Subject | None,
    ) -> None:
        self.region, self.halvings, self.box, self.mask = region, halvings, box, mask
        self._asked_halvings = asked_halvings
        self._image = np.ascontiguousarray(image)
        self.opaque = is_opaque(self._image)
        self._subject = None if subject is None else np.ascontiguousarray(subject)
        self._clearance: Clearance | None = None
        self._background: Image | None = None

    def serves(self, request: DragEdit, region: Region, halvings: int) -> bool:
        if region is not self.region or halvings != self._asked_halvings:
            return False
        step = 1 << self.halvings
        x0, y0, x1, y1 = (n * step for n in self.box)
        return all(x0 <= p.x <= x1 and y0 <= p.y <= y1 for p in _marks(request))

    @property
    def clearance(self) -> Clearance:
        if self._clearance is None:
            self._clearance = Clearance(self.mask)
        return self._clearance

    def cut(self, request: DragEdit) -> DragEdit:
        step = 1 << self.halvings

        def inside(p: Point) -> Point:
            return Point(p.x / step - self.box.x0, p.y / step - self.box.y0)

        return dataclasses.replace(
            request,
            image=self._image,
            mask=self.mask,
            protected=None,
            subject=self._subject,
            points=tuple(PointPair(inside(a), inside(b)) for a, b in request.points),
            pins=tuple(inside(pin) for pin in request.pins),
        )

    def part(self, view: Box | None) -> Box:
        """What of it is looked at; at least a pixel."""
        step = 1 << self.halvings
        x0, y0, x1, y1 = (n / step for n in view or Box(0, 0, 0, 0))
        left, top = self.box[:2]
        size = self.box.width, self.box.height
        return (
            Box(0, 0, *size) if view is None else Box.clipped(x0 - left, y0 - top, x1 - left, y1 - top, size)
        )

    def background(self, cut: DragEdit) -> Image:
        """A copy of the picture without its subject, the place behind it filled."""
        if self._background is None:
            self._background = filled_small(self._image, left_behind(cut, 1 << self.halvings))
        return self._background.copy()


def filled_small(image: Image, unknown: Mask | None) -> Image:
    """`image`, or a copy of it whose unknown pixels were filled at a quarter of the size."""
    if unknown is None:
        return image
    height, width = unknown.shape
    small = (max(1, width // _FILL_SHRINK), max(1, height // _FILL_SHRINK))
    gaps = np.asarray(cv2.resize(unknown, small, interpolation=cv2.INTER_AREA), np.uint8)
    coarse = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
    filled = fill(coarse, gaps, smooth=True)
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(unknown[..., None] > 0, large, image)


def _marks(request: DragEdit) -> Iterable[Point]:
    for pair in request.points:
        yield from pair
    yield from request.pins


def _shares(before: DragEdit, region: Region, now: DragEdit) -> bool:
    """Whether the region planned for `before` serves `now`: only points are new, and within its crop."""
    x0, y0, x1, y1 = region.crop
    return (
        now.mask is not None
        and now.mask is before.mask
        and now.protected is before.protected
        and now.subject is before.subject
        and now.image is before.image
        and all(x0 <= p.x <= x1 and y0 <= p.y <= y1 for p in _marks(now))
    )


def _coarse(request: DragEdit, region: Region, halvings: int) -> tuple[Mask, Box]:
    """The region's mask on the halved picture, and of which part: as tight as the points allow, but with an
    edge of protected pixels wherever the picture goes on."""
    step = 1 << halvings
    xs, ys = zip(*_marks(request), strict=True)
    box, crop = region.box, region.crop
    x0, x1 = min(box.x0, *xs) / step - 1, max(box.x1, *xs) / step + 1
    y0, y1 = min(box.y0, *ys) / step - 1, max(box.y1, *ys) / step + 1
    width, height = (-(-n // step) for n in request.size)
    part = Box.clipped(x0, y0, x1, y1, (width, height))
    columns = np.clip(np.arange(part.x0, part.x1) * step + step // 2 - crop.x0, 0, crop.width - 1)
    rows = np.clip(np.arange(part.y0, part.y1) * step + step // 2 - crop.y0, 0, crop.height - 1)
    return region.mask.take(rows, 0).take(columns, 1), part
