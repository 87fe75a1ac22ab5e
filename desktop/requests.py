"""Requests: what a state of the document asks the engine for."""

import numpy as np

from desktop.document import Document, Layer, State, Tiles
from engine import Box, DragEdit, Engine, Image, Point, PointPair


class Requests:
    """Makes the requests of one document; remembers what is dear to make and still the same.

    Args:
        engine: looks for what moves where nobody has painted it.
        document: whose states are read.
    """

    def __init__(self, engine: Engine, document: Document) -> None:
        self._engine, self._document = engine, document
        self._found: tuple[tuple[object, ...], Tiles] | None = None  # a subject and what it was found for
        self._placed: tuple[Tiles, tuple[int, int], Image] | None = None

    def of(self, state: State) -> DragEdit | None:
        """What `state` asks for, or None while there is no drag.

        Raises:
            EngineError: the marks contradict each other, or there is nothing that may move.
        """
        marked = state.instruction
        if not marked.points:
            return None
        if marked.motion == "move" and marked.subject is None:
            return self._asked(state, self._subject(state))
        return self._asked(state, marked.subject)

    def around(self, state: State, seeds: tuple[Point, ...]) -> DragEdit:
        """A request to look for what stands at these points.

        Raises:
            EngineError: a point lies outside the picture.
        """
        pairs = tuple(
            PointPair(p, Point(p.x, p.y - 1 if p.y >= 1 else p.y + 1)) for p in dict.fromkeys(seeds)
        )
        source = self._source(state.layer(state.active))
        return DragEdit(image=source, profile=self._document.profile, points=pairs, motion="move")

    def _subject(self, state: State) -> Tiles:
        """What moves; looked for once while the handles stay."""
        marked = state.instruction
        handles = tuple(pair.handle for pair in marked.points)
        key = (state.layer(state.active).tiles, marked.editable, marked.protected, marked.pins, handles)
        if self._found is None or self._found[0] != key:
            self._found = key, Tiles.from_array(self._engine.find_subject(self._asked(state, None)))
        return self._found[1]

    def _asked(self, state: State, subject: Tiles | None) -> DragEdit:
        marked = state.instruction
        editable, protected, moving = (
            None if mask is None or mask.empty else mask.array()
            for mask in (marked.editable, marked.protected, subject)
        )
        return DragEdit(
            image=self._source(state.layer(state.active)),
            profile=self._document.profile,
            mask=editable,
            protected=protected,
            subject=moving,
            points=marked.points,
            pins=marked.pins,
            motion=marked.motion,
            prompt=marked.prompt,
        )

    def _source(self, layer: Layer) -> Image:
        """The layer's pixels in the place that they have in the document."""
        width, height = self._document.size
        if layer.tiles.size == (width, height) and layer.offset == (0, 0):
            return layer.tiles.array()
        if self._placed is None or self._placed[:2] != (layer.tiles, layer.offset):
            out = np.zeros((height, width, 4), np.uint8)
            x, y = layer.offset
            right, bottom = min(x + layer.tiles.size[0], width), min(y + layer.tiles.size[1], height)
            box = Box(max(x, 0), max(y, 0), right, bottom)
            if box.width > 0 and box.height > 0:
                out[box.slices] = layer.tiles.read(Box(box.x0 - x, box.y0 - y, box.x1 - x, box.y1 - y))
            self._placed = layer.tiles, layer.offset, out
        return self._placed[2]
