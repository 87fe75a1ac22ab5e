"""WarpTier: flow warp in the window's own process. It needs no network and answers at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, SignalInstance
from shiboken6 import isValid

from desktop.document import State
from desktop.keeping import Finished
from engine import (
    METHODS,
    Box,
    Cancelled,
    DragEdit,
    Engine,
    EngineError,
    Preview,
    Progress,
    Value,
    WarpPreview,
)

METHOD = "flow_warp"


@dataclass(eq=False)
class _Order:
    """A picture to be made, and what has come of it.

    Args:
        dropped: nobody wants it any more; read by the thread that makes it.
    """

    state: State
    request: DragEdit
    dropped: bool = False
    made: Finished | EngineError | None = None


class WarpTier(QObject):
    """Previews at once, and makes finished pictures in a thread.

    Args:
        engine: makes the pictures.
    """

    finished = Signal(object)  # Finished
    failed = Signal(object, str)  # State, a sentence
    _ended = Signal(object)  # _Order

    def __init__(self, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self.set_settings({})
        self.title = METHODS[METHOD].title
        self._preview = WarpPreview()
        self._order: _Order | None = None  # the one of which is told
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        # A pool waits for its thread when it goes; inside of Qt that thread would wait for Python for ever.
        self.destroyed.connect(partial(_drain, self._pool))
        self._ended.connect(self._take)

    def set_settings(self, chosen: Mapping[str, Value]) -> None:
        """Raises: InvalidRequest: a value lies outside its range."""
        self._settings = self._engine.settings(METHOD, chosen=chosen)
        self._values = {d.name: getattr(self._settings, d.name) for d in self._settings.declarations()}

    def forget_picture(self) -> None:
        """Let go of what is remembered of a picture."""
        self._preview = WarpPreview()

    def preview(self, request: DragEdit, halvings: int, view: Box | None) -> Preview:
        """What follows the pointer; raises: EngineError: nothing may change."""
        stiffness = self._values["stiffness"]
        return self._preview.show(request, stiffness=stiffness, halvings=halvings, view=view)

    def finish(self, state: State, request: DragEdit) -> None:
        """Make the finished picture in the background, unless it is being made; the latest is told."""
        if self._order is None or self._order.state is not state:
            self.drop()
            self._order = _Order(state, request)
            self._pool.start(_Render(self, self._order, self._ended))

    def wait(self) -> None:
        """Return once the picture that is being made has been told."""
        order = self._order
        if order is not None:
            self._pool.waitForDone()
            self._take(order)

    def make(self, state: State, request: DragEdit, progress: Progress) -> Finished:
        """The finished picture, made in this thread; raises: EngineError, Cancelled."""
        values = self._values
        result = self._engine.edit(METHOD, request, self._settings, progress=progress)
        return Finished(
            state=state,
            request=request,
            result=result,
            provenance={"method": METHOD, **values},
            title=self.title,
            tier="warp",
        )

    def drop(self) -> None:
        """Stop what is being made, and tell nothing of it."""
        if self._order is not None:
            self._order.dropped = True
        self._order = None
        self._pool.clear()

    def stop(self) -> None:
        """Drop it, and wait for its thread; before the window closes."""
        self.drop()
        _drain(self._pool)

    def _take(self, order: _Order) -> None:
        if order is not self._order:
            return
        self._order = None
        if isinstance(order.made, EngineError):
            self.failed.emit(order.state, str(order.made))
        elif order.made is not None:
            self.finished.emit(order.made)


def _drain(pool: QThreadPool, _: object = None) -> None:
    if isValid(pool):  # at the end of the program it may have gone first, and has waited then
        pool.clear()
        pool.waitForDone()


class _Render(QRunnable):
    """Makes one finished picture off the window's thread."""

    def __init__(self, tier: WarpTier, order: _Order, ended: SignalInstance) -> None:
        super().__init__()
        self._tier, self._order, self._ended = tier, order, ended

    def run(self) -> None:
        order = self._order
        progress = Progress(is_cancelled=lambda: order.dropped)
        try:
            order.made = self._tier.make(order.state, order.request, progress)
        except Cancelled:
            return
        except EngineError as error:
            order.made = error
        if isValid(self._tier):
            self._ended.emit(order)
