"""The window that tests of the desktop work on."""

import pytest

import engine.shelf
from desktop.limits import Limits
from desktop.worker import EngineWorker
from engine.packs import PackStore
from tests.desktop.hands import BY_NAME, shown_window
from tests.desktop.workers import FAULTY, Ear


@pytest.fixture(autouse=True)
def no_shipped_packs(tmp_path_factory, monkeypatch):
    """Windows of tests run flow warp alone, unless a test gives them more."""
    nothing = tmp_path_factory.mktemp("no_packs")
    monkeypatch.setattr(engine.shelf, "PackStore", lambda: PackStore(nothing))


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "home"))
    return shown_window(qtbot)


@pytest.fixture
def opened(window, qtbot):
    with qtbot.waitSignal(window.filing.worker.opened):
        window.filing.open_path(BY_NAME["mountain_lake"].picture)
    return window


@pytest.fixture
def start(qtbot):
    """start(command, **limits) → worker and ear."""
    made = []  # an ear that goes while the worker's thread still talks to it would crash the interpreter

    def start(command=FAULTY, **limits):
        worker = EngineWorker(command, Limits(**limits))
        made.append((worker, Ear(worker, qtbot)))
        return made[-1]

    yield start
    for worker, _ in made:
        worker.close()
