"""The engine process's part of `pliant bench speed`: how long the user waits after it has died."""

import os
import signal
import time

import numpy as np
from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtWidgets import QApplication

from desktop.worker import EngineWorker
from engine import DragEdit, EditJob, Point, PointPair
from engine.cli import Row

_RUNS = 7
_SIDE = 256  # pixels of a picture whose edit takes no time to speak of
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows knows but one


def time_restart() -> Row:
    """Kill the engine process while it is idle, and edit at once."""
    application = QCoreApplication.instance() or QApplication(["pliant"])
    worker = EngineWorker()
    try:
        _edit(worker)
        spent = [_killed(worker) for _ in range(_RUNS)]
    finally:
        worker.close()
        application.processEvents()
    return Row.of("engine process killed → next edit done", spent, None)


def _killed(worker: EngineWorker) -> float:
    pid = worker.pid
    assert pid is not None, "it has just edited"
    begun = time.perf_counter()
    os.kill(pid, _KILL)
    _edit(worker)
    return (time.perf_counter() - begun) * 1e3


def _edit(worker: EngineWorker) -> None:
    image = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 4), np.uint8)
    request = DragEdit(image=image, points=(PointPair(Point(100, 100), Point(130, 110)),))
    loop = QEventLoop()
    for end in (worker.finished, worker.cancelled, worker.failed):
        end.connect(loop.quit)
    worker.submit(EditJob(method="flow_warp", request=request))
    loop.exec()
