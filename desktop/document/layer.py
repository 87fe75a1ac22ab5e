"""Layer: one sheet of the picture, straight RGBA8 in the file's own profile."""

from collections.abc import Mapping
from dataclasses import dataclass

from desktop.document.boxes import enclosing, moved
from desktop.document.tiles import Tiles
from engine import Box


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A sheet; two are equal where they share their tiles.

    Args:
        id: names the layer in all states of its document.
        offset: where its top-left pixel lies in the document; it may reach beyond it.
        opacity: 0 to 1.
        locked: tools leave its pixels alone.
        provenance: how the engine made it, in plain values: method, settings, seed, drags; None for others.
    """

    id: int
    name: str
    tiles: Tiles
    offset: tuple[int, int] = (0, 0)
    opacity: float = 1.0
    visible: bool = True
    locked: bool = False
    provenance: Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        assert self.tiles.channels == 4
        assert 0 <= self.opacity <= 1

    @property
    def box(self) -> Box:
        """Where it lies in the document."""
        return moved(self.tiles.box, *self.offset)

    @property
    def content(self) -> Box | None:
        """Where in the document it may have anything to show."""
        painted = enclosing(self.tiles.changed(Tiles.blank(self.tiles.size, 4)))
        return painted and moved(painted, *self.offset)

    @property
    def shown(self) -> bool:
        return self.visible and self.opacity > 0
