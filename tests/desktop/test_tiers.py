"""Three tiers, one picture: which of them is shown, when each runs, and that late ones never are."""

import threading

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QScrollArea

from desktop.engine_signals import EngineSignals
from desktop.engine_tier import Choice
from desktop.warp_tier import WarpTier
from engine import Box, EditResult, Engine, Offer, Point, Step
from tests.desktop.hands import BY_NAME, flat, grab, press, pull, send, shown_window

START, END = (800, 300), (800, 240)
FAST = Offer("instant_drag", "tiny", "Tiny")


class FakeWorker(EngineSignals):
    """Takes jobs and does nothing by itself."""

    def __init__(self):
        super().__init__()
        self.jobs, self.cancels, self.drops, self.painted_previews = {}, [], [], []

    def submit(self, job):
        self.jobs[len(self.jobs) + 1] = job
        return len(self.jobs)

    def cancel(self, number, *, keep=True):
        self.cancels.append(number)
        if not keep:
            self.drops.append(number)

    def preview_painted(self, number):
        self.painted_previews.append(number)

    def close(self):
        pass

    def answer(self, number, value, *, partial=False, timings=None, way=None):
        """Answer a job with a picture that is plain where it may have changed.

        Args:
            way: what part of their ways the handles went; None where nobody followed them.
        """
        request = self.jobs[number].request
        region = Engine().plan(request)
        image = request.image.copy()
        image[region.crop.slices][region.mask > 0] = (value, 0, value, 255)
        image.flags.writeable = False
        handles = (
            ()
            if way is None
            else tuple(
                Point(*np.add(pair.handle, way * np.subtract(pair.target, pair.handle)))
                for pair in request.points
            )
        )
        result = EditResult(
            image=image, region=region.box, handles=handles, partial=partial, timings=timings or {}
        )
        self.finished.emit(number, result)
        return result

    @property
    def last(self):
        return len(self.jobs)


@pytest.fixture
def worker(qapp):
    return FakeWorker()


def opened_window(qtbot, worker=None):
    shown = shown_window(qtbot, worker)
    with qtbot.waitSignal(shown.filing.worker.opened):
        shown.filing.open_path(BY_NAME["mountain_lake"].picture)
    return shown


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch, worker):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "home"))
    offers = (Offer("flow_warp", None, ""), FAST)
    monkeypatch.setattr(Engine, "offers", lambda self, request: offers)
    monkeypatch.setattr(Engine, "settings", without_pack(Engine.settings))
    shown = opened_window(qtbot, worker)
    shown.session.choose_fast(Choice(method="instant_drag", pack="tiny"))
    return shown


def without_pack(settings):
    return lambda self, method, pack=None, chosen=None: settings(self, method, None, chosen)


def badge(window):
    label = window.workspace.badge
    return label.text() if label.isVisible() else ""


def hold(window, *places):
    """Press at the start and pull through places, without letting go."""
    send(window, QEvent.Type.MouseButtonPress, START)
    for place in places:
        send(window, QEvent.Type.MouseMove, place)
        QApplication.processEvents()


def shown_pictures(window):
    seen = []
    window.session.shown.connect(lambda image, box, halvings: seen.append((image, box, halvings)))
    return seen


def test_the_fast_method_runs_when_the_pointer_rests_and_is_kept_as_it_was_shown(qtbot, window, worker):
    hold(window, (800, 270))
    send(window, QEvent.Type.MouseMove, END)
    assert badge(window) == "Flow warp: preview"
    stopped = len(worker.cancels)
    assert worker.last == stopped, "the pointer has only just come to rest"
    qtbot.waitUntil(lambda: worker.last == stopped + 1)
    job = worker.jobs[worker.last]
    assert job.preview and (job.method, job.pack) == ("instant_drag", "tiny")
    result = worker.answer(worker.last, 200)
    assert badge(window).startswith("InstantDrag")
    send(window, QEvent.Type.MouseButtonRelease, END)
    qtbot.wait(300)
    assert worker.last == stopped + 1, "what was made for this very place is good enough"
    assert badge(window).startswith("InstantDrag")
    press(qtbot, window, Qt.Key.Key_Return)
    assert np.array_equal(flat(window), result.image)
    assert window.document.active_layer.provenance["method"] == "instant_drag"
    assert badge(window) == ""


def test_moving_on_stops_it_and_what_comes_late_is_not_shown(qtbot, window, worker):
    hold(window, END)
    qtbot.waitUntil(lambda: worker.last == 1)
    send(window, QEvent.Type.MouseMove, (830, 240))
    assert worker.cancels == [1]
    seen = shown_pictures(window)
    worker.answer(1, 200)
    assert not seen
    assert badge(window) == "Flow warp: preview"
    qtbot.waitUntil(lambda: worker.last == 2)
    assert worker.jobs[2].request.points[0].target.x == pytest.approx(830, abs=1)


def test_letting_go_runs_it_at_once_and_the_slower_warp_does_not_cover_it(qtbot, window, worker):
    pull(window, START, END)
    assert worker.last == 1
    worker.answer(1, 77)
    qtbot.wait(600)  # the finished flow warp comes meanwhile
    assert badge(window).startswith("InstantDrag")
    assert window.session.keep()
    assert (flat(window) == (77, 0, 77, 255)).all(-1).any()


def test_until_it_has_come_flow_warp_is_shown_and_kept(qtbot, window, worker):
    with qtbot.waitSignal(window.session.finished):
        pull(window, START, END)
    assert badge(window).startswith("Flow warp · Enter")
    request = window.session.request()
    press(qtbot, window, Qt.Key.Key_Return)
    assert np.array_equal(flat(window), Engine().edit("flow_warp", request).image)
    worker.answer(1, 200)
    assert badge(window) == ""


def test_a_failure_says_so_and_leaves_flow_warp_and_document(qtbot, window, worker):
    before = window.document.settled
    hold(window, END)
    qtbot.waitUntil(lambda: worker.last == 1)
    worker.failed.emit(1, "Memory did not suffice; choose a smaller part.")
    assert "Memory did not suffice" in window.statusBar().currentMessage()
    seen = shown_pictures(window)
    send(window, QEvent.Type.MouseMove, (820, 250))
    assert seen and badge(window) == "Flow warp: preview"
    press(qtbot, window, Qt.Key.Key_Escape)
    assert window.document.settled is before


def test_without_a_fast_method_nothing_is_sent(qtbot, window, worker):
    window.session.choose_fast(None)
    pull(window, START, END)
    qtbot.wait(300)
    assert not worker.jobs


@pytest.mark.parametrize("loading", [0.0, 9.0])
def test_how_long_the_pointer_has_to_rest_follows_what_the_method_takes_once_loaded(window, worker, loading):
    tier = window.session.engine_tier
    waits = []
    for taken in (0.2, 0.9, 3.0, 3.0, 3.0):
        pull(window, START, END)
        worker.answer(worker.last, 100, timings={"Load": loading, "Flow": 0.1, "Denoise": taken - 0.1})
        waits.append(tier._wait_ms)
        press_escape_all(window)
    assert waits == [0, 0, 120, 250, 250]


def press_escape_all(window):
    window.workspace.delete_drags()


def refine(qtbot, window, worker):
    with qtbot.waitSignal(window.session.finished):
        pull(window, START, END)
    press(qtbot, window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    return worker.last


def test_refining_shows_how_far_it_is_and_then_its_picture(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    run = window._edit.run
    assert not worker.jobs[number].preview
    assert run._bar.isVisibleTo(run) and not run.refine.isVisibleTo(run)
    worker.step.emit(number, Step("Denoise", 3, 20), 12.4)
    assert run._bar.text() == "Denoising · 12 s left"
    worker.step.emit(number, Step("Denoise", 4, 20), None)
    assert run._bar.text() == "Denoising 4/20"
    worker.step.emit(number, Step("Adapt", 4, 20), 5744.0)
    assert run._bar.text() == "Learning · 96 min left"
    words = run._bar.fontMetrics().horizontalAdvance(run._bar.text())
    assert words < run._bar.width(), "all of it is seen"
    worker.handles.emit(number, (Point(800, 270),))
    assert window.workspace._markers.tracks == (Point(800, 270),)
    seen = shown_pictures(window)
    image = np.full((40, 50, 4), 255, np.uint8)
    worker.preview.emit(number, image, Box(780, 220, 830, 260))
    assert seen[-1][0] is image
    qtbot.waitUntil(lambda: number in worker.painted_previews)
    result = worker.answer(number, 130)
    assert badge(window).startswith("InstantDrag")
    assert not run._bar.isVisibleTo(run) and run.refine.isVisibleTo(run)
    assert window.workspace._markers.tracks == ()
    assert window.session.keep()
    assert np.array_equal(flat(window), result.image)


def test_escape_stops_it_and_shows_what_there_is(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    press(qtbot, window, Qt.Key.Key_Escape)
    assert worker.cancels[-1] == number
    assert window.document.instruction.points, "the drags stay"
    result = worker.answer(number, 90, partial=True)
    assert "stopped early" in badge(window)
    assert window.session.keep()
    assert np.array_equal(flat(window), result.image)


def stop_button(window):
    return window._edit.run._stop


def finish(qtbot, window, worker):
    """Refine, stop, and wait until what there is takes so long that it can be dropped; the job's number."""
    number = refine(qtbot, window, worker)
    stop_button(window).click()
    worker.step.emit(number, Step("Finish", 0, 1), None)
    assert window._edit.run._bar.text() == "Finishing what there is…"
    assert stop_button(window).text() == "Stop"
    stop_button(window).click()  # in haste
    assert worker.cancels[-2:] == [number] * 2 and not worker.drops
    qtbot.waitUntil(lambda: stop_button(window).text() == "Discard")
    assert stop_button(window).isEnabled() and "drop what there is" in stop_button(window).toolTip()
    return number


@pytest.mark.parametrize("by", ["button", "Esc"])
def test_what_takes_long_to_finish_is_dropped_by_stopping_once_more(qtbot, window, worker, by):
    number = finish(qtbot, window, worker)
    if by == "button":
        stop_button(window).click()
    else:
        press(qtbot, window, Qt.Key.Key_Escape)
    assert worker.drops == [number]
    worker.cancelled.emit(number)
    assert window.statusBar().currentMessage() == "InstantDrag was stopped; nothing of it is kept."
    window.refine()
    assert stop_button(window).text() == "Stop" and "show what there is" in stop_button(window).toolTip()
    window.session.engine_tier.cancel()
    assert worker.drops == [number], "the next one begins anew"


def test_what_takes_long_to_finish_is_shown_when_it_comes(qtbot, window, worker):
    number = finish(qtbot, window, worker)
    worker.answer(number, 90, partial=True)
    assert "stopped early" in badge(window) and not worker.drops


def test_what_is_finished_quickly_never_offers_to_drop_it(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    window.session.engine_tier.cancel()
    worker.step.emit(number, Step("Finish", 0, 1), None)
    worker.answer(number, 90, partial=True)
    window.refine()
    qtbot.wait(600)
    assert stop_button(window).text() == "Stop"


def test_a_refine_that_takes_the_place_of_another_lets_nothing_be_rendered_of_that(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    window.refine()
    assert worker.drops == [number]


def rows(window):
    """The results that are listed, and the one that is marked."""
    listed = window._history.results
    if not listed.isVisibleTo(window._history):
        return []
    return [listed.item(i).text() for i in range(listed.count())], listed.currentRow()


def test_what_was_stopped_is_gone_back_to_from_the_list_and_by_undo(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    assert rows(window) == []
    window.session.engine_tier.cancel()
    part = worker.answer(number, 90, partial=True, way=0.4)
    assert rows(window) == (["Without refining", "InstantDrag · 40 %, stopped early"], 1)
    assert "moved 40 % of the way: it was stopped early" in window.statusBar().currentMessage()

    window._history.results.setCurrentRow(0)
    qtbot.waitUntil(lambda: badge(window).startswith("Flow warp · Enter"))
    assert rows(window)[1] == 0
    window._history.results.setCurrentRow(1)
    qtbot.waitUntil(lambda: "stopped early" in badge(window))

    pull(window, (300, 300), (330, 300))
    assert rows(window) == [], "they are of other drags"
    qtbot.waitUntil(lambda: badge(window).startswith("Flow warp · Enter"))
    with qtbot.waitSignal(window.session.finished):
        window.undo()
    assert "stopped early" in badge(window) and rows(window)[1] == 1
    qtbot.keyClick(window._history.results, Qt.Key.Key_Return)  # in the list Enter keeps, too
    assert np.array_equal(flat(window), part.image)
    assert rows(window) == []


def test_a_stopped_refine_loses_nothing_that_was_refined_before(qtbot, window, worker):
    whole = worker.answer(refine(qtbot, window, worker), 130, way=0.95)
    window.refine()
    window.session.engine_tier.cancel()
    worker.answer(worker.last, 90, partial=True, way=0.2)
    words = ["Without refining", "InstantDrag · 95 %", "InstantDrag · 20 %, stopped early"]
    assert rows(window) == (words, 2)
    window._history.results.setCurrentRow(1)
    qtbot.waitUntil(lambda: "stopped early" not in badge(window))
    assert rows(window) == (words, 1)
    assert window.session.keep()
    assert np.array_equal(flat(window), whole.image)


def test_a_result_that_comes_while_the_list_is_clicked_is_not_covered(qtbot, window, worker):
    worker.answer(refine(qtbot, window, worker), 130, way=0.95)
    window._history.results.setCurrentRow(0)  # and before that is heard
    window.refine()
    last = worker.answer(worker.last, 150, way=0.97)
    QApplication.processEvents()
    assert rows(window) == (["Without refining", "InstantDrag · 97 %"], 1)
    assert window.session.keep()
    assert np.array_equal(flat(window), last.image)


def test_at_the_end_of_a_refine_it_is_said_how_far_the_drags_went(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    worker.answer(number, 130, way=0.71)
    told = window.statusBar().currentMessage()
    assert told == "Drag 1 moved 71 % of the way: allow it more steps, or pull less."
    window.refine()
    worker.answer(worker.last, 131, way=0.98)
    assert window.statusBar().currentMessage() == "The drag moved 98 % of the way."


def test_a_refine_of_a_handle_that_may_not_move_says_so_at_once(qtbot, window, worker):
    window.use_tool("editable")
    pull(window, (100, 700), (300, 700))
    window.use_tool("drag")
    number = refine(qtbot, window, worker)
    assert window.statusBar().currentMessage().startswith("Drag 1 starts where nothing may change")
    worker.answer(number, 130, way=0.0)
    assert "it starts where nothing may change" in window.statusBar().currentMessage()


def test_stopped_with_nothing_to_show_the_warp_comes_back(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    worker.preview.emit(number, np.full((40, 50, 4), 255, np.uint8), Box(780, 220, 830, 260))
    window.session.engine_tier.cancel()
    seen = shown_pictures(window)
    worker.cancelled.emit(number)
    assert "InstantDrag was stopped before" in window.statusBar().currentMessage()
    assert seen, "the intermediate picture does not stay"
    assert badge(window).startswith("Flow warp")


def test_what_was_refined_meanwhile_comes_back_with_undo(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    pull(window, (300, 300), (330, 300))
    seen = shown_pictures(window)
    worker.answer(number, 130)
    assert not seen, "it is of other drags than those that are marked"
    assert "undo" in window.statusBar().currentMessage()
    with qtbot.waitSignal(window.session.finished):
        window.undo()
    assert (seen[-1][0] == (130, 0, 130, 255)).all(-1).any()
    assert badge(window).startswith("InstantDrag")


@pytest.mark.parametrize("what", ["settings", "method"])
def test_after_a_refine_other_settings_and_methods_show_what_they_make(qtbot, window, worker, what):
    worker.answer(refine(qtbot, window, worker), 130)
    assert window.session._results.shown.tier == "refined"
    with qtbot.waitSignal(window.session.finished):
        if what == "settings":
            window.session.set_settings({"stiffness": 0.1})
        else:
            window.session.choose_fast(None)
    assert badge(window).startswith("Flow warp · Enter")


def test_the_tracked_handles_are_seen_where_they_are(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    places, ratio = ((300, 500), (340, 480)), window.devicePixelRatioF()
    before = grab(window)

    def changed():
        """Whether the canvas looks otherwise than before around each place."""
        now = grab(window)
        around = []
        for place in places:
            x, y = (round(at * ratio) for at in window.workspace.canvas.viewport.to_widget(*place))
            spot = slice(y - 6, y + 7), slice(x - 6, x + 7)
            around.append(bool((now[spot] != before[spot]).any()))
        return around

    for index, place in enumerate(places):
        worker.handles.emit(number, (Point(*place),))
        assert changed() == [i == index for i in range(2)]
    worker.answer(number, 130)
    assert window.workspace._markers.tracks == ()


def pass_by(worker, number):
    """A picture of a job on its way."""
    worker.preview.emit(number, np.full((40, 50, 4), 255, np.uint8), Box(780, 220, 830, 260))


def test_enter_while_a_picture_passes_by_says_what_is_kept(qtbot, window, worker):
    number = refine(qtbot, window, worker)
    pass_by(worker, number)
    assert badge(window) == "InstantDrag: preview"
    seen = shown_pictures(window)
    request = window.session.request()
    press(qtbot, window, Qt.Key.Key_Return)
    assert seen[0][1] == Engine().plan(request).crop, "flow warp is shown again"
    assert window.statusBar().currentMessage() == "Flow warp is kept; InstantDrag goes on."
    assert np.array_equal(flat(window), Engine().edit("flow_warp", request).image)
    assert number not in worker.cancels
    pass_by(worker, number)
    assert badge(window) == ""


def test_what_passes_by_does_not_cover_what_is_being_kept(qtbot, window, worker, monkeypatch):
    free, real = threading.Event(), WarpTier.make
    monkeypatch.setattr(WarpTier, "make", lambda *given: (free.wait(30), real(*given))[1])
    pull(window, START, END)
    press(qtbot, window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    number = worker.last
    pass_by(worker, number)
    qtbot.keyClick(window.workspace.canvas, Qt.Key.Key_Return)
    assert window.session.keeper.awaited is not None
    seen, painted = shown_pictures(window), worker.painted_previews.count(number)
    pass_by(worker, number)
    assert not seen and badge(window) == "Flow warp: keeping…"
    assert worker.painted_previews.count(number) == painted + 1, "the next one may come"
    free.set()
    qtbot.waitUntil(lambda: window.session.keeper.awaited is None)
    assert len(window.document.layers) == 2


def test_settings_of_the_chosen_method_go_with_the_job(qtbot, window, worker):
    run = window._edit.run
    run.slow.choose("instant_drag", "tiny")
    run.slow._form.set_values({"inference_steps": 7})
    number = refine(qtbot, window, worker)
    assert worker.jobs[number].settings["inference_steps"] == 7
    run.device.setCurrentIndex(1)
    window.session.engine_tier.cancel()
    worker.cancelled.emit(number)
    run.run()
    assert worker.jobs[worker.last].device == "cpu"


def test_the_real_engine_answers_as_the_window_would(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "home"))
    opened = opened_window(qtbot)
    with qtbot.waitSignal(opened.session.finished):
        pull(opened, START, END)
    request = opened.session.request()
    told = []
    opened.session.described.connect(told.append)
    opened.session.refine(Choice(method="flow_warp", pack=None))
    qtbot.waitUntil(lambda: any(shown.tier == "refined" for shown in told), timeout=20_000)
    press(qtbot, opened, Qt.Key.Key_Return)
    assert np.array_equal(flat(opened), Engine().edit("flow_warp", request).image)


def test_what_is_done_with_drags_is_in_view_on_a_small_screen(qtbot, window):
    """However far the choices above it reach."""
    window.resize(1000, 640)
    run = window._edit.run
    run.show_note("word " * 100)
    qtbot.waitUntil(lambda: in_view(run.refine) and not in_view(run._note))
    assert in_view(window._edit._keep) and in_view(window._edit._drop)
    scroll = window._edit.findChild(QScrollArea)
    run.setMinimumWidth(400)  # a long word, or a large font
    qtbot.waitUntil(lambda: scroll.viewport().width() >= 400)
    run.show_running("GoodDrag")
    qtbot.waitUntil(lambda: in_view(run._bar) and in_view(run._stop))


def in_view(widget):
    return widget.visibleRegion().boundingRect().size() == widget.size()
