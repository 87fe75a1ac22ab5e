"""Flow warp off the window's thread: whatever becomes of the window, nobody waits for ever."""

import os
import subprocess
import sys

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
