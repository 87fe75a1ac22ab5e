"""Tool: what a tool is to the canvas, and the pointer that the canvas hands to it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter

from desktop.canvas.viewport import Viewport
from engine import Point


@dataclass(frozen=True)
class Pointer:
    """Where a pointer is and how it is held.

    Args:
        at: in picture pixels; also beyond the picture's edges.
        view: by which it was read.
        modifiers: the keys held with it.
        pressure: 0 to 1; 1 for a mouse.
        device: what began the gesture, or hovers.
        secondary: whether the right button or the eraser end of a pen began the gesture.
        eraser: whether it is the eraser end of a pen.
        double: whether this press is the second of a double click.
    """

    at: Point
    view: Viewport
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    pressure: float = 1.0
    device: Literal["mouse", "pen"] = "mouse"
    secondary: bool = False
    eraser: bool = False
    double: bool = False

    def holds(self, key: Qt.KeyboardModifier) -> bool:
        return bool(self.modifiers & key)


class Tool(Protocol):
    """What answers to the pointer. A gesture is a press, moves, and a release or cancel; one at a time."""

    @property
    def cursor(self) -> Qt.CursorShape: ...

    def press(self, pointer: Pointer) -> None: ...

    def move(self, pointer: Pointer) -> None: ...

    def release(self, pointer: Pointer) -> None: ...

    def hover(self, pointer: Pointer) -> None: ...

    def leave(self) -> None:
        """The pointer has left the canvas."""
        ...

    def cancel(self) -> bool:
        """Walk back one state; → whether there was one."""
        ...

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        """→ whether the key was the tool's."""
        ...

    def paint_overlay(self, painter: QPainter, view: Viewport) -> None:
        """Paint what the tool shows over everything, in widget coordinates."""
        ...
