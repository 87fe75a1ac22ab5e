"""Results: what is finished of the states of a document: which picture is shown, and which could be."""

from desktop.assess import told_ways
from desktop.display import Display
from desktop.document import State
from desktop.keeping import Finished, Tier
from desktop.made import Made
from desktop.session_signals import SessionSignals
from engine import DragEdit

_RANKS: tuple[Tier, ...] = ("warp", "fast", "refined")


class Results:
    """Shows the best picture there is; of those made on demand, the one made or chosen last.

    Args:
        display: shows it.
        signals: where all is told.
    """

    def __init__(self, display: Display, signals: SessionSignals) -> None:
        self._display, self._signals = display, signals
        self._made = Made()
        self.shown: Finished | None = None  # if it is finished

    def of(self, state: State | None) -> Finished | None:
        """What is finished and shown, if it is of `state`."""
        return self.shown if self.shown is not None and self.shown.state is state else None

    def settle(self, state: State, request: DragEdit, *, anew: bool) -> Finished | None:
        """What there is of a state to which the document has come: what is shown, or was made on demand.

        Args:
            anew: it shall be made anew; nothing that there is counts.
        """
        self.shown = None if anew else self.of(state)
        self._offer(state)
        return self.shown or (None if anew else self._made.of(state, request))

    def leave(self) -> None:
        """The document has come to a state without drags."""
        self.shown = None
        self._signals.offered.emit((), False)

    def remember(self, finished: Finished) -> None:
        """Take note of a picture that was made on demand."""
        self._made.add(finished)

    def choose(self, state: State, number: int) -> None:
        """Let another one of those made on demand of `state`, by its index, be the one to show."""
        self._made.choose(state, number)
        self.shown = None

    def accept(self, finished: Finished) -> None:
        """Show a finished picture, unless a better one is shown."""
        if self.shown and _RANKS.index(self.shown.tier) > _RANKS.index(finished.tier):
            return
        self.shown = finished
        self._display.finished(finished)
        self._signals.finished.emit(finished.result)
        self._offer(finished.state)
        told = told_ways(finished.request, finished.result, refined=finished.tier == "refined")
        if told:
            self._signals.hint.emit(told)

    def clear(self) -> None:
        """Forget all; before another document is followed."""
        self._made.clear()
        self.shown = None

    def _offer(self, state: State) -> None:
        """Tell which pictures were made on demand of `state`, and whether one of them is shown."""
        shown = self.shown is not None and self.shown.tier == "refined"
        self._signals.offered.emit(self._made.candidates(state), shown)
