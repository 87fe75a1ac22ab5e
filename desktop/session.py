"""EditSession: what is marked in the document → a preview under the pointer → a finished edit."""

import math
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from desktop.canvas import Canvas
from desktop.document import Document
from engine import DragEdit, Engine, EngineError, Image, Point, PointPair, preview_warp

METHOD = "flow_warp"
_LEAST_PULL = 3.0  # device-independent pixels; less is a click, not a drag


class EditSession(QObject):
    """Turns pulls on the canvas into drags, and drags into pictures.

    Args:
        canvas: where the user pulls and where previews are shown.
        engine: runs in the window's process: flow warp needs no network and answers at once.
    """

    hint = Signal(str)  # a sentence for the status bar

    def __init__(self, canvas: Canvas, engine: Engine) -> None:
        super().__init__(canvas)
        self._canvas, self._engine = canvas, engine
        self._document: Document | None = None
        self._handle: Point | None = None
        self._result: Image | None = None
        canvas.pressed.connect(self._press)
        canvas.pulled.connect(self._pull)
        canvas.released.connect(self._release)

    def set_document(self, document: Document) -> None:
        self._document, self._handle, self._result = document, None, None
        document.instruction_changed.connect(self.render)
        self.render()

    @property
    def result(self) -> Image | None:
        """The finished picture of what is marked, or None where nothing is."""
        return self._result

    def render(self) -> None:
        """Make the finished picture of what is marked, and show it over the document."""
        self._result = None
        self._canvas.clear_preview()
        if self._document is None:
            return
        try:
            request = self._document.request()
            if request is None:
                return
            answer = self._engine.edit(METHOD, request)
        except EngineError as error:
            self.hint.emit(str(error))
            return
        self._result = answer.image
        crop = self._engine.plan(request).crop
        self._canvas.show_preview(np.ascontiguousarray(answer.image[crop.slices]), crop)

    def keep(self) -> None:
        """Make the finished picture the document's."""
        if self._document is not None and self._result is not None:
            self._document.keep(self._result, self.tr("Flow warp"))

    def clear(self) -> None:
        """Remove all drags and pins."""
        if self._document is not None and self._document.instruction.points:
            marked = replace(self._document.instruction, points=(), pins=())
            self._document.mark(marked, self.tr("Remove drags"))

    def _press(self, at: Point) -> None:
        self._handle = at

    def _pull(self, to: Point) -> None:
        request = self._pulled(to)
        if request is None:
            return
        try:
            plan = self._engine.plan(request)
            image = preview_warp(plan.cut(request, srgb=False))
        except EngineError as error:
            self.hint.emit(str(error))
            return
        self._canvas.show_preview(image, plan.crop, request.points)

    def _release(self, at: Point) -> None:
        request = self._pulled(at)
        self._handle = None
        if request is not None and self._document is not None:
            self._document.mark(replace(self._document.instruction, points=request.points), self.tr("Drag"))

    def _pulled(self, to: Point) -> DragEdit | None:
        """The request with the drag in hand, once it is long enough to be one."""
        if self._handle is None or self._document is None:
            return None
        length = math.dist(self._handle, to) * self._canvas.viewport.zoom
        if length < _LEAST_PULL:
            return None
        marked = self._document.instruction
        try:
            return self._document.request(
                replace(marked, points=(*marked.points, PointPair(self._handle, to)))
            )
        except EngineError as error:
            self.hint.emit(str(error))
            return None
