"""BeforeKey: while Y is held, the canvas shows the document as it is before the pending drags."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

from desktop.workspace import Workspace


class BeforeKey(QObject):
    """Where the focus or the window changes, the key counts as let go: its release may never come.

    Args:
        workspace: shows what was before.
        window: whose key it is, where no other widget wants it.
    """

    def __init__(self, workspace: Workspace, window: QWidget) -> None:
        super().__init__(workspace)
        self._workspace = workspace
        self._held = False
        window.installEventFilter(self)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._focus_changed)

    def let_go(self) -> None:
        """Show what is now."""
        self._hold(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.WindowDeactivate:
            self.let_go()
        if not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Y or event.isAutoRepeat():
            return False
        if event.type() == QEvent.Type.KeyPress and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self._hold(True)  # with others it is a command's, which may have nothing to do
        elif event.type() == QEvent.Type.KeyRelease:
            self.let_go()
        else:
            return False
        return True

    def _focus_changed(self, _old: QWidget | None, _new: QWidget | None) -> None:
        self.let_go()

    def _hold(self, held: bool) -> None:
        if held != self._held:
            self._held = held
            self._workspace.canvas.set_preview_hidden(held)
            self._workspace.badge.set_before(held)
