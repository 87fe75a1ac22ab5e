"""State: all of a document that undo brings back, and what differs between two of them."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from desktop.document.boxes import enclosing, meet, moved
from desktop.document.instruction import Instruction
from desktop.document.layer import Layer
from desktop.document.tiles import Tiles
from engine import Box


@dataclass(frozen=True, kw_only=True)
class State:
    """A document at one moment; what two states have in common they share.

    Args:
        layers: the lowest first; never empty.
        active: the id of the layer that tools work on.
    """

    layers: tuple[Layer, ...]
    active: int
    instruction: Instruction

    def __post_init__(self) -> None:
        ids = [layer.id for layer in self.layers]
        assert len(set(ids)) == len(ids) and self.active in ids

    def index(self, layer_id: int) -> int:
        return next(i for i, layer in enumerate(self.layers) if layer.id == layer_id)

    def layer(self, layer_id: int) -> Layer:
        return self.layers[self.index(layer_id)]

    def with_layer(self, layer: Layer) -> "State":
        """With `layer` in the place of the one with its id."""
        at = self.index(layer.id)
        return replace(self, layers=(*self.layers[:at], layer, *self.layers[at + 1 :]))

    @property
    def all_tiles(self) -> tuple[Tiles, ...]:
        masks = (mask for mask in self.instruction.masks if mask is not None)
        return (*(layer.tiles for layer in self.layers), *masks)

    def unique_bytes(self, seen: set[int]) -> int:
        """The memory of the pixels whose id is not in `seen`, where they are then noted."""
        total = sum(tiles.unique_bytes(seen) for tiles in self.all_tiles)
        exemplar = self.instruction.exemplar
        if exemplar is not None and id(exemplar) not in seen:
            seen.add(id(exemplar))
            total += exemplar.nbytes
        return total


class Difference(NamedTuple):
    """What a switch from one state to another changes."""

    pixels: tuple[Box, ...]  # of the visible picture
    layers: bool  # their number, order or properties, or which is active
    masks: Box | None
    marks: bool  # the instruction apart from its masks


def difference(before: State, after: State, size: tuple[int, int]) -> Difference:
    """What differs, the boxes clipped to a document of `size`; tiles count as different unless shared."""
    if before is after:
        return Difference((), False, None, False)
    whole = Box(0, 0, *size)
    pixels = [*_changed_content(before, after), *_changed_order(before, after)]
    masks = _changed_masks(before.instruction, after.instruction, size)
    return Difference(
        tuple(part for box in pixels if (part := meet(box, whole)) is not None),
        before.active != after.active or _properties(before) != _properties(after),
        meet(masks, whole) if masks else None,
        before.instruction.marks != after.instruction.marks,
    )


def _properties(state: State) -> list[tuple[object, ...]]:
    return [
        (
            layer.id, layer.name, layer.tiles.size, layer.offset, layer.opacity, layer.visible, layer.locked,
            layer.provenance,
        )
        for layer in state.layers
    ]  # fmt: skip


def _changed_content(before: State, after: State) -> list[Box]:
    """Where layers came, went, were repainted, or look different as a whole."""
    old = {layer.id: layer for layer in before.layers}
    new = {layer.id: layer for layer in after.layers}
    boxes: list[Box] = []
    for layer_id in old.keys() | new.keys():
        a, b = old.get(layer_id), new.get(layer_id)
        if a is not None and b is not None and _looks(a) == _looks(b):
            changed = a.tiles.changed(b.tiles) if a.shown and a.tiles is not b.tiles else ()
            boxes += [moved(box, *a.offset) for box in changed]
        else:
            contents = (layer.content for layer in (a, b) if layer is not None and layer.shown)
            boxes += [content for content in contents if content is not None]
    return boxes


def _looks(layer: Layer) -> tuple[object, ...]:
    return layer.tiles.size, layer.offset, layer.opacity, layer.shown


def _changed_order(before: State, after: State) -> list[Box]:
    """Where layers overlap that changed places."""
    places = {layer.id: i for i, layer in enumerate(after.layers)}
    kept = [layer for layer in before.layers if layer.id in places and layer.shown]
    order = [places[layer.id] for layer in kept]
    if order == sorted(order):
        return []
    return [
        shared
        for i, below in enumerate(kept)
        for above in kept[i + 1 :]
        if places[below.id] > places[above.id] and (shared := meet(below.box, above.box)) is not None
    ]


def _changed_masks(before: Instruction, after: Instruction, size: tuple[int, int]) -> Box | None:
    blank = Tiles.blank(size, 1)
    pairs = zip(before.masks, after.masks, strict=True)
    return enclosing(box for a, b in pairs if a is not b for box in (a or blank).changed(b or blank))
