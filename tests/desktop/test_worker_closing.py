"""The engine worker leaves no process, no file and no thread behind, and never makes the window wait."""

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest

from desktop.engine_process import EngineProcess
from desktop.limits import Limits
from desktop.worker import EngineWorker
from engine import (
    EditJob,
    pictures,
)
from tests.desktop.workers import (
    FAULTY,
    PATIENCE,
    ROOT,
    Ear,
    drag,
    fault,
    is_running,
    linux,
    warp,
    works,
)


def test_closing_takes_no_second_and_leaves_nothing(start, picture):
    worker, ear = start()
    works(worker, ear, picture)
    job = worker.submit(fault(picture, "deaf"))
    ear.wait("step", job)
    pid, folder = worker.pid, worker._supervisor.folder.path
    assert folder.exists()
    begun = time.monotonic()
    worker.close()
    assert time.monotonic() - begun < 1
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    worker.close()
    worker.submit(warp(picture))
    worker.start()
    assert worker.pid is None


def test_a_worker_that_was_never_started_closes_too(start):
    worker, _ = start()
    assert worker.pid is None
    worker.close()


ORPHAN = """
import sys
from PySide6.QtCore import QCoreApplication
from desktop.worker import EngineWorker
from tests.desktop.workers import FAULTY, fault
import numpy as np
application = QCoreApplication([])
worker = EngineWorker(FAULTY)
def tell(*_):
    sys.stdout.write(f"{worker.pid} {worker._supervisor.folder.path}\\n")
    sys.stdout.flush()
if sys.argv[1] == "idle":
    worker.ready.connect(tell)
    worker.start()
else:
    worker.step.connect(tell)
    worker.submit(fault(np.zeros((200, 300, 4), np.uint8), sys.argv[1]))
application.exec()
"""


@linux
@pytest.mark.parametrize("state", ["idle", "hang", "deaf"])
def test_no_process_outlives_a_window_that_was_killed_and_the_next_one_clears_up(state):
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, state], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as window:
        pid, folder = window.stdout.readline().split()
        assert is_running(pid)
        window.kill()
    end = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_running(pid)
    assert Path(folder).exists()
    pictures.SessionFolder.create().remove()
    assert not Path(folder).exists()


def test_a_closed_worker_stays_as_long_as_its_process_speaks_through_it(qtbot, monkeypatch):
    go_on, real, waiting = threading.Event(), EngineProcess._wait, []

    def wait(self):
        waiting.append(self._waiter)
        assert go_on.wait(PATIENCE / 1000)
        real(self)

    monkeypatch.setattr(EngineProcess, "_wait", wait)
    monkeypatch.setattr("desktop.worker._CLOSING", 4)  # half of it is spent waiting for the process's thread
    worker = EngineWorker(FAULTY, Limits())
    ear = Ear(worker, qtbot)
    worker.start()
    ear.wait("ready")
    worker.close()
    gone = weakref.ref(worker)
    del worker
    gc.collect()
    assert gone() is not None
    go_on.set()
    waiting[0].join()  # an exception in it would fail this test
    gc.collect()
    assert gone() is None


@linux
def test_50_jobs_leave_no_file_open_and_none_behind(start, paint):
    worker, ear = start()

    def counts():
        files = [path for path in worker._supervisor.folder.path.iterdir() if "-" in path.name]
        return *(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in ("self", worker.pid)), len(files)

    for seed in range(55):
        ear.end(worker.submit(warp(paint(320, 240, seed=seed))))
        ear.heard.clear()
        if seed == 4:
            before = counts()
    assert counts() == before
    assert before[-1] <= 2  # the last job's picture and mask, which the worker still knows


@linux
def test_the_windows_thread_never_waits(start, paint):
    worker, ear = start()
    image = paint(1500, 1000)
    job = worker.submit(EditJob(method="fault", request=drag(image, at=(700, 400), prompt="deaf")))
    ear.wait("step", job)
    for act in (
        lambda: worker.submit(EditJob(method="flow_warp", request=drag(image))),
        lambda: worker.cancel(job),
        lambda: worker.preview_painted(job),
        worker.restart,
        worker.start,
    ):
        begun = time.perf_counter()
        act()
        assert time.perf_counter() - begun < 0.1


def test_the_window_loads_no_torch_for_it():
    code = "import sys, desktop.worker; sys.exit('torch' in sys.modules or 'multiprocessing' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False).returncode == 0
