"""Made: pictures made on demand, for when undo comes back to what they were made for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from weakref import ReferenceType, ref

import cv2
import numpy as np

from desktop.document import State
from desktop.keeping import Finished
from engine import Box, DragEdit, EditResult, Mask

_MOST_BYTES = 128 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """A finished picture without what a request of the same state brings along.

    Args:
        state: a document that undo cannot bring back any more keeps no picture alive.
        subject: what was moved, no more than its box; a later request may know of another, or of none.
        result: its image is no more than the region.
    """

    state: ReferenceType[State]
    subject: tuple[Box, Mask] | None
    result: EditResult
    provenance: Mapping[str, object]
    title: str

    @property
    def bytes(self) -> int:
        return self.result.image.nbytes + (0 if self.subject is None else self.subject[1].nbytes)


class Made:
    """One picture for each state, the latest; of all, those made last.

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
        """Remember a picture made on demand."""
        result = finished.result
        self._parts = [part for part in self._parts if part.state() is not finished.state]
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

    def of(self, state: State, request: DragEdit) -> Finished | None:
        """The picture made for a state, bit for bit, and the request that it answers.

        Args:
            request: what the state asks for now.
        """
        self._bury()
        part = next((part for part in self._parts if part.state() is state), None)
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

    def _bury(self) -> None:
        """Let go of the pictures of states that are no more."""
        self._parts = [part for part in self._parts if part.state() is not None]


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
