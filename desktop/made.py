"""Made: pictures made on demand, to choose from, and for when undo comes back to what they were made for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import NamedTuple
from weakref import ReferenceType, ref

import cv2
import numpy as np

from desktop.assess import least_way
from desktop.document import State
from desktop.keeping import Finished
from engine import Box, DragEdit, EditResult, Image, Mask

_MOST_BYTES = 128 << 20
_turns = count()


class Candidate(NamedTuple):
    """A picture that can be shown, and kept, instead of another one of the same drags.

    Args:
        title: the method's.
        image: what was allowed to change, and what else lies in its box.
        partial: it was stopped early.
        way: what part of its way the drag that fell short the most went; None where nobody knows.
        last: it was made or chosen last.
    """

    title: str
    image: Image
    partial: bool
    way: float | None
    last: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """A finished picture without what a request of the same state brings along.

    Args:
        state: a document that undo cannot bring back any more keeps no picture alive.
        subject: what was moved, no more than its box; a later request may know of another, or of none.
        result: its image is no more than the region.
        turn: of all parts, the one with the greatest was made or chosen last.
    """

    state: ReferenceType[State]
    subject: tuple[Box, Mask] | None
    result: EditResult
    provenance: Mapping[str, object]
    title: str
    turn: int = field(default_factory=lambda: next(_turns))

    @property
    def bytes(self) -> int:
        return self.result.image.nbytes + (0 if self.subject is None else self.subject[1].nbytes)


class Made:
    """The pictures of each state in the order they were made; of all, those made last.

    Args:
        most: bytes of their pixels; the last one is held whatever it takes.
    """

    def __init__(self, most: int = _MOST_BYTES) -> None:
        self._most = most
        self._parts: list[_Part] = []

    @property
    def bytes(self) -> int:
        """What the pixels take."""
        self._bury()
        return sum(part.bytes for part in self._parts)

    def add(self, finished: Finished) -> None:
        """Remember a picture made on demand; one made in the same way goes, unless it came further."""
        result = finished.result
        self._parts = [part for part in self._parts if not _supersedes(finished, part)]
        self._parts.append(
            _Part(
                state=ref(finished.state),
                subject=_cut(finished.request.subject),
                result=replace(result, image=result.image[result.region.slices].copy()),
                provenance=finished.provenance,
                title=finished.title,
            )
        )
        while self.bytes > self._most and len(self._parts) > 1:
            del self._parts[0]

    def candidates(self, state: State) -> tuple[Candidate, ...]:
        """What there is for a state, in the order it was made."""
        parts = self._of(state)
        last = max((part.turn for part in parts), default=0)
        return tuple(
            Candidate(
                title=part.title,
                image=part.result.image,
                partial=part.result.partial,
                way=least_way(state.instruction.points, part.result.handles),
                last=part.turn == last,
            )
            for part in parts
        )

    def choose(self, state: State, number: int) -> None:
        """Let a candidate be the one that `of` gives.

        Args:
            number: its index among them.
        """
        chosen = self._of(state)[number]
        self._parts[self._parts.index(chosen)] = replace(chosen, turn=next(_turns))

    def of(self, state: State, request: DragEdit) -> Finished | None:
        """The picture made or chosen last for a state, bit for bit, and the request that it answers.

        Args:
            request: what the state asks for now.
        """
        part = max(self._of(state), key=lambda part: part.turn, default=None)
        if part is None:
            return None
        image = request.image.copy()
        image[part.result.region.slices] = part.result.image
        image.flags.writeable = False
        return Finished(
            state=state,
            request=replace(request, subject=_whole(part.subject, request.size)),
            result=replace(part.result, image=image),
            provenance=part.provenance,
            title=part.title,
            tier="refined",
        )

    def clear(self) -> None:
        self._parts.clear()

    def _of(self, state: State) -> list[_Part]:
        self._bury()
        return [part for part in self._parts if part.state() is state]

    def _bury(self) -> None:
        """Let go of the pictures of states that are no more."""
        self._parts = [part for part in self._parts if part.state() is not None]


def _supersedes(finished: Finished, part: _Part) -> bool:
    """Whether nobody wants a picture any more once there is another."""
    same = part.state() is finished.state and part.provenance == finished.provenance
    return same and (part.result.partial or not finished.result.partial)


def _cut(subject: Mask | None) -> tuple[Box, Mask] | None:
    if subject is None:
        return None
    x, y, width, height = cv2.boundingRect(subject)
    box = Box(x, y, x + width, y + height)
    return box, subject[box.slices].copy()


def _whole(subject: tuple[Box, Mask] | None, size: tuple[int, int]) -> Mask | None:
    if subject is None:
        return None
    box, part = subject
    whole = np.zeros((size[1], size[0]), np.uint8)
    whole[box.slices] = part
    return whole
