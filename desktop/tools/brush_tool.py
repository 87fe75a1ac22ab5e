"""BrushTool: paints what may change, what is protected, or what moves."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QPainter

from desktop.canvas.overlay import paint_brush
from desktop.canvas.viewport import Viewport
from desktop.document import Document, Tiles, TilesEditor
from desktop.document.document import MaskName
from desktop.tools.brush import LEAST_SIZE, Brush, Stroke
from desktop.tools.brush_options import BrushOptions
from desktop.tools.tool import Pointer

_SIZE_STEP, _HARDNESS_STEP = 1.25, 0.1
_SHIFT = Qt.KeyboardModifier.ShiftModifier


class BrushTool(QObject):
    """Adds or takes away as its options say; Shift and a pull set size and hardness.

    Args:
        document: asked for the open document at every gesture.
        mask: which of its masks is painted.
        options: the brush.
        begun: what a mask that nothing is painted on begins with; None for nothing.
    """

    changed = Signal()  # the brush's place
    hint = Signal(str)
    cursor = Qt.CursorShape.BlankCursor  # the brush's own outline is drawn instead

    def __init__(
        self,
        document: Callable[[], Document],
        mask: MaskName,
        options: BrushOptions,
        begun: Callable[[], Tiles | None] = lambda: None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document = document
        self.mask: MaskName = mask
        self._options, self._begun = options, begun
        self._stroke: Stroke | None = None
        self._editor: TilesEditor | None = None
        self._sizing: tuple[Pointer, Brush] | None = None
        self._pointer: Pointer | None = None
        self._subtract = False  # of the stroke

    def press(self, pointer: Pointer) -> None:
        self._pointer = pointer
        if pointer.holds(_SHIFT) and pointer.device == "mouse":
            self._sizing = pointer, self._options.brush
            return
        document = self._document()
        before: Tiles | None = getattr(document.settled.instruction, self.mask) or self._begun()
        self._subtract = self._options.erases(pointer)
        self._editor = TilesEditor(before or Tiles.blank(document.size, 1))
        self._stroke = Stroke(self._editor, self._options.brush, subtract=self._subtract)
        self._draw(pointer)

    def move(self, pointer: Pointer) -> None:
        if self._sizing is not None:
            start, brush = self._sizing
            dx = (pointer.at.x - start.at.x) * 2
            dy = (start.at.y - pointer.at.y) * pointer.view.zoom / 200
            resized = Brush(max(brush.size + dx, LEAST_SIZE), brush.hardness).resized(1)
            self._options.set_brush(resized.hardened(dy))
            return
        self._pointer = pointer
        self._draw(pointer)

    def release(self, pointer: Pointer) -> None:
        if self._sizing is not None:
            self._sizing = None
        elif self._stroke is not None:
            self._stroke = self._editor = None
            title = self.tr("Erase from the mask") if self._subtract else self.tr("Paint the mask")
            document = self._document()
            painted: Tiles | None = getattr(document.instruction, self.mask)
            if painted is not None and painted.empty:
                document.paint_mask(self.mask, None)
            document.commit(title)
        self.changed.emit()

    def hover(self, pointer: Pointer) -> None:
        self._pointer = pointer
        self.changed.emit()

    def leave(self) -> None:
        self._pointer = None
        self.changed.emit()

    def cancel(self) -> bool:
        if self._sizing is not None:
            (_, brush), self._sizing = self._sizing, None
            self._options.set_brush(brush)
            return True
        if self._stroke is None:
            return False
        self._stroke = self._editor = None
        self._document().revert()
        return True

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        smaller = key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BraceLeft)
        if not smaller and key not in (Qt.Key.Key_BracketRight, Qt.Key.Key_BraceRight):
            return False
        brush = self._options.brush
        if modifiers & _SHIFT:
            self._options.set_brush(brush.hardened(-_HARDNESS_STEP if smaller else _HARDNESS_STEP))
        else:
            self._options.set_brush(brush.resized(1 / _SIZE_STEP if smaller else _SIZE_STEP))
        return True

    def paint_overlay(self, painter: QPainter, view: Viewport) -> None:
        """The brush's own outline."""
        pointer = self._sizing[0] if self._sizing is not None else self._pointer
        if pointer is None:
            return
        brush, painting = self._options.brush, self._stroke is not None
        subtract = self._subtract if painting else self._options.erases(pointer)
        paint_brush(painter, view, pointer.at, brush.size, brush.hardness, subtract=subtract)

    def _draw(self, pointer: Pointer) -> None:
        if self._stroke is not None and self._editor is not None:
            self._stroke.to(pointer.at, pointer.pressure)
            self._document().paint_mask(self.mask, self._editor.frozen())
