"""What the fast method's network finds to move follows the pointer, is outlined, and can be corrected."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent

from desktop.document import Document
from desktop.engine_tier import Choice
from engine import EditJob, Engine, Offer, SubjectJob, open_photo
from tests.desktop.hands import BY_NAME, flat, pull, send, settle
from tests.desktop.test_tiers import (
    END,
    FAST,
    START,
    hold,
    opened_window,
    shown_pictures,
    without_pack,
    worker,
)

__all__ = ["worker"]  # a fixture
CHOICE = Choice(method="instant_drag", pack="tiny", finds_subject=True)


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch, worker):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Engine, "offers", lambda self, request: (Offer("flow_warp", None, ""), FAST))
    monkeypatch.setattr(Engine, "settings", without_pack(Engine.settings))
    shown = opened_window(qtbot, worker)
    shown.session.choose_fast(CHOICE)
    shown.document.mark(replace(shown.document.settled.instruction, motion="move"), "Move")
    return shown


def thing(window, top=260):
    """A subject around where the drags begin, (h, w) uint8."""
    width, height = window.document.size
    subject = np.zeros((height, width), np.uint8)
    subject[top:340, 740:860] = 255
    return subject


def sought(worker):
    return [number for number, job in worker.jobs.items() if isinstance(job, SubjectJob)]


def test_when_the_pointer_rests_it_is_sought_once_and_then_follows(qtbot, window, worker):
    hold(window, END)
    qtbot.waitUntil(lambda: sought(worker) == [1])
    job = worker.jobs[1]
    assert (job.method, job.pack, job.request.subject) == ("instant_drag", "tiny", None)
    seen = shown_pictures(window)
    worker.finished.emit(1, thing(window))
    assert len(seen) == 1, "what follows the pointer is shown anew"
    qtbot.waitUntil(lambda: worker.last == 2)
    assert isinstance(worker.jobs[2], EditJob)
    assert np.array_equal(worker.jobs[2].request.subject, thing(window))
    send(window, QEvent.Type.MouseMove, (830, 250))
    send(window, QEvent.Type.MouseButtonRelease, (830, 250))
    settle(window)
    request = window.session.request()
    assert np.array_equal(request.subject, thing(window))
    assert window.document.settled.instruction.subject is None, "nobody has painted it"


def test_what_is_bent_is_no_thing_and_is_not_sought(qtbot, window, worker):
    window.document.mark(replace(window.document.settled.instruction, motion="deform"), "Bend")
    pull(window, START, END)
    qtbot.waitUntil(lambda: worker.last == 1)
    assert isinstance(worker.jobs[1], EditJob)
    assert worker.jobs[1].request.subject is None


def test_another_handle_is_another_search(qtbot, window, worker):
    pull(window, START, END)
    assert sought(worker) == [1]
    worker.finished.emit(1, thing(window))
    pull(window, (700, 500), (720, 500))
    qtbot.waitUntil(lambda: len(sought(worker)) == 2)
    assert not np.array_equal(window.session.request().subject, thing(window)), "a guess from colours"


def test_what_is_kept_moved_what_was_found(qtbot, window, worker):
    pull(window, START, END)
    qtbot.waitUntil(lambda: not window.session.busy)
    without = window.session._results.shown.result.image
    worker.finished.emit(1, thing(window))
    assert window.session.busy
    qtbot.waitUntil(lambda: not window.session.busy)
    result = window.session._results.shown.result
    assert not np.array_equal(result.image, without)
    assert np.array_equal(window.session._results.shown.request.subject, thing(window))
    assert window.session.keep()
    assert np.array_equal(flat(window), result.image)


@pytest.mark.parametrize("end", ["nothing", "failed"])
def test_nothing_found_is_nothing_lost(qtbot, window, worker, end):
    pull(window, START, END)
    if end == "nothing":
        worker.finished.emit(1, np.zeros_like(thing(window)))
    else:
        worker.failed.emit(1, "It broke.")
        assert window.statusBar().currentMessage() == "It broke."
    assert sought(worker) == [1]
    qtbot.waitUntil(lambda: worker.last == 2)
    assert isinstance(worker.jobs[2], EditJob)
    assert not np.array_equal(worker.jobs[2].request.subject, thing(window)), "a guess from colours"


def test_a_search_that_had_to_yield_is_made_when_the_pointer_rests_again(qtbot, window, worker):
    pull(window, START, END)
    worker.cancelled.emit(1)
    assert worker.last == 1
    window.session._run_fast()
    assert sought(worker) == [1, 2]


def test_what_is_painted_is_neither_sought_nor_covered(qtbot, window, worker):
    window.document.paint_mask("subject", None)
    pull(window, START, END)
    worker.finished.emit(1, thing(window))
    assert window.workspace._markers._subjects, "it is outlined"
    window.workspace.use_tool("subject")
    pull(window, (780, 280), (800, 290))
    painted = window.document.settled.instruction.subject
    assert painted is not None
    assert (painted.array()[265:335, 745:855] == 255).all(), "the brush corrects what was found"
    assert not window.workspace._markers._subjects, "the painted mask is hatched instead"
    settle(window)
    assert sought(worker) == [1]


def test_erasing_takes_away_from_what_was_found(qtbot, window, worker):
    pull(window, START, END)
    worker.finished.emit(1, thing(window))
    window.workspace.use_tool("subject")
    window.workspace.options.erase(True)
    pull(window, (780, 280), (800, 290))
    painted = window.document.settled.instruction.subject.array()
    assert painted[300, 850] == 255
    assert painted[285, 790] == 0


def test_another_document_hears_nothing_of_it(qtbot, window, worker):
    pull(window, START, END)
    other = Document.from_photo(open_photo(BY_NAME["otters"].picture), None, name="Other")
    window.workspace.set_document(other)
    assert 1 in worker.cancels
    worker.finished.emit(1, thing(window))
    assert window.session.request() is None


def move_on(window):
    """Let go somewhere else than where the search was made for."""
    send(window, QEvent.Type.MouseMove, (830, 250))
    send(window, QEvent.Type.MouseButtonRelease, (830, 250))


@pytest.mark.parametrize("top", [260, 200])
def test_where_a_gesture_ends_it_is_sought_once_more(qtbot, window, worker, top):
    hold(window, END)
    qtbot.waitUntil(lambda: sought(worker) == [1])
    worker.finished.emit(1, thing(window))
    move_on(window)
    assert np.array_equal(window.session.request().subject, thing(window)), "until there is a better answer"
    (again,) = sought(worker)[1:]
    assert worker.jobs[again].request.points[0].target.x == pytest.approx(830, abs=1)
    assert worker.last == again, "no edit runs by the answer before"
    qtbot.waitUntil(lambda: not window.session.busy)
    before = window.session._results.shown
    worker.finished.emit(again, thing(window, top))
    assert (window.session._results.shown is before) == (top == 260), "made anew only where it is another"
    qtbot.waitUntil(lambda: not window.session.busy)
    assert np.array_equal(window.session._results.shown.request.subject, thing(window, top))
    assert isinstance(worker.jobs[worker.last], EditJob)
    assert np.array_equal(worker.jobs[worker.last].request.subject, thing(window, top))
    window.session._settled(anew=True)
    assert sought(worker) == [1, again], "its targets are the same"


def test_a_search_for_other_targets_gives_way_when_the_gesture_ends(qtbot, window, worker):
    hold(window, END)
    qtbot.waitUntil(lambda: sought(worker) == [1])
    send(window, QEvent.Type.MouseMove, (820, 245))
    window.session._run_fast()
    assert sought(worker) == [1], "it goes on while the hand moves"
    move_on(window)
    assert 1 in worker.cancels and len(sought(worker)) == 2


def test_a_fast_picture_that_went_by_the_answer_before_is_made_anew(qtbot, window, worker):
    hold(window, END)
    qtbot.waitUntil(lambda: sought(worker) == [1])
    worker.finished.emit(1, thing(window))
    send(window, QEvent.Type.MouseMove, (830, 250))
    window.session._run_fast()
    worker.answer(worker.last, 90)
    assert window.session._results.shown.tier == "fast"
    send(window, QEvent.Type.MouseButtonRelease, (830, 250))
    again = worker.last
    assert sought(worker) == [1, again]
    worker.finished.emit(again, thing(window, 200))
    assert np.array_equal(worker.jobs[worker.last].request.subject, thing(window, 200))
    worker.answer(worker.last, 91)
    assert np.array_equal(window.session._results.shown.request.subject, thing(window, 200))


@pytest.mark.parametrize("motion", ["deform", "move"])
def test_what_undo_brings_back_moved_what_it_was_made_with(qtbot, window, worker, motion):
    pull(window, START, END)
    if motion == "move":
        window._edit._choose_motion(1)
    worker.finished.emit(sought(worker)[-1], thing(window, 100))
    assert window.session.refine(CHOICE)
    result = worker.answer(worker.last, 130)
    pull(window, (300, 300), (330, 300))  # something else is learnt
    worker.finished.emit(sought(worker)[-1], np.zeros_like(thing(window)))
    seen, plans = shown_pictures(window), []
    window.session.planned.connect(lambda request, region: plans.append(request))
    window.undo()
    assert window.session._results.shown.tier == "refined"
    assert np.array_equal(plans[-1].subject, thing(window, 100)), "and so it is outlined"
    image, box, _ = seen[-1]
    canvas = flat(window).copy()
    canvas[box.slices] = image
    assert np.array_equal(canvas, result.image), "it is not cut off"
    assert window.session.refine(CHOICE)
    assert np.array_equal(worker.jobs[worker.last].request.subject, thing(window, 100))
    assert window.session.keep()
    assert np.array_equal(flat(window), result.image)
    assert np.array_equal(window.session._requests._seen[1], flat(window))


OTHERS = [
    None,
    replace(CHOICE, method="flow_warp"),
    replace(CHOICE, pack="other"),
    replace(CHOICE, device="cpu"),
]


@pytest.mark.parametrize("other", OTHERS, ids=["none", "method", "pack", "device"])
def test_what_one_network_found_another_does_not_use(window, worker, other):
    pull(window, START, END)
    worker.finished.emit(1, thing(window))
    window.session.choose_fast(other)
    assert not np.array_equal(window.session.request().subject, thing(window)), "a guess from colours"
    assert len(sought(worker)) == (1 if other is None else 2)


def test_what_failed_with_one_network_is_sought_with_another(window, worker):
    pull(window, START, END)
    worker.failed.emit(1, "It broke.")
    window.session.choose_fast(replace(CHOICE, pack="other"))
    assert worker.jobs[sought(worker)[-1]].pack == "other"


def test_while_one_network_looks_another_takes_its_place(window, worker):
    pull(window, START, END)
    window.session.choose_fast(replace(CHOICE, pack="other"))
    assert 1 in worker.cancels
    worker.finished.emit(1, thing(window))
    assert not np.array_equal(window.session.request().subject, thing(window)), "a guess from colours"
    assert worker.jobs[sought(worker)[-1]].pack == "other"


def test_settings_change_nothing_of_what_was_found(window, worker):
    pull(window, START, END)
    window.session.choose_fast(replace(CHOICE, settings={"seed": 3}))
    assert sought(worker) == [1] and 1 not in worker.cancels
    worker.finished.emit(1, thing(window))
    window.session.choose_fast(replace(CHOICE, settings={"seed": 4}))
    assert np.array_equal(window.session.request().subject, thing(window))
