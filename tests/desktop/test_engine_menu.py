"""The engine's menu: restarts, another runtime that works or stays unused, and what the engine reports."""

import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog, QLabel, QMenu, QMessageBox

from desktop.about_engine import listed
from desktop.engine_menu import remembered_command, remembered_runtime
from desktop.engine_process import engine_command, own_runtime
from desktop.panels.run_panel import RunPanel
from desktop.store import window_store
from engine import Engine, Offer, WarmJob, channel
from tests.desktop.hands import shown_window
from tests.desktop.test_tiers import FakeWorker

PATIENCE = 20_000
HELLO = channel.Hello(channel.PROTOCOL, 1, {"python": "3.11.9", "torch": "2.9"})
scripts = pytest.mark.skipif(sys.platform == "win32", reason="a shell script is the runtime's Python")


class Restartable(FakeWorker):
    def __init__(self):
        super().__init__()
        self.restarts = []

    def restart(self, runtime=None):
        self.restarts.append(runtime)


@pytest.fixture
def store(pliant_home):
    return window_store()


@pytest.fixture
def build(qtbot):
    def make():
        return shown_window(qtbot, Restartable())

    return make


def menu(window):
    return next(each for each in window.menuBar().findChildren(QMenu) if each.title() == "E&ngine")


def entry(window, words):
    (found,) = [action for action in menu(window).actions() if words in action.text().replace("&", "")]
    return found


def told(window):
    return window.statusBar().currentMessage()


def complaint(window):
    return next((box for box in window.findChildren(QMessageBox) if box.isVisible()), None)


def runtime(folder, code):
    """A folder whose Python is an engine process that first runs `code`."""
    python = folder / "bin" / "python3"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "import engine.host as h; {code}; h.main()"\n')
    python.chmod(0o755)
    return folder


def choose(window, folder, monkeypatch):
    monkeypatch.setattr("desktop.engine_menu.QFileDialog.getExistingDirectory", lambda *_: str(folder))
    entry(window, "Another Python folder").trigger()


def test_restart_starts_the_engine_anew_and_tells_when_it_is_ready(build):
    window = build()
    window.worker.ready.emit(HELLO)
    assert told(window) == "", "nobody asked for it"
    entry(window, "Restart").trigger()
    assert window.worker.restarts == [None]
    window.worker.ready.emit(HELLO)
    assert told(window) == "The engine is ready: Python 3.11.9, torch 2.9."


@scripts
def test_a_runtime_that_works_is_used_and_remembered(build, qtbot, monkeypatch, tmp_path, store):
    window = build()
    assert entry(window, "This installation").isChecked()
    folder = runtime(tmp_path / "a & b", "h.resolve_device = lambda *_, **__: 'cpu'")
    choose(window, folder, monkeypatch)
    assert told(window) == f"Trying the engine in {folder}…"
    assert entry(window, "This installation").isChecked(), "not yet"
    qtbot.waitUntil(lambda: window.worker.restarts == [folder], timeout=PATIENCE)
    assert entry(window, str(folder).replace("&", "")).isChecked()
    assert remembered_runtime(store) == folder and remembered_command(store) == engine_command(folder)
    again = build()
    assert entry(again, str(folder).replace("&", "")).isChecked()
    entry(again, "This installation").trigger()
    assert again.worker.restarts == [own_runtime()]
    assert remembered_runtime(store) is None and remembered_command(store) is None
    assert entry(again, str(folder).replace("&", "")).isVisible(), "to go back to"


@scripts
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (None, "There is no Python in"),
        ("h._LIBRARIES = ('numpy',)", "has no torch"),
        ("raise SystemExit(1)", "cannot be started"),
        ("h.PROTOCOL = 99", "another version of Pliant"),
        ("h.resolve_device = None", "Something unexpected failed"),
    ],
    ids=["no Python", "no torch", "ends at once", "other version", "fails to load"],
)
def test_a_runtime_that_does_not_work_is_told_and_the_engine_goes_on(
    build, qtbot, monkeypatch, tmp_path, store, code, words
):
    window = build()
    folder = tmp_path / "runtime"
    if code is None:
        folder.mkdir()
    else:
        runtime(folder, code)
    choose(window, folder, monkeypatch)
    qtbot.waitUntil(lambda: complaint(window) is not None, timeout=PATIENCE)
    assert words in complaint(window).text()
    assert complaint(window).informativeText() == "The engine goes on as before."
    assert window.worker.restarts == []
    assert entry(window, "This installation").isChecked()
    assert remembered_runtime(store) is None
    assert told(window) == ""
    complaint(window).close()


@scripts
def test_of_two_runtimes_the_one_chosen_last_counts(build, qtbot, monkeypatch, tmp_path):
    window = build()
    choose(window, runtime(tmp_path / "slow", "import time; time.sleep(60)"), monkeypatch)
    last = runtime(tmp_path / "last", "h.resolve_device = lambda *_, **__: 'cpu'")
    choose(window, last, monkeypatch)
    qtbot.waitUntil(lambda: bool(window.worker.restarts), timeout=PATIENCE)
    assert window.worker.restarts == [last]


def test_no_folder_chosen_changes_nothing(build, monkeypatch):
    window = build()
    choose(window, "", monkeypatch)
    assert window.worker.restarts == [] and entry(window, "This installation").isChecked()


def test_a_remembered_runtime_that_has_gone_is_told_and_this_installations_used(build, store, tmp_path):
    store.setValue("engine/runtime", str(tmp_path / "gone"))
    store.sync()
    assert remembered_command(store) is None
    window = build()
    assert told(window).startswith(f"There is no Python in {tmp_path / 'gone'} any more")
    assert entry(window, "This installation").isChecked()
    assert entry(window, "gone").isVisible()
    assert remembered_runtime(store) is not None, "it may come back"


def test_what_the_engine_reports_is_shown(build):
    window = build()
    run = window.findChild(RunPanel)
    run.device.setCurrentIndex(run.device.findData("cuda"))
    entry(window, "About").trigger()
    (job,) = window.worker.jobs.values()
    assert job == WarmJob(device="cuda")

    def words():
        (dialog,) = window.findChildren(QDialog)
        return [label.text() for label in dialog.findChildren(QLabel)]

    assert {str(own_runtime()), "Asking the engine…"} <= set(words())
    window.worker.ready.emit(HELLO)
    window.worker.finished.emit(7, "mps")  # of somebody else
    window.worker.finished.emit(1, "cuda")
    assert {"Python 3.11.9, torch 2.9", "NVIDIA GPU"} <= set(words())
    entry(window, "About").trigger()
    window.worker.failed.emit(2, "This machine has no NVIDIA GPU.")
    assert "This machine has no NVIDIA GPU." in words()


def test_packs_that_have_come_are_offered_after_a_restart(build, monkeypatch):
    window = build()
    run = window.findChild(RunPanel)
    assert not run.offers_any
    monkeypatch.setattr(Engine, "offers", lambda self, request: (Offer("instant_drag", "new", "New"),))
    monkeypatch.setattr(
        Engine, "settings", lambda self, method, pack=None: Engine().method(method).settings()
    )
    entry(window, "Restart").trigger()
    assert run.offers_any
    assert list(window.worker.jobs.values()) == [WarmJob()]


def test_versions_stand_in_one_line():
    assert listed({"python": "3.11", "pliant": "0.1", "torch": "2"}) == "Python 3.11, Pliant 0.1, torch 2"


def test_the_runtime_of_the_window_needs_no_trial(monkeypatch):
    assert engine_command(own_runtime()) == engine_command()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert own_runtime() == Path(sys.executable).parent
    assert engine_command(own_runtime()) == engine_command()


def test_a_runtime_that_gets_stuck_is_refused(build, monkeypatch, tmp_path, store):
    probes = []

    def probe(command):
        probes.append(Probed())
        return probes[-1]

    monkeypatch.setattr("desktop.runtime_probe.EngineWorker", probe)
    monkeypatch.setattr("desktop.runtime_probe.engine_command", lambda folder: None)
    window = build()
    choose(window, tmp_path, monkeypatch)
    probes[0].stuck.emit(1, "No progress for 60 s.")
    assert complaint(window).text() == "No progress for 60 s."
    assert probes[0].closed and not window.worker.restarts
    assert entry(window, "This installation").isChecked() and remembered_runtime(store) is None
    complaint(window).close()


class Probed(FakeWorker):
    closed = False

    def close(self):
        self.closed = True
