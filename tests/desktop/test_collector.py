"""Reference cycles with objects of Qt in them die on the window's thread, whoever allocates."""

import gc
import threading
import weakref

import pytest
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QGuiApplication

from desktop.collector import Collector


class Circle(QObject):
    """Holds itself, as most parts of a window do by way of their slots."""

    def __init__(self):
        super().__init__()
        self.me = self
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.tick)

    def tick(self):
        pass


@pytest.fixture
def automatic(qapp):
    """Python collects whenever it likes, as it does in a new program."""
    gc.enable()
    yield
    gc.disable()


@pytest.fixture
def buttons(monkeypatch):
    """A button that other tests have left pressed is none here; what is put in is held."""
    held = [Qt.MouseButton.NoButton]
    monkeypatch.setattr(QGuiApplication, "mouseButtons", lambda: held[-1])
    return held


@pytest.fixture
def collector(automatic, buttons, qapp):
    made = Collector(qapp)
    yield made
    made.deleteLater()


def died():
    """A circle that nobody holds, and where it will have died."""
    where = []
    weakref.finalize(Circle(), lambda: where.append(threading.current_thread()))
    return where


def allocate_elsewhere(count=200_000):
    """So much, by default, that each of Python's generations is due; to be held by the caller."""
    kept = []
    thread = threading.Thread(target=lambda: kept.extend([] for _ in range(count)))
    thread.start()
    thread.join()
    return kept


def test_left_to_python_they_die_in_the_thread_that_allocates(automatic):
    where = died()
    allocate_elsewhere()
    assert where and where[0] is not threading.main_thread()


def test_they_wait_for_the_window_s_thread(collector, qtbot):
    where = died()
    kept = allocate_elsewhere()
    assert where == [] and kept
    qtbot.waitUntil(lambda: bool(where))
    assert where == [threading.main_thread()]


def test_older_ones_are_collected_in_their_turn(collector):
    circle, kept, gone = Circle(), [], []
    gc.collect()  # now it is of the oldest generation
    weakref.finalize(circle, gone.append, True)
    del circle

    def collect(times):
        for _ in range(times):
            kept.extend(allocate_elsewhere(1000))
            collector.collect()

    collect(100)
    assert not gone
    collect(50)
    assert gone


def test_what_a_document_leaves_is_collected_at_the_next_tick(collector):
    circle, gone = Circle(), []
    gc.collect()
    weakref.finalize(circle, gone.append, True)
    del circle
    collector.collect()
    assert not gone
    collector.collect_all()
    collector.collect()
    assert gone


def test_a_gesture_is_not_disturbed(collector, buttons):
    where = died()
    kept = allocate_elsewhere()
    buttons.append(Qt.MouseButton.LeftButton)
    collector.collect()
    assert where == []
    buttons.pop()
    collector.collect()
    assert where and kept


def test_a_release_that_qt_has_missed_does_not_end_it(collector, buttons):
    where = died()
    kept = allocate_elsewhere()
    buttons.append(Qt.MouseButton.LeftButton)
    for _ in range(60):
        collector.collect()
    assert where and kept
