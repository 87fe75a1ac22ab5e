"""What the workspace has the canvas show: the document's layers, its masks, and the markers on it."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter

from desktop.assess import outlines
from desktop.canvas.hatch import MaskLayer
from desktop.canvas.overlay import SUBJECT, paint_markers, paint_outline, paint_tracks
from desktop.canvas.viewport import Viewport
from desktop.document import Document, Layer
from desktop.document.compositor import composite
from desktop.document.document import MaskName
from desktop.tools.drag_tool import DragTool
from engine import Box, DragEdit, Mask, Point, Region

MASKS: tuple[MaskName, ...] = ("editable", "protected", "subject")


class Composite:
    """The document as the canvas reads it."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def size(self) -> tuple[int, int]:
        return self._document.size

    def composite(self, box: Box, out: QImage) -> None:
        composite(self._document.layers, box, out)

    @property
    def covered(self) -> bool:
        return any(layer.shown for layer in self._above)

    def composite_cover(self, box: Box, out: QImage) -> None:
        composite(self._above, box, out)

    @property
    def _above(self) -> tuple[Layer, ...]:
        """The layers over the one that is edited."""
        state = self._document.state
        return state.layers[state.index(state.active) + 1 :]


class Markers:
    """Handles, targets and pins, the automatic region, and what was found to move.

    Args:
        tool: whose markers are hovered and selected.
    """

    def __init__(self, tool: DragTool) -> None:
        self._tool = tool
        self._document: Document | None = None
        self._subject: tuple[Mask | None, int] = None, 1  # whose outlines are shown, and how fine
        self._regions: list[list[Point]] = []
        self._subjects: list[list[Point]] = []
        self.tracks: tuple[Point, ...] = ()

    def set_document(self, document: Document) -> None:
        self._document = document

    def plan(self, request: DragEdit | None, region: Region | None, step: int) -> bool:
        """Outline what an edit may change and what it moves; what is painted is seen as it is.

        Args:
            step: picture pixels in one that is seen; finer detail is left out.

        Returns:
            whether anything may look different.
        """
        before, self._regions = self._regions, []
        if request is not None and region is not None and request.mask is None:
            self._regions = _lines(region.mask, step, region.crop)
        subject = None
        if request is not None and self._document is not None and not self._document.instruction.subject:
            subject = request.subject
        outlined, fine = self._subject
        redrawn = subject is not outlined or (subject is not None and fine != step)
        if redrawn:
            self._subject = subject, step
            self._subjects = [] if subject is None else _lines(subject, step)
        return redrawn or bool(before or self._regions)

    def paint(self, painter: QPainter, viewport: Viewport, exposed: QRect) -> None:
        if self._document is None:
            return
        marked, tool = self._document.instruction, self._tool
        if marked.points:
            for outline in self._regions:
                paint_outline(painter, viewport, outline)
            for outline in self._subjects:
                paint_outline(painter, viewport, outline, SUBJECT)
        paint_markers(
            painter, viewport, marked.points, marked.pins, hovered=tool.hovered, selected=tool.selected
        )
        paint_tracks(painter, viewport, self.tracks)


def _lines(mask: Mask, step: int, crop: Box | None = None) -> list[list[Point]]:
    """The outlines of a mask of a crop, in pixels of the picture."""
    x, y = (0, 0) if crop is None else crop[:2]
    opaque = np.asarray(cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1], np.uint8)
    return [[Point(float(u + x), float(v + y)) for u, v in line] for line in outlines(opaque, step)]


class Masks:
    """The painted masks, each hatched in its own way."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self._layers: dict[MaskName, MaskLayer] = {}
        self.shown = True

    def set_document(self, document: Document) -> None:
        self._document = document

        def filling(name: MaskName) -> Callable[[Box, NDArray[np.uint8]], None]:
            def fill(box: Box, out: NDArray[np.uint8]) -> None:
                tiles = getattr(document.instruction, name)
                out[:] = 0 if tiles is None else tiles.read(box)

            return fill

        self._layers = {name: MaskLayer(name, document.size, filling(name)) for name in MASKS}

    def invalidate(self, box: Box) -> None:
        for layer in self._layers.values():
            layer.invalidate(box)

    def paint(self, painter: QPainter, viewport: Viewport, exposed: QRect) -> None:
        if self._document is None or not self.shown:
            return
        for name, layer in self._layers.items():
            if getattr(self._document.instruction, name) is not None:
                layer.paint(painter, viewport, exposed)
