"""WarpTier: flow warp in the window's own process. It needs no network and answers at once."""

from collections.abc import Mapping
from functools import partial

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, SignalInstance
from shiboken6 import isValid

from desktop.document import State
from desktop.keeping import Finished
from engine import METHODS, Box, DragEdit, Engine, EngineError, Preview, Value, WarpPreview

METHOD = "flow_warp"


class WarpTier(QObject):
    """Previews at once, and makes finished pictures in a thread.

    Args:
        engine: makes the pictures.
    """

    finished = Signal(object)  # Finished
    failed = Signal(object, str)  # State, a sentence
    _rendered = Signal(int, object)
    _refused = Signal(int, object, str)

    def __init__(self, engine: Engine, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self.set_settings({})
        self.title = METHODS[METHOD].title
        self._preview = WarpPreview()
        self._job = 0
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)
        # A pool waits for its thread when it goes; inside of Qt that thread would wait for Python for ever.
        self.destroyed.connect(partial(_drain, self._pool))
        self._rendered.connect(self._take)
        self._refused.connect(self._refuse)

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
        """Make the finished picture in the background; the latest is told."""
        self.drop()
        self._pool.start(_Render(self, self._job, state, request, self._rendered, self._refused))

    def finish_now(self, state: State, request: DragEdit) -> Finished:
        """Make the finished picture and wait for it; raises: EngineError."""
        values = self._values
        result = self._engine.edit(METHOD, request, self._settings)
        return Finished(
            state=state,
            request=request,
            result=result,
            provenance={"method": METHOD, **values},
            title=self.title,
            tier="warp",
        )

    def drop(self) -> None:
        """Tell nothing of what is being made."""
        self._job += 1
        self._pool.clear()

    def stop(self) -> None:
        """Drop it, and wait for its thread; before the window closes."""
        self.drop()
        _drain(self._pool)

    def _take(self, job: int, finished: Finished) -> None:
        if job == self._job:
            self.finished.emit(finished)

    def _refuse(self, job: int, state: State, sentence: str) -> None:
        if job == self._job:
            self.failed.emit(state, sentence)


def _drain(pool: QThreadPool, _: object = None) -> None:
    if isValid(pool):  # at the end of the program it may have gone first, and has waited then
        pool.clear()
        pool.waitForDone()


class _Render(QRunnable):
    """Makes one finished picture off the window's thread."""

    def __init__(
        self,
        tier: WarpTier,
        job: int,
        state: State,
        request: DragEdit,
        rendered: SignalInstance,
        refused: SignalInstance,
    ) -> None:
        super().__init__()
        self._tier, self._job, self._state, self._request = tier, job, state, request
        self._rendered, self._refused = rendered, refused

    def run(self) -> None:
        try:
            finished = self._tier.finish_now(self._state, self._request)
        except EngineError as error:
            if isValid(self._tier):
                self._refused.emit(self._job, self._state, str(error))
            return
        if isValid(self._tier):
            self._rendered.emit(self._job, finished)
