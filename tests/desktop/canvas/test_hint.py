from PySide6.QtCore import QRect

from desktop.canvas import hint
from desktop.canvas.hint import PullHint


def test_it_moves_for_less_than_five_seconds_and_stays_until_it_is_hidden(qtbot, monkeypatch):
    assert hint._PULLS * hint._SECONDS < 5
    monkeypatch.setattr(hint, "_SECONDS", 0.05)
    frames = []
    shown = PullHint(lambda: frames.append(shown.shown), lambda: QRect(0, 0, 100, 100))
    shown.show()
    qtbot.waitUntil(lambda: len(frames) > 2)
    qtbot.wait(200)
    count = len(frames)
    qtbot.wait(100)
    assert len(frames) == count and shown.shown, "it keeps still"
    shown.hide()
    assert not shown.shown and len(frames) == count + 1
    shown.hide()
    assert len(frames) == count + 1
