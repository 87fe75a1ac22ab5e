"""EditSession: what is marked in the document → a preview under the pointer → a finished edit → a layer."""

import math
from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, SignalInstance

from desktop.document import Document, Layer, State, Tiles
from desktop.requests import Requests
from engine import (
    DragEdit,
    EditResult,
    Engine,
    EngineError,
    Mask,
    Point,
    Region,
    Settings,
    Value,
    preview_warp,
)

METHOD = "flow_warp"
_FAR_ENOUGH = 0.9  # of the way from handle to target


class EditSession(QObject):
    """Follows one document. Flow warp runs in the window's process: it needs no network and answers at once.

    While a gesture lasts (the document shows a state that is not settled) every change is previewed at once;
    when it has ended, the finished picture is made in the background, and the last preview stays until then.

    Args:
        engine: makes the pictures.
    """

    shown = Signal(object, object)  # Image and the Box of the document over which it lies
    cleared = Signal()
    outlined = Signal(object)  # outlines of the automatic region: a list of (n, 2) arrays of document points
    finished = Signal(object)  # EditResult
    hint = Signal(str)
    _rendered = Signal(int, object, object)
    _failed = Signal(int, str)

    def __init__(self, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._document: Document | None = None
        self._settings = engine.settings(METHOD)
        self._job = 0
        self._result: tuple[State, DragEdit, EditResult] | None = None
        self._requests: Requests | None = None
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._rendered.connect(self._take)
        self._failed.connect(self._refuse)

    def set_document(self, document: Document | None) -> None:
        """Follow another document."""
        if self._document is not None:
            self._document.instruction_changed.disconnect(self._marked)
            self._document.undo_stack.indexChanged.disconnect(self._settled)
        self._document = document
        self._requests = None if document is None else Requests(self._engine, document)
        if document is not None:
            document.instruction_changed.connect(self._marked)
            document.undo_stack.indexChanged.connect(self._settled)
        self._settled()

    @property
    def settings(self) -> Settings:
        return self._settings

    def set_settings(self, chosen: Mapping[str, Value]) -> None:
        """Take over settings of the method, and render anew."""
        self._settings = self._engine.settings(METHOD, chosen=chosen)
        self._settled()

    @property
    def busy(self) -> bool:
        """Whether a finished picture is being made."""
        return self._result is None and self._request(self._state()) is not None

    def request(self) -> DragEdit | None:
        """What the settled document asks for, or None while there is no drag."""
        return self._request(self._state())

    def stop(self) -> None:
        """Let go of what is being made, and wait for its thread; before the window closes."""
        self._job += 1
        self._pool.clear()
        self._pool.waitForDone()

    def keep(self) -> bool:
        """Make the finished picture a layer above its source; returns whether there was one."""
        document, state = self._document, self._state()
        if document is None or state is None:
            return False
        request = self._request(state)
        if request is None:
            return False
        if self._result is None or self._result[0] is not state:
            try:
                self._result = state, request, self._engine.edit(METHOD, request, self._settings)
            except EngineError as error:
                self.hint.emit(str(error))
                return False
        _, request, answer = self._result
        kept = self._kept(document, state, request, answer)
        document.change(kept, self.tr("Keep the drag"))
        assert self._requests is not None
        self._requests.remember(kept, answer.image)  # drawn anew it would be the same
        return True

    def find_subject(self, seeds: tuple[Point, ...]) -> Mask | None:
        """What probably stands at these points of the document, (h, w) uint8, or None after a hint."""
        state = self._state()
        if self._requests is None or state is None:
            return None
        try:
            return self._engine.find_subject(self._requests.around(state, seeds))
        except EngineError as error:
            self.hint.emit(str(error))
            return None

    def _marked(self) -> None:
        """The marks have changed: preview them while a gesture lasts."""
        if self._document is None:
            return
        if self._document.state is self._document.settled:
            self._settled()
            return
        self._job += 1  # a picture of the state before comes too late
        self._result = None
        request = self._request(self._document.state)
        if request is None:
            self.cleared.emit()
            return
        try:
            plan = self._engine.plan(request)
            image = preview_warp(plan.cut(request, srgb=False), **self._warp_settings())
        except EngineError as error:
            self.hint.emit(str(error))
            return
        self._outline(request, plan)
        self.shown.emit(image, plan.crop)

    def _settled(self) -> None:
        """A gesture has ended, or undo has moved: make the finished picture."""
        self._job += 1
        self._result = None
        self._pool.clear()
        request = self._request(self._state())
        if request is None:
            self.cleared.emit()
            self.outlined.emit([])
            return
        try:
            self._outline(request, self._engine.plan(request))
        except EngineError as error:
            self._refuse(self._job, str(error))
            return
        self._pool.start(
            _Render(self._engine, request, self._settings, self._job, self._rendered, self._failed)
        )

    def _take(self, job: int, request: DragEdit, answer: EditResult) -> None:
        state = self._state()
        if job != self._job or state is None:
            return
        self._result = state, request, answer
        crop = self._engine.plan(request).crop
        self.shown.emit(np.ascontiguousarray(answer.image[crop.slices]), crop)
        self.finished.emit(answer)
        self._tell_shortfall(request, answer)

    def _tell_shortfall(self, request: DragEdit, answer: EditResult) -> None:
        """Say which drag fell short the most, and what to try."""
        ways = [
            1 - math.dist(rest, pair.target) / math.dist(pair.handle, pair.target)
            for pair, rest in zip(request.points, answer.handles, strict=True)
        ]
        worst = min(range(len(ways)), key=ways.__getitem__)
        if ways[worst] < _FAR_ENOUGH:
            sentence = self.tr(
                "Drag {number} moved {percent} % of the way: let more of the picture change, or pull less."
            )
            self.hint.emit(sentence.format(number=worst + 1, percent=max(0, round(100 * ways[worst]))))

    def _refuse(self, job: int, sentence: str) -> None:
        if job == self._job:
            self.cleared.emit()
            self.hint.emit(sentence)

    def _state(self) -> State | None:
        return None if self._document is None else self._document.settled

    def _request(self, state: State | None) -> DragEdit | None:
        """What `state` asks for, or None while there is no drag or after a hint."""
        if state is None or self._requests is None:
            return None
        try:
            return self._requests.of(state)
        except EngineError as error:
            self.hint.emit(str(error))
            return None

    def _warp_settings(self) -> dict[str, float]:
        return {
            d.name: getattr(self._settings, d.name)
            for d in self._settings.declarations()
            if d.name == "stiffness"
        }

    def _outline(self, request: DragEdit, plan: Region) -> None:
        """Tell the outline of the automatic region; a painted one is seen as it is."""
        if request.mask is not None:
            self.outlined.emit([])
            return
        contours, _ = cv2.findContours(plan.mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_L1)
        self.outlined.emit([c[:, 0] + np.array([plan.crop.x0, plan.crop.y0]) for c in contours])

    def _kept(self, document: Document, state: State, request: DragEdit, answer: EditResult) -> State:
        """`state` with the finished picture as a layer above its source, and the drags done with."""
        source = state.layer(state.active)
        plan = self._engine.plan(request)
        before, after = request.image[plan.box.slices], answer.image[plan.box.slices]
        layers = list(state.layers)
        at = state.index(source.id)
        if before[..., 3].min() == 255 and after[..., 3].min() == 255:
            patch = after.copy()
            x, y = plan.box.x0 - plan.crop.x0, plan.box.y0 - plan.crop.y0
            patch[plan.mask[y : y + plan.box.height, x : x + plan.box.width] == 0] = 0
            tiles = Tiles.blank(document.size, 4).write(plan.box, patch)
        else:  # what has moved away must not be seen any more: all that it was taken from is replaced
            tiles = Tiles.from_array(answer.image)
            layers[: at + 1] = [replace(layer, visible=False) for layer in layers[: at + 1]]
        marked = state.instruction
        provenance = {"method": METHOD, "points": marked.points, "pins": marked.pins, "motion": marked.motion}
        provenance |= {d.name: getattr(self._settings, d.name) for d in self._settings.declarations()}
        count = len(marked.points)
        layer = Layer(
            id=document.new_id(), name=self.tr("Drag %n", "", count), tiles=tiles, provenance=provenance
        )
        done = replace(marked, points=(), pins=(), subject=None)
        return State(layers=(*layers[: at + 1], layer, *layers[at + 1 :]), active=layer.id, instruction=done)


class _Render(QRunnable):
    """Makes one finished picture off the window's thread."""

    def __init__(
        self,
        engine: Engine,
        request: DragEdit,
        settings: Settings,
        job: int,
        rendered: SignalInstance,
        failed: SignalInstance,
    ) -> None:
        super().__init__()
        self._work = engine, request, settings, job
        self._rendered, self._failed = rendered, failed

    def run(self) -> None:
        engine, request, settings, job = self._work
        try:
            answer = engine.edit(METHOD, request, settings)
        except EngineError as error:
            self._failed.emit(job, str(error))
            return
        self._rendered.emit(job, request, answer)
