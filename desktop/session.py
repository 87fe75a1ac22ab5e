"""EditSession: what is marked in the document → a preview under the pointer → a finished edit → a layer.

Three tiers make pictures: flow warp at every move, a fast method when the pointer rests, any on demand.
"""

from collections.abc import Mapping

from PySide6.QtCore import QObject

from desktop.assess import told_held
from desktop.display import Display
from desktop.document import Document, State, Tiles
from desktop.engine_tier import Choice, EngineTier
from desktop.follower import Follower
from desktop.keeper import Keeper
from desktop.keeping import Finished, Shown
from desktop.requests import Requests
from desktop.results import Results
from desktop.session_signals import SessionSignals
from desktop.subject_tier import SubjectTier
from desktop.warp_tier import WarpTier
from desktop.worker import EngineWorker
from engine import Box, DragEdit, Engine, EngineError, Image, Mask, Point, Value


class EditSession(SessionSignals):
    """Follows one document.

    While a gesture lasts (the document shows a state that is not settled) every change is previewed at once;
    when it has ended, the finished picture is made in the background, and the last preview stays until then.

    Args:
        engine: makes the pictures of flow warp, in this process.
        worker: runs all other methods.
    """

    def __init__(self, engine: Engine, worker: EngineWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._document: Document | None = None
        self._requests: Requests | None = None
        self._display = Display(engine, self)
        self._results = Results(self._display, self)
        self.warp = WarpTier(engine, self)
        self.warp.finished.connect(self._take)
        self.warp.failed.connect(self._refuse)
        self._follower = Follower(self.warp, self._display, self, self._request)
        self.keeper = Keeper(engine, self.warp, self)
        self.keeper.hint.connect(self.hint)
        self._subjects = SubjectTier(worker, self)
        self._subjects.found.connect(self._subject_found)
        self._subjects.failed.connect(self.hint)
        self.engine_tier = tier = EngineTier(worker, self)
        tier.paused.connect(self._run_fast)
        tier.finished.connect(self._take)
        tier.failed.connect(self.hint)
        tier.previewed.connect(self._preview_edit)
        tier.handles.connect(lambda state, at: self.tracked.emit(at if state is self._shown_state else ()))
        tier.stepped.connect(self.stepped)
        tier.running.connect(lambda title: self._display.run_changed(title, self._results.shown))

    def set_document(self, document: Document | None) -> None:
        """Follow another document."""
        if self._document is not None:
            self._document.instruction_changed.disconnect(self._marked)
            self._document.undo_stack.indexChanged.disconnect(self._settled)
            self._document.activated.disconnect(self._marked)
        self._document = document
        self._results.clear()
        self.engine_tier.abandon()
        self._subjects.drop()
        self.warp.forget_picture()
        self._requests = None if document is None else Requests(self._engine, document)
        self.keeper.set_document(document, self._requests)
        if document is not None:
            document.instruction_changed.connect(self._marked)
            document.undo_stack.indexChanged.connect(self._settled)
            document.activated.connect(self._marked)
        self._settled()

    def set_settings(self, chosen: Mapping[str, Value]) -> None:
        """Take over settings of flow warp, and render anew."""
        self.warp.set_settings(chosen)
        self._settled(anew=True)

    def choose_fast(self, choice: Choice | None) -> None:
        """Run this method when the pointer pauses; None for flow warp alone."""
        if choice != self.engine_tier.fast:
            self._subjects.change(self.engine_tier.fast, choice, self._requests)
            self.engine_tier.choose_fast(choice)
            self._settled(anew=True)

    def set_view(self, halvings: int, view: Box | None) -> None:
        """Preview the picture halved so many times, as large as it is seen; and no more than is in view."""
        self._follower.view = halvings, view
        state = self._shown_state
        if state is not None and state is not self._state():
            self._follower.follow(state)

    @property
    def busy(self) -> bool:
        """Whether a finished picture is being made."""
        return self._results.shown is None and self._request(self._state()) is not None

    @property
    def resting(self) -> bool:
        """Whether no gesture goes on."""
        return self._shown_state is self._state()

    def request(self) -> DragEdit | None:
        """What the settled document asks for, or None while there is no drag."""
        return self._request(self._state())

    def stop(self) -> None:
        """Let go of what is being made, and wait for its thread; before the window closes."""
        self._subjects.drop()
        self.engine_tier.drop_fast()
        self.warp.stop()

    def refine(self, choice: Choice) -> bool:
        """Run a method on the settled drags; returns whether there were any."""
        state = self._state()
        request, made = self._request(state), self._results.of(state)
        if state is None or request is None:
            return False
        if made is not None and made.tier == "refined":
            request = made.request  # perhaps with a subject that is not known any more
        self.engine_tier.refine(choice, state, request)
        if held := told_held(request):
            self.hint.emit(held)
        return True

    def show_result(self, number: int | None) -> None:
        """Show another picture that was made on demand of the settled drags, or what is made without.

        Args:
            number: its index among those that were `offered`; None for what is made without.
        """
        state = self._state()
        if state is not None and number is not None:
            self._results.choose(state, number)
        self._settled(anew=number is None)

    def keep(self) -> bool:
        """Make the finished picture a layer above its source, once there is one; → whether there will be."""
        state = self._state()
        request, made = self._request(state), self._results.of(state)
        if state is None or request is None:
            return False
        running, passing = self._display.title, self._display.withdraw(made)
        if made is not None:
            self.keeper.keep(made)
        elif self.keeper.awaited is not state:
            self.engine_tier.drop_fast()  # what is kept is what was shown: flow warp
            if passing:
                self._follower.show(state)
            self.described.emit(Shown("warp", self.warp.title, "awaited"))
            self.keeper.begin(state, request)
        if passing:
            told = self.tr("{kept} is kept; {title} goes on.")
            self.hint.emit(told.format(kept=made.title if made else self.warp.title, title=running))
        return True

    def find_subject(self, seeds: tuple[Point, ...]) -> Mask | None:
        """What probably stands at these points of the document, (h, w) uint8, or None after a hint."""
        state, requests = self._state(), self._requests
        if requests is None or state is None:
            return None
        try:
            return self._engine.find_subject(requests.around(state, seeds))
        except EngineError as error:
            self.hint.emit(str(error))
            return None

    def found_subject(self) -> Tiles | None:
        """What a network found to move, while nothing is painted: what a brush corrects."""
        state, requests = self._state(), self._requests
        return None if requests is None or state is None else requests.found(state)

    def _marked(self) -> None:
        """The marks have changed: preview them while a gesture lasts."""
        if self._document is None:
            return
        if self._document.state is self._document.settled:
            self._settled()
            return
        self.warp.drop()
        self.engine_tier.moved()
        self._results.shown = None
        self._follower.follow(self._document.state)

    def seen(self) -> None:
        """What was shown has been painted, and the next may come."""
        self.engine_tier.preview_painted()
        self._follower.seen()

    def _run_fast(self) -> None:
        """The pointer rests, or a gesture has ended: make what is not made yet."""
        state, tier = self._shown_state, self.engine_tier
        made = self._results.of(state)
        if self.keeper.awaited is not None or tier.refining or (made and made.tier == "refined"):
            return
        request = self._request(state)
        if state is None or request is None or self._requests is None:
            return
        if self._subjects.seek(tier.fast, state, self._requests, exactly=state is self._state()):
            tier.drop_fast()  # it went by what was known before
        elif made is None or made.tier == "warp":
            tier.run_fast(state, request)

    def _subject_found(self, is_other: bool) -> None:
        """What follows the pointer from now on is what was found; made anew is what went by another."""
        state, made = self._shown_state, self._results.shown
        if state is None or self.keeper.awaited is not None:  # what was shown is kept
            return
        if state is not self._state():
            self._follower.follow(state)
            self.engine_tier.moved()
        elif is_other and (made is None or made.tier != "refined"):
            self._settled(anew=True)
        else:
            self._run_fast()

    def _settled(self, *, anew: bool = False) -> None:
        """A gesture has ended, or undo has moved: make the finished picture.

        Args:
            anew: though there is one; what was made on demand is not shown again either.
        """
        self._follower.rest()
        state = self._state()
        self.keeper.settle(state)
        if self.keeper.awaited is not None:  # it is being made, and is kept as it was shown
            return
        self.warp.drop()
        request = self._request(state)
        if state is None or request is None:
            self.engine_tier.drop_fast()
            self._results.leave()
            self._display.clear()
            self.planned.emit(None, None)
            return
        made = self._results.settle(state, request, anew=anew)
        asked = request if made is None else made.request  # with what was moved at that time
        try:
            self.planned.emit(asked, self._engine.plan(asked))
        except EngineError as error:
            self._refuse(state, str(error))
            return
        if made is not None and made is not self._results.shown:
            self._results.accept(made)
        elif made is None:
            self._follower.show(state)  # until it is finished; what was shown is not what would be kept
            self.warp.finish(state, request)
        self._run_fast()

    def _take(self, finished: Finished) -> None:
        """Show a finished picture if it is of what is marked now, and none better is shown; or keep it."""
        if finished.tier == "refined":
            self._results.remember(finished)
        awaited = self.keeper.awaited
        if awaited is finished.state and finished.tier == "warp":
            self.keeper.keep(finished)
        elif finished.state is not self._shown_state or awaited is not None:
            if finished.tier == "refined":
                told = self.tr("{title} is done; undo to what it was made for to see it.")
                self.hint.emit(told.format(title=finished.title))
        else:
            self._results.accept(finished)

    def _preview_edit(self, state: State, image: Image, box: Box) -> None:
        """An edit on demand has come so far."""
        if state is self._shown_state and self.keeper.awaited is None:
            self._display.passing(image, box)
        else:
            self.engine_tier.preview_painted()

    def _refuse(self, state: State, sentence: str) -> None:
        self.keeper.drop()
        if state is self._state():
            self._display.clear()
            self.hint.emit(sentence)

    @property
    def _shown_state(self) -> State | None:
        return None if self._document is None else self._document.state

    def _state(self) -> State | None:
        return None if self._document is None else self._document.settled

    def _request(self, state: State | None) -> DragEdit | None:
        """What `state` asks for, or None while there is no drag or after a hint."""
        if state is None or self._requests is None:
            return None
        try:
            return self._requests.of(state)
        except EngineError as error:
            self.hint.emit(str(error))
            return None
