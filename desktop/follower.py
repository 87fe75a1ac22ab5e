"""Follower: flow warp's previews of what is marked, no faster than they can be painted."""

from collections.abc import Callable

from desktop.display import Display
from desktop.document import State
from desktop.session_signals import SessionSignals
from desktop.warp_tier import WarpTier
from engine import Box, DragEdit, EngineError


class Follower:
    """Shows the latest state that it was told of.

    Args:
        warp: makes the previews.
        display: shows them.
        signals: where all else is told.
        request: what a state asks for, or None while there is no drag or after a hint.
    """

    def __init__(
        self,
        warp: WarpTier,
        display: Display,
        signals: SessionSignals,
        request: Callable[[State], DragEdit | None],
    ) -> None:
        self._warp, self._display, self._signals, self._request = warp, display, signals, request
        self.view: tuple[int, Box | None] = 0, None
        self._unseen = False  # the last preview is not painted yet,
        self._behind: State | None = None  # and the marks have come to this state since

    def follow(self, state: State) -> None:
        """Preview a state now, or once the preview before has been seen."""
        if self._unseen:  # a pen may tell of places faster than they can be painted
            self._behind = state
        else:
            self.show(state)

    def seen(self) -> None:
        """What was shown has been painted: if the marks have changed since, show where they are now."""
        self._unseen = False
        if self._behind is not None:
            self.show(self._behind)

    def rest(self) -> None:
        """Nothing moves any more: what has not been previewed shall not be."""
        self._unseen, self._behind = False, None

    def show(self, state: State) -> None:
        """Preview a state at once."""
        self._behind = None
        request = self._request(state)
        if request is None:
            self._display.clear()
            return
        try:
            preview = self._warp.preview(request, *self.view)
        except EngineError as error:
            self._signals.hint.emit(str(error))
            return
        self._signals.planned.emit(request, preview.region)
        self._unseen = True
        self._display.preview(preview, self._warp.title)
