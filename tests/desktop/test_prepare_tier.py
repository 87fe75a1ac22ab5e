"""In the background it is prepared for what rests, before which everything else goes; and only if wanted."""

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication

from desktop import prepare_tier
from desktop.store import window_store
from desktop.window import MainWindow
from engine import Engine, Offer, PrepareJob, Step
from tests.desktop.hands import BY_NAME, pull, send, settle
from tests.desktop.test_tiers import END, FAST, START, FakeWorker, hold, opened_window, without_pack


@pytest.fixture
def worker(qapp):
    return FakeWorker()


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch, worker):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Engine, "offers", lambda self, request: (Offer("flow_warp", None, ""), FAST))
    monkeypatch.setattr(Engine, "settings", without_pack(Engine.settings))
    monkeypatch.setattr(prepare_tier, "_REST_MS", 50)
    shown = opened_window(qtbot, worker)
    shown._edit.run.fast.choose(None, None)
    return shown


def switch(window):
    (action,) = [each for each in window.findChildren(QAction) if "Prepare refining" in each.text()]
    return action


def prepared(worker):
    """The numbers of the jobs that prepare."""
    return [number for number, job in worker.jobs.items() if isinstance(job, PrepareJob)]


def rest(qtbot):
    """Longer than nothing may be begun."""
    qtbot.wait(250)


def test_it_is_off_until_it_is_switched_on_and_remembered(qtbot, window, worker):
    assert not switch(window).isChecked()
    pull(window, START, END)
    rest(qtbot)
    assert not worker.jobs
    switch(window).trigger()
    qtbot.waitUntil(lambda: prepared(worker) == [1])
    job = worker.jobs[1]
    assert (job.method, job.pack, job.device) == ("instant_drag", "tiny", "auto")
    assert job.request.points == window.session.request().points
    assert window_store().value("engine/prepare") == "on"
    other = MainWindow(Engine(), FakeWorker())
    qtbot.addWidget(other, before_close_func=settle)
    assert switch(other).isChecked()
    switch(window).trigger()
    assert worker.cancels == [1]


def test_it_begins_when_the_drags_rest_once_for_each(qtbot, window, worker):
    switch(window).trigger()
    rest(qtbot)
    assert not worker.jobs, "there is no drag"
    hold(window, END)
    rest(qtbot)
    assert not worker.jobs, "it goes on"
    send(window, QEvent.Type.MouseButtonRelease, END)
    qtbot.waitUntil(lambda: prepared(worker) == [1])
    window.session._settled(anew=True)
    worker.finished.emit(1, "cpu")
    rest(qtbot)
    assert worker.last == 1, "for these drags it is prepared"
    pull(window, (300, 300), (330, 300))
    qtbot.waitUntil(lambda: prepared(worker) == [1, 2])
    window.undo()
    rest(qtbot)
    assert worker.cancels == [2] and worker.last == 3


def test_a_gesture_and_the_end_of_the_drags_stop_it(qtbot, window, worker):
    switch(window).trigger()
    pull(window, START, END)
    qtbot.waitUntil(lambda: prepared(worker) == [1])
    send(window, QEvent.Type.MouseButtonPress, (300, 300))
    send(window, QEvent.Type.MouseMove, (330, 300))
    QApplication.processEvents()
    assert worker.cancels == [1]
    send(window, QEvent.Type.MouseButtonRelease, (330, 300))
    qtbot.waitUntil(lambda: prepared(worker) == [1, 2])
    window.workspace.delete_drags()
    assert worker.cancels == [1, 2]
    rest(qtbot)
    assert worker.last == 2


def test_another_method_device_or_setting_is_prepared_for_anew(qtbot, window, worker):
    switch(window).trigger()
    pull(window, START, END)
    qtbot.waitUntil(lambda: prepared(worker) == [1])
    run = window._edit.run
    run.device.setCurrentIndex(1)
    qtbot.waitUntil(lambda: prepared(worker) == [1, 2])
    assert worker.jobs[2].device == "cpu"
    steps = run.slow._form.field("inference_steps")
    steps.spin_box.setValue(7)
    qtbot.waitUntil(lambda: prepared(worker) == [1, 2, 3])
    assert worker.jobs[3].settings["inference_steps"] == 7
    assert worker.cancels == [1, 2]


def test_it_says_quietly_how_far_it_is_and_never_that_it_failed(qtbot, window, worker):
    switch(window).trigger()
    pull(window, START, END)
    qtbot.waitUntil(lambda: prepared(worker) == [1])
    label = window._edit.run._preparing
    assert not label.isVisibleTo(window._edit)
    worker.step.emit(1, Step("Adapt", 12, 70), 30.0)
    assert label.isVisibleTo(window._edit) and label.text() == "Preparing: Learning 12/70"
    window.statusBar().clearMessage()
    worker.failed.emit(1, "Memory did not suffice.")
    assert not label.isVisibleTo(window._edit)
    assert window.statusBar().currentMessage() == ""
    pull(window, (300, 300), (330, 300))
    rest(qtbot)
    assert worker.last == 1, "it would fail again"


def test_while_it_is_refined_the_bar_alone_says_how_far_it_is(qtbot, window, worker):
    switch(window).trigger()
    pull(window, START, END)
    qtbot.waitUntil(lambda: prepared(worker) == [1])
    worker.step.emit(1, Step("Adapt", 12, 70), None)
    window.refine()
    assert not window._edit.run._preparing.isVisibleTo(window._edit)
    assert worker.cancels == [], "the engine lets it wait"
    worker.answer(2, 130)
    assert window._edit.run._preparing.isVisibleTo(window._edit)


def test_another_document_is_another_matter(qtbot, window, worker):
    switch(window).trigger()
    pull(window, START, END)
    qtbot.waitUntil(lambda: prepared(worker) == [1])
    settle(window)
    with qtbot.waitSignal(window.filing.worker.opened):
        window.filing.open_path(BY_NAME["osprey"].picture)
    qtbot.waitUntil(lambda: worker.cancels == [1])
    rest(qtbot)
    assert worker.last == 1
