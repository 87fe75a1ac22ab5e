"""Requests: what a state of the document asks the engine for."""

from typing import NamedTuple

import numpy as np

from desktop.document import Document, Layer, State, Tiles
from desktop.document.compositor import flatten
from engine import DragEdit, Engine, Image, Point, PointPair

SubjectKey = tuple[object, ...]


class Sought(NamedTuple):
    """For what it is looked for what moves.

    Args:
        key: an answer is of no use where this differs.
        targets: where the handles are pulled; one found for others is of use until there is a better one.
    """

    key: SubjectKey
    targets: tuple[Point, ...]


class Requests:
    """Makes the requests of one document; remembers what is dear to make and still the same.

    Args:
        engine: looks for what moves where nobody has painted it.
        document: whose states are read.
    """

    def __init__(self, engine: Engine, document: Document) -> None:
        self._engine, self._document = engine, document
        self._guessed: tuple[SubjectKey, Tiles] | None = None  # a subject and what it was found for
        self._learnt: tuple[Sought, Tiles | None] | None = None
        self._seen: tuple[tuple[Layer, ...], Image] | None = None

    def of(self, state: State) -> DragEdit | None:
        """What `state` asks for, or None while there is no drag.

        Raises:
            EngineError: the marks contradict each other, or there is nothing that may move.
        """
        marked = state.instruction
        if not marked.points:
            return None
        subject = marked.subject or self.found(state)
        if marked.motion == "move" and subject is None:
            subject = self._guess(state)
        return self._asked(state, subject)

    def found(self, state: State) -> Tiles | None:
        """What a network found to move in `state`, where nothing is painted; None where none did.

        Found for these handles, though perhaps for other targets.
        """
        sought = self.sought(state)
        if sought is None or self._learnt is None or self._learnt[0].key != sought.key:
            return None
        return self._learnt[1]

    def sought(self, state: State) -> Sought | None:
        """What tells apart the states in which other things may move; None where there is nothing to seek.

        What is bent is no thing: as one piece it would only be stiff.
        """
        marked = state.instruction
        if marked.motion != "move" or not marked.points or marked.subject is not None:
            return None
        handles = tuple(pair.handle for pair in marked.points)
        key = _visible(state), marked.editable, marked.protected, marked.pins, handles
        return Sought(key, tuple(pair.target for pair in marked.points))

    def seeking(self, state: State) -> DragEdit:
        """A request to look for what moves in `state`.

        Raises:
            EngineError: the marks contradict each other.
        """
        return self._asked(state, None)

    def is_known(self, sought: Sought, *, exactly: bool) -> bool:
        """Whether it has been looked for, and something or nothing found.

        Args:
            exactly: for these very targets.
        """
        if self._learnt is None or self._learnt[0].key != sought.key:
            return False
        return not exactly or self._learnt[0].targets == sought.targets

    def learn(self, sought: Sought, subject: Tiles | None) -> bool:
        """Take over what was found to move, or that nothing was; returns whether another was known before."""
        before = self._learnt[1] if self._learnt is not None and self._learnt[0].key == sought.key else None
        is_same = _is_same(before, subject)
        self._learnt = sought, before if is_same else subject
        return not is_same

    def forget_learnt(self) -> None:
        """Let go of what was found to move."""
        self._learnt = None

    def around(self, state: State, seeds: tuple[Point, ...]) -> DragEdit:
        """A request to look for what stands at these points.

        Raises:
            EngineError: a point lies outside the picture.
        """
        pairs = tuple(
            PointPair(p, Point(p.x, p.y - 1 if p.y >= 1 else p.y + 1)) for p in dict.fromkeys(seeds)
        )
        source = self._source(state)
        return DragEdit(image=source, profile=self._document.profile, points=pairs, motion="move")

    def _guess(self, state: State) -> Tiles:
        """What colours tell of what moves; looked at once while the handles stay."""
        sought = self.sought(state)
        assert sought is not None, "what is painted needs no guess"
        key = sought.key
        if self._guessed is None or self._guessed[0] != key:
            self._guessed = key, Tiles.from_array(self._engine.find_subject(self._asked(state, None)))
        return self._guessed[1]

    def _asked(self, state: State, subject: Tiles | None) -> DragEdit:
        marked = state.instruction
        editable, protected, moving = (
            None if mask is None or mask.empty else mask.array()
            for mask in (marked.editable, marked.protected, subject)
        )
        return DragEdit(
            image=self._source(state),
            profile=self._document.profile,
            origin=self._document.origin(_visible(state)),
            mask=editable,
            protected=protected,
            subject=moving,
            points=marked.points,
            pins=marked.pins,
            motion=marked.motion,
            prompt=marked.prompt,
        )

    def remember(self, state: State, picture: Image) -> None:
        """Take `picture` for what is visible in `state` up to its active layer; saves compositing it."""
        self._seen = _visible(state), picture

    def _source(self, state: State) -> Image:
        """What is visible of the active layer and those below it: a drag takes along what the user sees."""
        layers = _visible(state)
        if self._seen is None or self._seen[0] != layers:
            self._seen = layers, flatten(layers, self._document.size)
        return self._seen[1]


def _is_same(one: Tiles | None, other: Tiles | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one.array(), other.array())


def _visible(state: State) -> tuple[Layer, ...]:
    return tuple(layer for layer in state.layers[: state.index(state.active) + 1] if layer.visible)
