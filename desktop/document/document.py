"""Document: layers, what the user has marked in them, and every step back."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal
from weakref import WeakMethod

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from desktop.document.commands import Change
from desktop.document.instruction import Instruction
from desktop.document.layer import Layer
from desktop.document.state import State, difference
from desktop.document.tiles import Tiles
from engine import Image, Origin, Photo

MaskName = Literal["editable", "protected", "subject"]


class Document(QObject):
    """A picture under edit. Every change is a step on `undo_stack`; pixels are shared, never written.

    A tool shows states by `preview_state` while its gesture lasts; `commit` makes the gesture one step,
    `revert` undoes it without one.

    Args:
        size: (width, height) in pixels.
        state: what it starts with.
        photo: what its file says about the picture; its pixels are let go. With an origin, the first layer
            is what was generated.
        path: where it came from, or None.
    """

    pixels_changed = Signal(object)  # tuple of boxes of the visible picture; after the change, as all signals
    layers_changed = Signal()  # number, order, properties, or which is active; not for pixels alone
    instruction_changed = Signal()  # all but its masks
    masks_changed = Signal(object)  # Box
    activated = Signal()  # tools work on another layer

    def __init__(
        self, size: tuple[int, int], state: State, *, photo: Photo | None = None, path: Path | None = None
    ) -> None:
        super().__init__()
        self.path = path
        self._size = size
        nothing = _nothing(size)
        self._photo = photo.with_pixels(nothing) if photo else Photo(pixels=nothing, has_alpha=True)
        self._generated = (state.layers[0].tiles, photo.origin) if photo and photo.origin else None
        self._settled = self._shown = state
        self._last_id = max(layer.id for layer in state.layers)
        self._undo_stack = QUndoStack(self)

    @staticmethod
    def from_photo(
        photo: Photo, path: Path | None, *, name: str = "Background", instruction: Instruction | None = None
    ) -> "Document":
        """A document with `photo` as its only layer."""
        layer = Layer(id=1, name=name, tiles=Tiles.from_array(photo.pixels))
        state = State(layers=(layer,), active=1, instruction=instruction or Instruction())
        return Document(layer.tiles.size, state, photo=photo, path=path)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._size

    @property
    def state(self) -> State:
        """What is shown: during a gesture, its preview."""
        return self._shown

    @property
    def settled(self) -> State:
        """The state without the gesture that is under way; the very one that is shown while none is."""
        return self._settled

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The lowest first."""
        return self._shown.layers

    @property
    def active_layer(self) -> Layer:
        return self._shown.layer(self._shown.active)

    @property
    def instruction(self) -> Instruction:
        return self._shown.instruction

    @property
    def photo(self) -> Photo:
        """What the file says about the picture; its pixels are as many as the document's, and all zero."""
        return self._photo

    @property
    def profile(self) -> bytes | None:
        return self._photo.profile

    @property
    def was_generated(self) -> bool:
        """Whether it began as a picture from words."""
        return self._generated is not None

    def origin(self, layers: Sequence[Layer]) -> Origin | None:
        """How what these layers show was generated; None as soon as any pixel of it is another.

        Args:
            layers: of this document, those that are visible.
        """
        if self._generated is None or len(layers) != 1:
            return None
        layer, (tiles, origin) = layers[0], self._generated
        unchanged = layer.tiles is tiles and layer.opacity == 1 and layer.offset == (0, 0)
        return origin if unchanged else None

    @property
    def undo_stack(self) -> QUndoStack:
        return self._undo_stack

    @property
    def is_modified(self) -> bool:
        """Whether anything changed since the file was opened or saved."""
        return not self._undo_stack.isClean()

    def change(self, state: State, title: str, *, merge: object | None = None) -> None:
        """Take over a state as one step of undo; one that changes nothing is none.

        Args:
            title: names the step in menus.
            merge: the step takes up the one before it where that has an equal key.
        """
        if state == self._settled:
            self._show(self._settled)
            return
        step = Change(WeakMethod(self._settle), self._settled, state, title, merge)
        self._undo_stack.push(step)

    def preview_state(self, state: State) -> None:
        """Show a state without a step of undo; one that equals what is shown changes nothing."""
        if state != self._shown:
            self._show(state)

    def commit(self, title: str, *, merge: object | None = None) -> None:
        """Make what is shown one step of undo."""
        self.change(self._shown, title, merge=merge)

    def revert(self) -> None:
        """Show the state before the gesture again."""
        self._show(self._settled)

    def paint_layer(self, layer_id: int, tiles: Tiles) -> None:
        """Preview a layer with other pixels."""
        self._show(self._shown.with_layer(replace(self._shown.layer(layer_id), tiles=tiles)))

    def paint_mask(self, name: MaskName, tiles: Tiles | None) -> None:
        """Preview another mask."""
        assert tiles is None or (tiles.size == self._size and tiles.channels == 1)
        marked = self._shown.instruction
        if name == "editable":
            marked = replace(marked, editable=tiles)
        elif name == "protected":
            marked = replace(marked, protected=tiles)
        else:
            marked = replace(marked, subject=tiles)
        self._show(replace(self._shown, instruction=marked))

    def mark(self, instruction: Instruction, title: str, *, merge: object | None = None) -> None:
        """Change what is marked."""
        self.change(replace(self._settled, instruction=instruction), title, merge=merge)

    def new_id(self) -> int:
        """An id that no layer of this document has or had."""
        self._last_id += 1
        return self._last_id

    def activate(self, layer_id: int) -> None:
        """Let tools work on another layer; no step of undo."""
        if layer_id == self._settled.active:
            return
        resting = self._shown is self._settled
        self._settled = replace(self._settled, active=layer_id)
        self._show(self._settled if resting else replace(self._shown, active=layer_id))
        self.activated.emit()

    def add_layer(self, layer: Layer, title: str, *, above: int | None = None) -> None:
        """Add a layer with a `new_id` above the layer `above`, or on top, and make it the active one."""
        layers = self._settled.layers
        at = len(layers) if above is None else self._settled.index(above) + 1
        self.change(self._arranged((*layers[:at], layer, *layers[at:]), layer.id), title)

    def duplicate_layer(self, layer_id: int, name: str, title: str) -> int:
        """Add a copy that shares all pixels above its original; its id."""
        copy = replace(self._settled.layer(layer_id), id=self.new_id(), name=name)
        self.add_layer(copy, title, above=layer_id)
        return copy.id

    def remove_layer(self, layer_id: int, title: str) -> None:
        """Remove a layer, but not the last; where it was active, the one below becomes so."""
        at = self._settled.index(layer_id)
        layers = self._settled.layers[:at] + self._settled.layers[at + 1 :]
        assert layers
        active = self._settled.active
        self.change(
            self._arranged(layers, layers[max(at - 1, 0)].id if active == layer_id else active), title
        )

    def move_layer(self, layer_id: int, index: int, title: str) -> None:
        """Move a layer so that it comes to be at `index`, counted from below."""
        layers = list(self._settled.layers)
        layers.insert(index, layers.pop(self._settled.index(layer_id)))
        self.change(self._arranged(tuple(layers), self._settled.active), title)

    def set_layer(self, layer_id: int, title: str, *, merge: object | None = None, **changes: object) -> None:
        """Change fields of a layer."""
        layer = replace(self._settled.layer(layer_id), **changes)  # pyright: ignore[reportArgumentType]
        assert layer.id == layer_id
        self.change(self._settled.with_layer(layer), title, merge=merge)

    def mark_saved(self, state: State, path: Path) -> None:
        """The file at `path` now holds `state`, which may have been changed since."""
        self.path = path
        self._photo = replace(self._photo, notice=None)
        if replace(state, active=self._settled.active) == self._settled:
            self._undo_stack.setClean()
        else:
            self._undo_stack.resetClean()

    def history_bytes(self) -> int:
        """The memory of pixels that only the undo stack holds."""
        seen: set[int] = set()
        self._settled.unique_bytes(seen)
        self._shown.unique_bytes(seen)
        steps = (self._undo_stack.command(i) for i in range(self._undo_stack.count()))
        changes = [step for step in steps if isinstance(step, Change)]
        return sum(state.unique_bytes(seen) for step in changes for state in (step.before, step.after))

    def _arranged(self, layers: tuple[Layer, ...], active: int) -> State:
        return replace(self._settled, layers=layers, active=active)

    def _settle(self, state: State) -> None:
        """Take over a state of the undo stack."""
        self._settled = state
        self._show(state)

    def _show(self, state: State) -> None:
        """Show a state and say what it changed."""
        before, self._shown = self._shown, state
        if before is state:
            return
        kept = {id(tiles) for tiles in (*state.all_tiles, *self._settled.all_tiles)}
        for tiles in before.all_tiles:
            if id(tiles) not in kept:
                tiles.forget()
        changed = difference(before, state, self._size)
        if changed.layers:
            self.layers_changed.emit()
        if changed.pixels:
            self.pixels_changed.emit(changed.pixels)
        if changed.masks:
            self.masks_changed.emit(changed.masks)
        if changed.marks:
            self.instruction_changed.emit()


def _nothing(size: tuple[int, int]) -> Image:
    """A picture of zeros that takes no memory."""
    return np.broadcast_to(np.zeros(4, np.uint8), (size[1], size[0], 4))
