"""Engine workers of tests, sound and faulty ones, and an ear for what they tell."""

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject

from desktop.engine_process import Command
from engine import (
    DragEdit,
    EditJob,
    Engine,
    Point,
    PointPair,
)

ROOT = Path(__file__).parents[2]
FAULTY = Command((sys.executable, "-m", "tests.engine.fault_host"), ROOT)
ENDS = ("finished", "cancelled", "failed")
PATIENCE = 20_000  # milliseconds
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc or sends signals")


class Ear(QObject):
    """Hears all that a worker tells, in the window's thread, as (name, job, …)."""

    NAMES = ("ready", "step", "preview", "handles", "finished", "cancelled", "failed", "stuck", "lost")

    def __init__(self, worker, qtbot):
        super().__init__()
        self.heard, self.qtbot = [], qtbot
        for name in self.NAMES:
            getattr(worker, name).connect(getattr(self, f"hear_{name}"))

    def of(self, name, job=None):
        return [told for told in self.heard if told[0] == name and job in (None, told[1])]

    def end(self, job):
        """How the job has ended: the one signal that says so."""
        self.qtbot.waitUntil(lambda: any(self.of(name, job) for name in ENDS), timeout=PATIENCE)
        (told,) = [told for told in self.heard if told[0] in ENDS and told[1] == job]
        return told

    def wait(self, name, job=None, count=1):
        self.qtbot.waitUntil(lambda: len(self.of(name, job)) >= count, timeout=PATIENCE)
        return self.of(name, job)[count - 1]


def _hear(name):
    return lambda self, *told: self.heard.append((name, *told))


for _name in Ear.NAMES:
    setattr(Ear, f"hear_{_name}", _hear(_name))


def drag(image, at=(150, 120), **changes):
    x, y = at
    return DragEdit(image=image, points=(PointPair(Point(x, y), Point(x + 30, y + 10)),), **changes)


def warp(image, **changes):
    return EditJob(method="flow_warp", request=drag(image), **changes)


def fault(image, prompt, **changes):
    return EditJob(method="fault", request=drag(image, prompt=prompt), **changes)


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def works(worker, ear, image):
    """An edit gives what it always gives."""
    name, _, answer = ear.end(worker.submit(warp(image)))
    assert name == "finished"
    assert answer.image.tobytes() == Engine().edit("flow_warp", drag(image)).image.tobytes()
