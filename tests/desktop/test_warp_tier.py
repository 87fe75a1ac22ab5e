"""Flow warp off the window's thread: whatever becomes of the window, nobody waits for ever."""

import os
import subprocess
import sys
import threading
import time

import numpy as np

from desktop.document import Document
from desktop.warp_tier import WarpTier
from engine import Cancelled, DragEdit, Engine, Photo, Point, PointPair

GONE_WHILE_WORKING = """
import numpy as np
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from desktop.warp_tier import WarpTier
from engine import DragEdit, Engine, Point, PointPair
app = QApplication([])
tier = WarpTier(Engine())
image = np.random.default_rng(0).integers(0, 256, (1500, 1500, 4), np.uint8)
request = DragEdit(image=image, points=(PairOf,), mask=None)
tier.finish(None, request)
tier.deleteLater()
window = QWidget()
window.show()
QTest.qWaitForWindowExposed(window)  # keeps Python to itself, and deletes what is to be deleted
QTest.qWaitForWindowActive(window)
print("gone")
"""


def test_it_may_be_destroyed_while_it_works():
    """In another process, as this one could not stop waiting."""
    pair = "PointPair(Point(700, 700), Point(900, 760))"
    done = subprocess.run(
        [sys.executable, "-c", GONE_WHILE_WORKING.replace("PairOf", pair)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_LOGGING_RULES": "default.warning=false"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "gone"), done.stderr
    assert not done.stderr


def test_what_is_dropped_stops_and_the_next_one_is_made(qtbot, picture, monkeypatch):
    engine, begun, stopped, real = Engine(), threading.Event(), threading.Event(), Engine.edit

    def edit(self, method, request, *given, progress):
        if not begun.is_set():
            begun.set()
            try:
                for _ in range(2000):
                    progress.check()
                    time.sleep(0.01)
            except Cancelled:
                stopped.set()
                raise
        return real(self, method, request, *given, progress=progress)

    monkeypatch.setattr(Engine, "edit", edit)
    tier, finished, failed = WarpTier(engine), [], []
    tier.finished.connect(finished.append)
    tier.failed.connect(lambda *words: failed.append(words))
    states = [Document.from_photo(Photo(pixels=picture, has_alpha=False), None).settled for _ in range(2)]
    request = DragEdit(image=picture, points=(PointPair(Point(150, 120), Point(180, 130)),))
    tier.finish(states[0], request)
    assert begun.wait(20)
    tier.finish(states[1], request)
    tier.wait()
    assert stopped.is_set()
    qtbot.wait(20)
    assert [made.state for made in finished] == [states[1]] and not failed
    assert np.array_equal(finished[0].result.image, real(engine, "flow_warp", request).image)
    tier.stop()
