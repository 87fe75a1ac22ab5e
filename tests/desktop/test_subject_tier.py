"""What the fast method's network finds to move follows the pointer, is outlined, and can be corrected."""

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
    return shown


def thing(window):
    """A subject around where the drags begin, (h, w) uint8."""
    width, height = window.document.size
    subject = np.zeros((height, width), np.uint8)
    subject[260:340, 740:860] = 255
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
    assert sought(worker) == [1], "the handle is the same"
    request = window.session.request()
    assert np.array_equal(request.subject, thing(window))
    assert window.document.settled.instruction.subject is None, "nobody has painted it"


def test_another_handle_is_another_search(qtbot, window, worker):
    pull(window, START, END)
    assert sought(worker) == [1]
    worker.finished.emit(1, thing(window))
    pull(window, (700, 500), (720, 500))
    qtbot.waitUntil(lambda: len(sought(worker)) == 2)
    assert window.session.request().subject is None


def test_what_is_kept_moved_what_was_found(qtbot, window, worker):
    pull(window, START, END)
    qtbot.waitUntil(lambda: not window.session.busy)
    without = window.session._finished.result.image
    worker.finished.emit(1, thing(window))
    assert window.session.busy
    qtbot.waitUntil(lambda: not window.session.busy)
    result = window.session._finished.result
    assert not np.array_equal(result.image, without)
    assert np.array_equal(window.session._finished.request.subject, thing(window))
    assert window.session.keep()
    assert np.array_equal(flat(window), result.image)


@pytest.mark.parametrize("end", ["nothing", "failed"])
def test_nothing_found_is_nothing_lost(qtbot, window, worker, end):
    pull(window, START, END)
    if end == "nothing":
        worker.finished.emit(1, np.zeros_like(thing(window)))
    else:
        worker.failed.emit(1, "It broke.")
    assert sought(worker) == [1]
    qtbot.waitUntil(lambda: worker.last == 2)
    assert isinstance(worker.jobs[2], EditJob)
    assert worker.jobs[2].request.subject is None


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
