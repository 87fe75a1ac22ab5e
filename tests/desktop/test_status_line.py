import pytest
from PySide6.QtWidgets import QStatusBar

from desktop import status_line
from desktop.status_line import StatusLine
from tests.desktop.hands import pull


@pytest.fixture
def bar(qtbot, monkeypatch):
    monkeypatch.setattr(status_line, "_LEAST_MS", 60)
    monkeypatch.setattr(status_line, "_CHARACTER_MS", 20)
    made = QStatusBar()
    qtbot.addWidget(made)
    return made


def test_what_is_told_goes_after_a_while_and_longer_sentences_stay_longer(qtbot, bar):
    line = StatusLine(bar)
    line.tell("Short")
    qtbot.wait(40)
    assert bar.currentMessage() == "Short"
    qtbot.waitUntil(lambda: not bar.currentMessage(), timeout=2000)
    line.tell("A sentence of many letters more")
    qtbot.wait(200)
    assert bar.currentMessage()
    qtbot.waitUntil(lambda: not bar.currentMessage(), timeout=2000)


def test_what_is_asked_stays_until_it_is_done(qtbot, bar):
    line = StatusLine(bar)
    line.ask("Pull.")
    qtbot.wait(200)
    assert bar.currentMessage() == "Pull."
    line.answered()
    assert not bar.currentMessage()
    line.ask("Pull.")
    line.tell("Something else")
    line.answered()
    assert bar.currentMessage() == "Something else", "it has not been asked for"


def test_hints_of_the_window_go_and_its_request_stays_until_the_first_pull(qtbot, opened, monkeypatch):
    monkeypatch.setattr(status_line, "_LEAST_MS", 60)
    monkeypatch.setattr(status_line, "_CHARACTER_MS", 1)
    qtbot.wait(200)
    assert "pull" in opened.statusBar().currentMessage()
    pull(opened, (800, 300), (800, 240))
    assert "pull." not in opened.statusBar().currentMessage()
    opened.document.set_layer(opened.document.active_layer.id, "Lock", locked=True)
    pull(opened, (400, 400), (800, 240))
    assert "locked" in opened.statusBar().currentMessage()
    qtbot.waitUntil(lambda: not opened.statusBar().currentMessage(), timeout=2000)
