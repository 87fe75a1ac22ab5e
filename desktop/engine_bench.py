"""The engine process's part of `pliant bench speed`: the window beside it, and how long after it has died."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtWidgets import QApplication

from desktop.engine_tier import Choice
from desktop.hand import Hand
from desktop.worker import EngineWorker
from engine import DragEdit, EditJob, Point, PointPair, Step, data_dir
from engine.cli import Row

_RUNS = 7
_PACK, _WIDTH = "random", 96  # an evaluation of that width takes 0.7 s of two cores, and one edit has 300
_STEPS = 100
_SIDE = 256  # pixels of a picture whose edit takes no time to speak of
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows knows but one


@contextmanager
def computing(hand: Hand) -> Generator[None]:
    """While this lasts, the engine process evaluates the networks of InstantDrag on the marked drags.

    They are smaller than the published ones, of random weights, and load every core as those do. They are
    written by another process: this one, which is measured, shall not load torch.
    """
    folder = data_dir() / "packs" / _PACK
    if not folder.exists():
        folder.mkdir(parents=True)
        command = [sys.executable, "-m", "engine.evaluation.random_pack", str(folder), str(_WIDTH)]
        subprocess.run(command, check=True)
    told: list[str] = []

    def hear(step: Step) -> None:
        told.append(step.phase)

    tier = hand.window.session.engine_tier
    tier.failed.connect(told.append)
    tier.stepped.connect(hear)
    settings = {"inference_steps": _STEPS}
    choice = Choice(method="instant_drag", pack=_PACK, device="cpu", settings=settings)
    assert hand.window.session.refine(choice), "there are drags"
    hand.wait(lambda: "Denoise" in told or not tier.refining)
    assert tier.refining, told
    yield
    assert tier.refining, f"the engine has not computed all the while: {told[-1]}"
    tier.cancel()
    hand.wait(lambda: not tier.refining)


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
