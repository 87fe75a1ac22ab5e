"""Display: tells the canvas and the badge which picture lies over the document."""

import numpy as np

from desktop.keeping import Finished, Shown
from desktop.session_signals import SessionSignals
from engine import Box, Engine, Image, Preview


class Display:
    """Shows one picture at a time.

    Args:
        engine: plans where a picture has changed.
        signals: where all is told.
    """

    def __init__(self, engine: Engine, signals: SessionSignals) -> None:
        self._engine, self._signals = engine, signals
        self.title = ""  # of what runs on demand,
        self._passing = False  # and whether a picture of it on its way is shown

    def preview(self, preview: Preview, title: str) -> None:
        """What follows the pointer."""
        self._passing = False
        self._signals.shown.emit(preview.image, preview.box, preview.halvings)
        self._signals.described.emit(Shown("warp", title, "preview"))

    def finished(self, finished: Finished) -> None:
        """A finished picture."""
        self._passing = False
        answer = finished.result
        crop = self._engine.plan(finished.request).crop
        self._signals.shown.emit(np.ascontiguousarray(answer.image[crop.slices]), crop, 0)
        made = "partial" if answer.partial else "finished"
        self._signals.described.emit(Shown(finished.tier, finished.title, made))

    def passing(self, image: Image, box: Box) -> None:
        """What an edit on demand has come to so far."""
        self._passing = True
        self._signals.shown.emit(image, box, 0)
        self._signals.described.emit(Shown("refined", self.title, "preview"))

    def run_changed(self, title: str, finished: Finished | None) -> None:
        """An edit on demand runs, or with no title has ended: what was finished before it is shown again."""
        self.title = title
        self._signals.running.emit(title)
        if not title:
            self._signals.tracked.emit(())
            self.withdraw(finished)

    def withdraw(self, finished: Finished | None) -> bool:
        """Show what was finished instead of a picture on its way; returns whether such a one was shown."""
        passing, self._passing = self._passing, False
        if passing and finished is not None:
            self.finished(finished)
        return passing

    def clear(self) -> None:
        """The document itself."""
        self._passing = False
        self._signals.cleared.emit()
        self._signals.described.emit(Shown(None))
