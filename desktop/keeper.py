"""Keeper: makes finished pictures layers, and awaits the one that flow warp is still making."""

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Signal
from PySide6.QtGui import QMouseEvent, QTabletEvent
from PySide6.QtWidgets import QMainWindow

from desktop.document import Document, State
from desktop.keeping import Finished, kept
from desktop.requests import Requests
from desktop.warp_tier import WarpTier
from engine import DragEdit, Engine

_ACTS = (
    QEvent.Type.KeyPress,
    QEvent.Type.ShortcutOverride,  # before a shortcut
    QEvent.Type.TouchBegin,
    QEvent.Type.Drop,
)
_HOVERS = QEvent.Type.MouseMove, QEvent.Type.TabletMove


class Keeper(QObject):
    """While it awaits a picture the window stays alive; but before the user does anything, it waits for it.

    Args:
        engine: plans where the picture has changed.
        warp: makes the picture.
    """

    changed = Signal(bool)  # whether a picture is awaited
    hint = Signal(str)

    def __init__(self, engine: Engine, warp: WarpTier, parent: QObject) -> None:
        super().__init__(parent)
        self._engine, self._warp = engine, warp
        self._document: Document | None = None
        self._requests: Requests | None = None
        self._awaited: State | None = None

    def set_document(self, document: Document | None, requests: Requests | None) -> None:
        """Keep pictures in another document; what was awaited is let go."""
        self.drop()
        self._document, self._requests = document, requests

    @property
    def awaited(self) -> State | None:
        """The settled state whose picture is to be kept as soon as there is one."""
        return self._awaited

    def keep(self, finished: Finished) -> None:
        """Make a finished picture a layer above its source."""
        assert self._document is not None and self._requests is not None
        self.drop()
        after = kept(self._engine, self._document, finished, self.tr("Drag"))
        self._document.change(after, self.tr("Keep the drag"))
        self._requests.remember(after, finished.result.image)  # drawn anew it would be the same

    def begin(self, state: State, request: DragEdit) -> None:
        """Await the picture of the settled state; whoever takes it from flow warp shall call `keep`."""
        assert self._document is not None
        self._warp.finish(state, request)
        self._awaited = state
        application = QCoreApplication.instance()
        assert application is not None
        application.installEventFilter(self)
        self.changed.emit(True)
        if self._document.state is not state:  # the hand is at the next drag already
            self.end()

    def end(self) -> None:
        """Return once what is awaited has been kept, or refused."""
        if self._awaited is not None:
            self._warp.wait()
            self.drop()

    def settle(self, state: State | None) -> None:
        """The document has come to a state, by nobody's hand; what is awaited of another is let go."""
        if self._awaited is not None and state is not self._awaited:
            self.drop()
            self.hint.emit(self.tr("The drag was not kept; press Enter again."))

    def drop(self) -> None:
        """Await nothing any more."""
        if self._awaited is not None:
            self._awaited = None
            application = QCoreApplication.instance()
            assert application is not None
            application.removeEventFilter(self)
            self.changed.emit(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Everything the user does is done to the document with its new layer."""
        if event.type() in _ACTS or _is_held(event) or _closes(watched, event):
            self.end()
        return False


def _closes(watched: QObject, event: QEvent) -> bool:
    """Whether the document's window is closed; hints and menus come and go."""
    return event.type() == QEvent.Type.Close and isinstance(watched, QMainWindow)


def _is_held(event: QEvent) -> bool:
    """Whether a button or a pen is pressed, released, or moved while it is down."""
    if not isinstance(event, QMouseEvent | QTabletEvent):
        return False
    return event.type() not in _HOVERS or bool(event.buttons())
