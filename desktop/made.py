"""Made: pictures made on demand, for when undo comes back to what they were made for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from desktop.document import State
from desktop.keeping import Finished
from engine import DragEdit, EditResult

_MOST_BYTES = 128 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class _Part:
    """A finished picture without what a request of the same state brings along.

    Args:
        result: its image is no more than the region.
    """

    state: State
    result: EditResult
    provenance: Mapping[str, object]
    title: str


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
        return sum(part.result.image.nbytes for part in self._parts)

    def add(self, finished: Finished) -> None:
        """Remember a picture made on demand."""
        result = finished.result
        self._parts = [part for part in self._parts if part.state is not finished.state]
        self._parts.append(
            _Part(
                state=finished.state,
                result=replace(result, image=result.image[result.region.slices].copy()),
                provenance=finished.provenance,
                title=finished.title,
            )
        )
        while self.bytes > self._most and len(self._parts) > 1:
            del self._parts[0]

    def of(self, state: State, request: DragEdit) -> Finished | None:
        """The picture made for a state, bit for bit.

        Args:
            request: what the state asks for.
        """
        part = next((part for part in self._parts if part.state is state), None)
        if part is None:
            return None
        image = request.image.copy()
        image[part.result.region.slices] = part.result.image
        image.flags.writeable = False
        return Finished(
            state=state,
            request=request,
            result=replace(part.result, image=image),
            provenance=part.provenance,
            title=part.title,
            tier="refined",
        )

    def clear(self) -> None:
        self._parts.clear()
