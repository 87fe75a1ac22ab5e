"""DragTool: press on the picture and pull. Handles, targets and pins stay editable for ever."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QPainter

from desktop.canvas.markers import Kind, Marker, hit
from desktop.canvas.viewport import Viewport
from desktop.document import Document, Instruction
from desktop.tools.tool import Pointer
from engine import Point, PointPair

_LEAST_PULL = 3.0  # device-independent pixels; less is a click, not a drag
_STEP, _LONG_STEP = 1.0, 10.0  # picture pixels of an arrow key, without and with Shift
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_SHIFT, _ALT = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


class DragTool(QObject):
    """Idle → pressed → dragging; Esc walks back one state.

    Args:
        document: asked for the open document at every gesture.
    """

    changed = Signal()  # what is hovered or selected
    hint = Signal(str)
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, document: Callable[[], Document], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._selected: frozenset[Marker] = frozenset()
        self._hovered: Marker | None = None
        self._pressed: Pointer | None = None
        self._held: Marker | None = None  # what was pressed, if it was a marker
        self._dragging = False

    @property
    def selected(self) -> frozenset[Marker]:
        return self._selected

    @property
    def hovered(self) -> Marker | None:
        return self._hovered

    def press(self, pointer: Pointer) -> None:
        marker = self._marker(pointer)
        if marker is not None and (pointer.secondary or pointer.holds(_ALT)):
            self._delete({marker})
        elif not pointer.secondary and self._refused():
            return
        elif marker is None and pointer.double:
            self.add_pin(pointer.at)
        elif not pointer.secondary:
            self._pressed, self._held, self._dragging = pointer, marker, False
            self._select(marker, add=pointer.holds(_SHIFT))

    def add_pin(self, at: Point) -> None:
        """Pin a place of the picture, or the nearest of its edge."""
        marked = self._document().instruction
        if not self._refused():
            self._document().mark(replace(marked, pins=(*marked.pins, self._inside(at))), self.tr("Add pin"))

    def add_drag(self, handle: Point, target: Point) -> None:
        """Add a drag whose target is selected, so that keys can move it."""
        marked = self._document().instruction
        pair = PointPair(self._inside(handle), self._inside(target))
        if pair.handle != pair.target and not self._refused():
            self._document().mark(replace(marked, points=(*marked.points, pair)), self.tr("Add drag"))
            self._select(Marker("target", len(marked.points)))

    def _refused(self) -> bool:
        """Say why the active layer cannot be dragged, if so."""
        layer = self._document().active_layer
        if layer.locked:
            self.hint.emit(self.tr("This layer is locked; unlock it in the layers panel to drag it."))
        elif not layer.shown:
            self.hint.emit(self.tr("This layer is hidden; show it in the layers panel to drag it."))
        return layer.locked or not layer.shown

    def move(self, pointer: Pointer) -> None:
        start = self._pressed
        if start is None:
            return
        zoom = pointer.view.zoom
        length = zoom * abs(complex(pointer.at.x - start.at.x, pointer.at.y - start.at.y))
        self._dragging = self._dragging or length >= _LEAST_PULL
        if not self._dragging:
            return
        document = self._document()
        marked = document.settled.instruction
        if self._held is None:
            pair = PointPair(self._inside(start.at), self._inside(pointer.at))
            if pair.handle == pair.target:
                return
            marked = replace(marked, points=(*marked.points, pair))
        else:
            by = pointer.at.x - start.at.x, pointer.at.y - start.at.y
            marked = self._moved(marked, self._selected, by)
        document.preview_state(replace(document.settled, instruction=marked))

    def release(self, pointer: Pointer) -> None:
        self.move(pointer)
        held, dragging = self._held, self._dragging
        self._pressed, self._held, self._dragging = None, None, False
        if not dragging:
            return
        document = self._document()
        if held is None and document.state is not document.settled:  # else it never came into the picture
            self._selected = frozenset({Marker("target", len(document.instruction.points) - 1)})
        document.commit(self.tr("Add drag") if held is None else self.tr("Move markers"))

    def hover(self, pointer: Pointer) -> None:
        marker = self._marker(pointer)
        if marker != self._hovered:
            self._hovered = marker
            self.changed.emit()

    def leave(self) -> None:
        if self._hovered is not None:
            self._hovered = None
            self.changed.emit()

    def cancel(self) -> bool:
        if self._pressed is not None:
            self._pressed, self._held, self._dragging = None, None, False
            self._document().revert()
            return True
        if self._selected:
            self._select(None)
            return True
        return False

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._selected:
            self._delete(self._selected)
        elif key in _ARROWS and self._selected:
            length = _LONG_STEP if modifiers & _SHIFT else _STEP
            dx, dy = _ARROWS[key]
            document = self._document()
            moved = self._moved(document.settled.instruction, self._selected, (dx * length, dy * length))
            document.mark(moved, self.tr("Nudge markers"), merge=("nudge", self._selected))
        elif key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            return self._step(-1 if key == Qt.Key.Key_Backtab else 1)
        else:
            return False
        return True

    def select_all(self) -> None:
        self._selected = frozenset(_all(self._document().instruction))
        self.changed.emit()

    def delete_selected(self) -> None:
        """Delete what is selected, or all drags and pins where nothing is."""
        if self._selected:
            self._delete(self._selected)
        else:
            self.delete_all()

    def delete_all(self) -> None:
        """Delete all drags and pins."""
        self._delete(frozenset(_all(self._document().instruction)))

    def reverse(self) -> None:
        """Let the selected drags (or all) go the other way."""
        document = self._document()
        marked = document.instruction
        chosen = self._pairs() or set(range(len(marked.points)))
        points = tuple(
            PointPair(pair.target, pair.handle) if i in chosen else pair
            for i, pair in enumerate(marked.points)
        )
        document.mark(replace(marked, points=points), self.tr("Reverse drags"))

    def mirror(self) -> None:
        """Add the selected drags (or all) once more, mirrored left to right about the picture's middle."""
        document = self._document()
        marked = document.instruction
        width = document.size[0]
        chosen = self._pairs() or set(range(len(marked.points)))
        new = tuple(
            PointPair(*(Point(width - x, y) for x, y in pair))
            for i, pair in enumerate(marked.points)
            if i in chosen
        )
        handles = {pair.handle for pair in marked.points}
        points = (*marked.points, *(pair for pair in new if pair.handle not in handles))
        document.mark(replace(marked, points=points), self.tr("Mirror drags"))

    def paint_overlay(self, painter: QPainter, view: Viewport) -> None:
        """Nothing: markers are shown whatever the tool is."""

    def forget(self) -> None:
        """Start anew with another document, or after an undo that may have taken markers away."""
        there = set(_all(self._document().instruction))
        self._selected = frozenset(self._selected & there)
        self._hovered = None
        self.changed.emit()

    def _marker(self, pointer: Pointer) -> Marker | None:
        marked = self._document().instruction
        x, y = pointer.view.to_widget(*pointer.at)
        return hit(pointer.view, marked.points, marked.pins, x, y)

    def _inside(self, at: Point) -> Point:
        width, height = self._document().size
        return Point(min(max(at.x, 0.0), float(width)), min(max(at.y, 0.0), float(height)))

    def _select(self, marker: Marker | None, *, add: bool = False) -> None:
        before = self._selected
        if marker is None:
            self._selected = before if add else frozenset()
        elif add:
            self._selected = before ^ {marker}
        elif marker not in before:
            self._selected = frozenset({marker})
        if self._selected != before:
            self.changed.emit()

    def _step(self, way: int) -> bool:
        """Select the next marker; past the last one the focus may leave the canvas."""
        markers = list(_all(self._document().instruction))
        at = markers.index(next(iter(self._selected))) if len(self._selected) == 1 else None
        index = (0 if way > 0 else len(markers) - 1) if at is None else at + way
        if not 0 <= index < len(markers):
            return False
        self._selected = frozenset({markers[index]})
        self.changed.emit()
        return True

    def _pairs(self) -> set[int]:
        return {marker.index for marker in self._selected if marker.kind != "pin"}

    def _moved(self, marked: Instruction, chosen: frozenset[Marker], by: tuple[float, float]) -> Instruction:
        """`marked` with the chosen markers shifted; a pair whose ends would meet stays as it is."""

        def shifted(point: Point, kind: Kind, index: int) -> Point:
            there = Marker(kind, index) in chosen
            return self._inside(Point(point.x + by[0], point.y + by[1])) if there else point

        points = tuple(
            pair if new.handle == new.target else new
            for pair, new in (
                (pair, PointPair(shifted(pair.handle, "handle", i), shifted(pair.target, "target", i)))
                for i, pair in enumerate(marked.points)
            )
        )
        pins = tuple(shifted(pin, "pin", i) for i, pin in enumerate(marked.pins))
        return replace(marked, points=points, pins=pins)

    def _delete(self, chosen: Iterable[Marker]) -> None:
        """Delete pins, and drags of which any end is chosen."""
        pairs = {marker.index for marker in chosen if marker.kind != "pin"}
        pins = {marker.index for marker in chosen if marker.kind == "pin"}
        document = self._document()
        marked = document.instruction
        left = replace(
            marked,
            points=tuple(pair for i, pair in enumerate(marked.points) if i not in pairs),
            pins=tuple(pin for i, pin in enumerate(marked.pins) if i not in pins),
        )
        self._selected, self._hovered = frozenset(), None
        document.mark(left, self.tr("Delete markers"))


def _all(marked: Instruction) -> Iterable[Marker]:
    for i in range(len(marked.points)):
        yield Marker("handle", i)
        yield Marker("target", i)
    for i in range(len(marked.pins)):
        yield Marker("pin", i)
