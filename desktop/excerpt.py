"""Excerpt: the part of a picture that an edit needs to see; no more than that crosses to the engine."""

import weakref
from dataclasses import replace

from engine import Box, DragEdit, EditRequest, EditResult, Engine, Image, Point


class Excerpt:
    """The request for the part, and the way back to the whole.

    Args:
        whole: the request.
        part: the request for `box` of it, or `whole` itself.
    """

    def __init__(self, whole: EditRequest, part: EditRequest, box: Box) -> None:
        self.whole, self.part, self.box = whole, part, box

    def result(self, result: EditResult) -> EditResult:
        """The part's result as the whole's; its picture is read-only."""
        if self.part is self.whole:
            return result
        image = self.whole.image.copy()
        image[self.box.slices] = result.image
        image.flags.writeable = False
        region, handles = self.place(result.region), self.points(result.handles)
        return replace(result, image=image, region=region, handles=handles)

    def place(self, box: Box) -> Box:
        """A box of the part as one of the whole."""
        return _moved(box, self.box.x0, self.box.y0)

    def points(self, points: tuple[Point, ...]) -> tuple[Point, ...]:
        """Points of the part as points of the whole."""
        return tuple(Point(x + self.box.x0, y + self.box.y0) for x, y in points)


class Excerpts:
    """Makes excerpts; the same part of the same picture is the same array, which need not be sent again."""

    def __init__(self) -> None:
        self._engine = Engine()  # plans; nothing is edited here
        self._last: tuple[weakref.ref[Image], Box, Image] | None = None

    def of(self, request: EditRequest) -> Excerpt:
        """The least part that gives the same result.

        Raises:
            EngineError: nothing of the picture may change.
        """
        whole = Excerpt(request, request, Box(0, 0, *request.size))
        if isinstance(request, DragEdit) and request.motion == "move" and request.subject is None:
            return whole  # the engine looks for the subject, and further than the edit reaches
        region = self._engine.plan(request)
        if region.whole:
            return whole
        part = region.cut(request, srgb=False)
        again = self._engine.plan(part)
        if not again.whole or _moved(again.box, region.crop.x0, region.crop.y0) != region.box:
            return whole  # what is protected would count as not painted, and the engine would plan otherwise
        return Excerpt(
            request, replace(part, image=self._image(request.image, region.crop, part.image)), region.crop
        )

    def _image(self, source: Image, box: Box, part: Image) -> Image:
        last = self._last
        if last is None or last[0]() is not source or last[1] != box:
            last = self._last = weakref.ref(source, self._forget), box, part
        return last[2]

    def _forget(self, source: weakref.ref[Image]) -> None:
        if self._last is not None and self._last[0] is source:
            self._last = None


def _moved(box: Box, x: int, y: int) -> Box:
    return Box(box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y)
