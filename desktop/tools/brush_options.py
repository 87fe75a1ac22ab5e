"""BrushOptions: the brush in the hand, one for all masks, and whether it adds or takes away."""

from PySide6.QtCore import QObject, Qt, Signal

from desktop.tools.brush import Brush
from desktop.tools.tool import Pointer


class BrushOptions(QObject):
    """Shared by the tools that paint or select, so that nothing jumps when the user swaps them."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._brush = Brush()
        self._subtract = False

    @property
    def brush(self) -> Brush:
        return self._brush

    def set_brush(self, brush: Brush) -> None:
        if brush != self._brush:
            self._brush = brush
            self.changed.emit()

    @property
    def subtract(self) -> bool:
        return self._subtract

    def erase(self, subtract: bool) -> None:
        """Take away from masks instead of adding, until told otherwise."""
        if subtract != self._subtract:
            self._subtract = subtract
            self.changed.emit()

    def erases(self, pointer: Pointer) -> bool:
        """Whether this pointer takes away: the right button and Alt do the opposite of what is set, the
        eraser end of a pen always erases."""
        opposite = pointer.secondary or pointer.holds(Qt.KeyboardModifier.AltModifier)
        return pointer.eraser or opposite != self._subtract
