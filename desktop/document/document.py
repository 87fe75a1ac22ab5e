"""Document: one picture, what the user has marked in it, and its undo stack."""

from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from engine import DragEdit, Image, Mask, Motion, Photo, Point, PointPair, Subject


@dataclass(frozen=True, kw_only=True, eq=False)
class Instruction:
    """What the user has marked; as in `DragEdit`, but possibly still without a drag."""

    points: tuple[PointPair, ...] = ()
    pins: tuple[Point, ...] = ()
    mask: Mask | None = None
    subject: Subject | None = None
    motion: Motion = "deform"


class Document(QObject):
    """A photo under edit. Every change is a command on `undo_stack`; arrays are shared, never written.

    Args:
        photo: the opened file.
        path: where it came from, or None.
    """

    pixels_changed = Signal()
    instruction_changed = Signal()

    def __init__(self, photo: Photo, path: Path | None, instruction: Instruction | None = None) -> None:
        super().__init__()
        self._photo = photo
        self.path = path
        self._instruction = instruction or Instruction()
        self.undo_stack = QUndoStack(self)

    @property
    def photo(self) -> Photo:
        """The picture as it is now, with its file's metadata."""
        return self._photo

    @property
    def instruction(self) -> Instruction:
        return self._instruction

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self._photo.pixels.shape[1], self._photo.pixels.shape[0]

    def request(self, instruction: Instruction | None = None) -> DragEdit | None:
        """The frozen copy of what is marked (or of `instruction`), or None while there is no drag.

        Raises:
            InvalidRequest: the drags contradict each other.
        """
        marked = instruction or self._instruction
        if not marked.points:
            return None
        return DragEdit(
            image=self._photo.pixels,
            profile=self._photo.profile,
            mask=marked.mask,
            subject=marked.subject,
            points=marked.points,
            pins=marked.pins,
            motion=marked.motion,
        )

    def mark(self, instruction: Instruction, title: str) -> None:
        """Change what is marked, as one step of undo."""
        self.undo_stack.push(_Change(self, self._photo, instruction, title))

    def keep(self, pixels: Image, title: str) -> None:
        """Make a finished edit the picture, as one step of undo; its drags are done with."""
        done = replace(self._instruction, points=(), pins=(), mask=None, subject=None)
        self.undo_stack.push(_Change(self, self._photo.with_pixels(pixels), done, title))

    def show(self, photo: Photo, instruction: Instruction) -> None:
        """Take over a state of the undo stack; for its commands alone."""
        changed = photo is not self._photo
        self._photo, self._instruction = photo, instruction
        if changed:
            self.pixels_changed.emit()
        self.instruction_changed.emit()


class _Change(QUndoCommand):
    """From one state of the document to the next; both share what they have in common."""

    def __init__(self, document: Document, photo: Photo, instruction: Instruction, title: str) -> None:
        super().__init__(title)
        self._document = document
        self._before = document.photo, document.instruction
        self._after = photo, instruction

    def redo(self) -> None:
        self._document.show(*self._after)

    def undo(self) -> None:
        self._document.show(*self._before)
