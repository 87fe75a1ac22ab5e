"""SelectTool: quick select. Press or pull over a thing, and it is what moves."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QPointF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from desktop.canvas.viewport import Viewport
from desktop.document import Document, Tiles
from desktop.tools.brush_options import BrushOptions
from desktop.tools.tool import Pointer
from engine import Mask, Point

_APART = 12.0  # device-independent pixels between two seeds of a stroke


class SelectTool(QObject):
    """Adds what is found to the subject, or takes it away, as the brush's options say.

    Args:
        document: asked for the open document at every gesture.
        find: what stands at these points of the document, (h, w) uint8, or None after a hint to the user.
        options: whether it adds or takes away.
        begun: what is corrected where nothing is painted; None for nothing.
    """

    changed = Signal()
    hint = Signal(str)
    cursor = Qt.CursorShape.PointingHandCursor

    def __init__(
        self,
        document: Callable[[], Document],
        find: Callable[[tuple[Point, ...]], Mask | None],
        options: BrushOptions,
        begun: Callable[[], Tiles | None] = lambda: None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._find, self._options, self._begun = document, find, options, begun
        self._seeds: list[Point] = []
        self._subtract = False

    def press(self, pointer: Pointer) -> None:
        self._subtract = self._options.erases(pointer)
        self._seeds = [pointer.at]
        self.changed.emit()

    def move(self, pointer: Pointer) -> None:
        if not self._seeds:
            return
        last = self._seeds[-1]
        if pointer.view.zoom * abs(complex(pointer.at.x - last.x, pointer.at.y - last.y)) >= _APART:
            self._seeds.append(pointer.at)
            self.changed.emit()

    def release(self, pointer: Pointer) -> None:
        seeds, self._seeds = self._seeds, []
        document = self._document()
        width, height = document.size
        inside = tuple(p for p in seeds if 0 <= p.x < width and 0 <= p.y < height)
        self.changed.emit()
        found = self._find(inside) if inside else None
        if found is None:
            return
        before = document.settled.instruction.subject or self._begun()
        kept = np.zeros_like(found) if before is None else before.array()
        merged = np.minimum(kept, 255 - found) if self._subtract else np.maximum(kept, found)
        tiles = Tiles.from_array(merged) if merged.any() else None
        document.paint_mask("subject", tiles)
        document.commit(self.tr("Select what moves"))

    def hover(self, pointer: Pointer) -> None:
        """Nothing to show."""

    def leave(self) -> None:
        """Nothing to hide."""

    def cancel(self) -> bool:
        there, self._seeds = bool(self._seeds), []
        self.changed.emit()
        return there

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        return False

    def paint_overlay(self, painter: QPainter, view: Viewport) -> None:
        """The stroke so far."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pen in (QPen(QColor(0, 0, 0, 160), 6), QPen(QColor("#ffb000"), 3)):
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawPolyline([QPointF(*view.to_widget(*seed)) for seed in self._seeds])
