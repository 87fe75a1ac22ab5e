"""BrushTool: paints what may change, what is protected, or what moves."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QPainter

from desktop.canvas.overlay import paint_brush
from desktop.canvas.viewport import Viewport
from desktop.document import Document, Tiles, TilesEditor
from desktop.document.document import MaskName
from desktop.tools.brush import Brush, Stroke
from desktop.tools.tool import Pointer
from engine import Point

_SIZE_STEP, _HARDNESS_STEP = 1.25, 0.1
_ALT, _SHIFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier


class BrushTool(QObject):
    """Right button, Alt or the pen's eraser end take away; Shift and a pull set size and hardness.

    Args:
        document: asked for the open document at every gesture.
        mask: which of its masks is painted.
    """

    changed = Signal()  # the brush or its place
    hint = Signal(str)
    cursor = Qt.CursorShape.BlankCursor  # the brush's own outline is drawn instead

    def __init__(
        self, document: Callable[[], Document], mask: MaskName, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._document = document
        self.mask: MaskName = mask
        self.brush = Brush()
        self._stroke: Stroke | None = None
        self._editor: TilesEditor | None = None
        self._sizing: tuple[Pointer, Brush] | None = None
        self._at: Point | None = None
        self._subtract = False

    def set_brush(self, brush: Brush) -> None:
        self.brush = brush
        self.changed.emit()

    def press(self, pointer: Pointer) -> None:
        self._at = pointer.at
        if pointer.holds(_SHIFT) and pointer.device == "mouse":
            self._sizing = pointer, self.brush
            return
        document = self._document()
        before: Tiles | None = getattr(document.settled.instruction, self.mask)
        self._subtract = pointer.secondary or pointer.holds(_ALT)
        self._editor = TilesEditor(before or Tiles.blank(document.size, 1))
        self._stroke = Stroke(self._editor, self.brush, subtract=self._subtract)
        self._draw(pointer)

    def move(self, pointer: Pointer) -> None:
        if self._sizing is not None:
            start, brush = self._sizing
            dx = (pointer.at.x - start.at.x) * 2
            dy = (start.at.y - pointer.at.y) * pointer.view.zoom / 200
            self.set_brush(Brush(max(brush.size + dx, 1.0), brush.hardness).resized(1).hardened(dy))
            return
        self._at = pointer.at
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
        self._at, self._subtract = pointer.at, pointer.secondary or pointer.holds(_ALT)
        self.changed.emit()

    def leave(self) -> None:
        self._at = None
        self.changed.emit()

    def cancel(self) -> bool:
        if self._stroke is None:
            return False
        self._stroke = self._editor = None
        self._document().revert()
        return True

    def key(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> bool:
        smaller = key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BraceLeft)
        if not smaller and key not in (Qt.Key.Key_BracketRight, Qt.Key.Key_BraceRight):
            return False
        if modifiers & _SHIFT:
            self.set_brush(self.brush.hardened(-_HARDNESS_STEP if smaller else _HARDNESS_STEP))
        else:
            self.set_brush(self.brush.resized(1 / _SIZE_STEP if smaller else _SIZE_STEP))
        return True

    def paint_overlay(self, painter: QPainter, view: Viewport) -> None:
        """The brush's own outline."""
        at = self._sizing[0].at if self._sizing is not None else self._at
        if at is not None:
            paint_brush(painter, view, at, self.brush.size, self.brush.hardness, subtract=self._subtract)

    def _draw(self, pointer: Pointer) -> None:
        if self._stroke is not None and self._editor is not None:
            self._stroke.to(pointer.at, pointer.pressure)
            self._document().paint_mask(self.mask, self._editor.frozen())
