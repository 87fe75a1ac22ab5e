"""Instruction: what the user has marked in the document for the next edit."""

from dataclasses import dataclass

from desktop.document.tiles import Tiles
from engine import Image, Motion, Point, PointPair


@dataclass(frozen=True, kw_only=True, eq=False)
class Instruction:
    """As in `DragEdit`, but possibly still without a drag. Points and masks are in the document's pixels.

    Args:
        points: handles and their targets.
        pins: points that stay where they are.
        editable: what may change; None where nothing is painted.
        protected: what must not change, even where `editable` says it may.
        subject: what moves.
        motion: "deform" or "move".
        prompt: what the picture shows, or shall show.
        exemplar: (h, w, 4) uint8 straight RGBA, the thing that the region shall show.
    """

    points: tuple[PointPair, ...] = ()
    pins: tuple[Point, ...] = ()
    editable: Tiles | None = None
    protected: Tiles | None = None
    subject: Tiles | None = None
    motion: Motion = "deform"
    prompt: str = ""
    exemplar: Image | None = None

    @property
    def masks(self) -> tuple[Tiles | None, Tiles | None, Tiles | None]:
        return self.editable, self.protected, self.subject

    @property
    def marks(self) -> tuple[object, ...]:
        """All but the masks; the exemplar by its identity."""
        return self.points, self.pins, self.motion, self.prompt, id(self.exemplar)

    def __eq__(self, other: object) -> bool:
        """Whether everything is the same, masks and exemplar by their identity."""
        return isinstance(other, Instruction) and self.marks == other.marks and self.masks == other.masks

    def __hash__(self) -> int:
        return hash(self.marks)
