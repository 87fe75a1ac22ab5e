"""The chosen methods, packs and device come back with the next window, as far as they are offered."""

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtTest import QTest

from desktop.panels.run_panel import RunPanel
from desktop.run_memory import RunMemory
from desktop.window import MainWindow
from engine import Engine, Offer
from tests.desktop.hands import BY_NAME, settle
from tests.desktop.test_tiers import FakeWorker, without_pack

WARP, FIRST, SECOND = (
    Offer("flow_warp", None, ""),
    Offer("instant_drag", "first", "First"),
    Offer("instant_drag", "second", "Second"),
)


@pytest.fixture
def store(tmp_path):
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def start(qtbot, store):
    """start(offers) → the panel as a new window has it."""

    def start(*offers):
        run = RunPanel(lambda method, pack: {})
        qtbot.addWidget(run)
        memory = RunMemory(run, store)
        run.set_offers(offers)
        memory.restore()
        run.memory = memory
        return run

    return start


def choose(box, index):
    """As a hand does."""
    steps = index - box.currentIndex()
    for _ in range(abs(steps)):
        QTest.keyClick(box, Qt.Key.Key_Down if steps > 0 else Qt.Key.Key_Up)
    assert box.currentIndex() == index


def chosen(run):
    picked = (run.fast.choice, run.slow.choice)
    return [choice and (choice.method, choice.pack) for choice in picked], run.chosen_device


def test_what_was_chosen_is_chosen_again(start):
    run = start(WARP, FIRST, SECOND)
    assert chosen(run) == ([("instant_drag", "first")] * 2, "auto")
    choose(run.fast.methods, 2)
    choose(run.slow.methods, 1)
    choose(run.device, 1)
    expected = [("instant_drag", "second")] * 2, "cpu"
    assert chosen(run) == expected
    assert chosen(start(WARP, FIRST, SECOND)) == expected


def test_no_fast_method_is_a_choice_too(start):
    run = start(WARP, FIRST)
    choose(run.fast.methods, 1)
    assert chosen(start(WARP, FIRST))[0][0] == ("instant_drag", "first")
    choose(run.fast.methods, 0)
    assert chosen(start(WARP, FIRST))[0][0] is None


def test_a_pack_that_has_gone_is_not_chosen_and_comes_back_with_its_choice(start):
    run = start(WARP, FIRST, SECOND)
    choose(run.fast.methods, 2)
    choose(run.slow.methods, 1)
    run = start(WARP, FIRST)
    assert chosen(run)[0] == [("instant_drag", "first")] * 2
    choose(run.device, 1)
    assert chosen(start(WARP, FIRST, SECOND)) == ([("instant_drag", "second")] * 2, "cpu")


@pytest.mark.parametrize("words", ["", "5", "nonsense", '["a"]', '[["a"], {}]', '{"a": 1, "b": 2}'])
def test_what_nobody_wrote_is_as_if_nothing_were_remembered(start, store, words):
    for key in ("run/fast", "run/on_demand", "run/device"):
        store.setValue(key, words)
    assert chosen(start(WARP, FIRST, SECOND)) == ([("instant_drag", "first")] * 2, "auto")


def test_the_window_runs_at_once_what_was_chosen_in_the_one_before(qtbot, monkeypatch):
    monkeypatch.setattr(Engine, "offers", lambda self, request: (WARP, FIRST, SECOND))
    monkeypatch.setattr(Engine, "settings", without_pack(Engine.settings))
    for time in range(2):
        window = MainWindow(Engine(), FakeWorker())
        qtbot.addWidget(window, before_close_func=settle)
        window.filing.open_sample(BY_NAME["mountain_lake"])
        run = window.findChild(RunPanel)
        if time == 0:
            choose(run.fast.methods, 2)
            choose(run.device, 1)
        fast = window.session.engine_tier.fast
        assert (fast.method, fast.pack, fast.device) == ("instant_drag", "second", "cpu")
