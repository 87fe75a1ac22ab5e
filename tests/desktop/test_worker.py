"""The engine worker with real processes, sound and faulty ones: no job is lost, no process stays behind."""

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QObject

from desktop.engine_process import Command, EngineProcess, engine_command
from desktop.limits import Limits
from desktop.worker import EngineWorker
from engine import (
    DragEdit,
    EditJob,
    Engine,
    Point,
    PointPair,
    PrepareJob,
    SubjectJob,
    WarmJob,
    channel,
    pictures,
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


# --- jobs


def test_a_result_is_the_engines_own_bit_for_bit(start, paint, display_p3):
    worker, ear = start()
    image = paint(1400, 900, alpha=True)
    disc = np.zeros(image.shape[:2], np.uint8)
    disc[300:420, 500:640] = 255
    for request in (
        drag(image, at=(600, 300)),
        drag(image, at=(600, 300), mask=disc, profile=display_p3, pins=(Point(500, 260),)),
        drag(image, at=(600, 300), protected=disc),
        drag(image, at=(560, 360), motion="move"),
        drag(image, at=(560, 360), motion="move", subject=disc),
    ):
        expected = Engine().edit("flow_warp", request)
        _, _, answer = ear.end(worker.submit(EditJob(method="flow_warp", request=request)))
        assert answer.image.tobytes() == expected.image.tobytes()
        assert (answer.region, answer.handles) == (expected.region, expected.handles)
        assert not answer.image.flags.writeable


def test_all_kinds_of_jobs_are_answered_in_their_turn(start, picture):
    worker, ear = start()
    request = drag(picture, motion="move")
    jobs = [worker.submit(SubjectJob(request=request)), worker.submit(WarmJob(device="cpu"))]
    jobs.append(worker.submit(warp(picture)))
    assert np.array_equal(ear.end(jobs[0])[2], Engine().find_subject(request))
    assert ear.end(jobs[1])[2] == "cpu"
    ear.end(jobs[2])
    ends = [told[1] for told in ear.heard if told[0] in ENDS]
    assert ends == [*jobs[1:], jobs[0]], "all waited for the process, and final ones come first"
    hello = ear.of("ready")[0][1]
    assert hello.pid == worker.pid
    assert hello.versions["numpy"] == np.__version__


def test_what_is_prepared_lets_others_go_first_and_is_done_in_the_end(start, picture):
    worker, ear = start()
    ready = worker.submit(PrepareJob(method="fault", request=drag(picture, prompt="short")))
    ear.wait("step", ready)
    pid = worker.pid
    for _ in range(2):
        works(worker, ear, picture)
    assert not any(ear.of(name, ready) for name in ENDS), "it waits, and nobody is told"
    assert ear.end(ready)[::2] == ("finished", "cpu")
    assert worker.pid == pid, "it has stopped in time"


def test_what_the_engine_refuses_is_told_and_the_next_edit_works(start, picture):
    worker, ear = start()
    white = np.full(picture.shape[:2], 255, np.uint8)
    for job, words in (
        (EditJob(method="flow_warp", request=drag(picture, protected=white)), "protected"),
        (fault(picture, "refuse"), "must not be edited"),
        (fault(picture, "memory"), "Memory did not suffice"),
        (fault(picture, "bug"), "unexpected"),
    ):
        name, _, sentence = ear.end(worker.submit(job))
        assert name == "failed"
        assert words in sentence
    works(worker, ear, picture)
    assert not ear.of("lost")


@pytest.mark.parametrize(
    "error", [cv2.error("no room"), MemoryError(), ValueError("odd"), OSError("disk full")]
)
def test_what_cannot_be_handed_over_ends_in_words(start, picture, monkeypatch, error):
    worker, ear = start()
    works(worker, ear, picture)

    def refuse(self, request):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("desktop.excerpt.Excerpts.of", refuse)
        end, _, sentence = ear.end(worker.submit(warp(picture)))
        assert end == "failed" and sentence.endswith(".")
    works(worker, ear, picture)


def test_steps_handles_and_previews_are_of_the_whole_picture(start, paint):
    worker, ear = start()
    image = paint(1000, 700)
    request = drag(image, at=(700, 400), prompt="slow")
    job = worker.submit(EditJob(method="fault", request=request))
    _, _, picture, box = ear.wait("preview", job)
    assert box == Engine().plan(request).crop
    assert picture.shape == (box.height, box.width, 4)
    assert ear.wait("handles", job)[2] == (Point(700, 400),)
    worker.preview_painted(job)
    ear.wait("preview", job, count=2)
    assert all(left is None for *_, left in ear.of("step", job))
    worker.cancel(job)
    name, _, answer = ear.end(job)
    assert (name, answer.partial) == ("finished", True)
    assert answer.image.shape == image.shape
    outside = np.ones(image.shape[:2], bool)
    outside[box.slices] = False
    assert np.array_equal(answer.image[outside], image[outside])


def test_the_time_left_is_learned(start, picture):
    worker, ear = start()
    first, second = (worker.submit(fault(picture, "short")) for _ in range(2))
    ear.end(second)
    assert {left for *_, left in ear.of("step", first)} == {None}
    lefts = [left for _, _, step, left in ear.of("step", second) if step.phase == "Short"]
    assert lefts[-1] < lefts[0] < 10


# --- latest wins


def test_of_previews_the_latest_is_made(start, picture):
    worker, ear = start()
    running = worker.submit(fault(picture, "slow", preview=True))
    ear.wait("step", running)
    waiting = worker.submit(fault(picture, "slow", preview=True))
    latest = worker.submit(warp(picture, preview=True))
    begun = time.monotonic()
    assert ear.end(latest)[0] == "finished"
    assert time.monotonic() - begun < 1
    assert ear.end(running) == ("cancelled", running)
    assert ear.end(waiting) == ("cancelled", waiting)
    after = ear.heard[ear.heard.index(("cancelled", running)) + 1 :]
    assert not [told for told in after if told[1] == running]


def test_a_final_edit_goes_before_previews_and_is_never_dropped(start, picture):
    worker, ear = start()
    running = worker.submit(fault(picture, "slow", preview=True))
    ear.wait("step", running)
    preview = worker.submit(warp(picture, preview=True))
    finals = [worker.submit(warp(picture)) for _ in range(3)]
    for job in (*finals, preview):
        assert ear.end(job)[0] == "finished"
    assert [told[1] for told in ear.of("finished")] == [*finals, preview]


def test_more_than_may_wait_are_refused_in_words(start, picture):
    worker, ear = start()
    jobs = [worker.submit(fault(picture, "slow")) for _ in range(12)]
    refused = [job for job in jobs if ear.of("failed", job) or ear.qtbot.wait(20) or ear.of("failed", job)]
    assert refused == jobs[-len(refused) :]
    assert 3 <= len(refused) <= 4  # one of them may run already
    assert "8 edits are waiting" in ear.of("failed")[0][2]
    for job in jobs:
        worker.cancel(job)
    assert {ear.end(job)[0] for job in jobs if job not in refused} <= {"cancelled", "finished"}


# --- cancelling


def test_a_job_that_waits_can_be_cancelled(start, picture):
    worker, ear = start()
    first, second = worker.submit(fault(picture, "bare")), worker.submit(warp(picture))
    ear.wait("step", first)
    worker.cancel(second)
    assert ear.end(second) == ("cancelled", second)
    worker.cancel(first)
    assert ear.end(first) == ("cancelled", first)
    worker.cancel(first)  # has ended
    works(worker, ear, picture)
    assert not ear.of("lost")


def test_an_edit_that_does_not_stop_is_ended_with_its_process(start, picture):
    worker, ear = start(cancel=0.3)
    for _ in range(3):  # as often as one likes
        job = worker.submit(fault(picture, "hang"))
        ear.wait("step", job)
        worker.cancel(job)
        assert ear.end(job) == ("cancelled", job)
    assert "did not stop within 0.3 s" in ear.wait("lost")[1]
    works(worker, ear, picture)


def stop_finishing(worker, ear, picture, prompt):
    """Cancel such a job once it has something to show, and wait until that is being rendered; its number."""
    job = worker.submit(fault(picture, prompt))
    ear.wait("handles", job)
    worker.cancel(job)
    ear.qtbot.waitUntil(lambda: any(told[2].finishing for told in ear.of("step", job)), timeout=PATIENCE)
    return job


def test_what_takes_longer_to_render_than_a_cancel_may_comes_and_the_process_stays(start, picture):
    worker, ear = start(cancel=0.3)
    works(worker, ear, picture)
    pid = worker.pid
    job = stop_finishing(worker, ear, picture, "finish")
    worker.cancel(job)  # as is known
    _, _, answer = ear.end(job)
    assert answer.partial and (answer.image[..., :3] == 7).any()
    assert [left for _, _, step, left in ear.of("step", job) if step.finishing] == [None] * 2
    works(worker, ear, picture)
    assert worker.pid == pid and not ear.of("lost")


def test_what_is_being_rendered_can_be_dropped_and_the_process_stays_if_it_asks(start, picture):
    worker, ear = start()
    works(worker, ear, picture)
    pid = worker.pid
    job = stop_finishing(worker, ear, picture, "finish_asking")
    worker.cancel(job, keep=False)
    assert ear.end(job) == ("cancelled", job)
    works(worker, ear, picture)
    assert worker.pid == pid and not ear.of("lost")
    assert not ear.of("finished", job)


def test_what_is_dropped_and_renders_on_is_ended_with_its_process(start, picture):
    worker, ear = start(cancel=0.3)
    job = stop_finishing(worker, ear, picture, "finish_never")
    worker.cancel(job, keep=False)
    assert ear.end(job) == ("cancelled", job)
    assert not ear.of("lost"), "it is told at once"
    works(worker, ear, picture)
    assert "did not stop within 0.3 s" in ear.wait("lost")[1]


@pytest.mark.parametrize(
    ("prompt", "limit", "words"),
    [
        ("finish_never", {"finish": 1}, "did not stop within 1 s"),
        pytest.param("finish_deaf", {"silence": 1}, "gave no sign", marks=linux),
    ],
)
def test_to_render_for_ever_or_without_a_sign_is_the_end_of_the_process(start, picture, prompt, limit, words):
    worker, ear = start(cancel=0.2, **limit)
    job = stop_finishing(worker, ear, picture, prompt)
    assert ear.end(job) == ("cancelled", job)
    assert words in ear.wait("lost")[1]
    works(worker, ear, picture)


def test_a_cancelled_preview_has_ended_at_once_and_has_no_partial_result(start, picture):
    worker, ear = start()
    job = worker.submit(fault(picture, "slow", preview=True))
    ear.wait("handles", job)
    worker.cancel(job)
    assert ear.end(job) == ("cancelled", job)
    works(worker, ear, picture)
    assert not ear.of("finished", job)


def test_what_is_cancelled_while_a_pack_loads_ends_at_once_and_the_process_loads_on(start, picture):
    worker, ear = start(cancel=0.1)
    works(worker, ear, picture)
    job, pid = worker.submit(fault(picture, "load")), worker.pid  # one part, for a second
    ear.wait("step", job)
    worker.cancel(job)
    assert ear.end(job) == ("cancelled", job)
    assert not ear.of("lost")
    works(worker, ear, picture)
    assert worker.pid == pid
    assert not ear.of("lost")
    assert len([told for told in ear.heard if told[0] in ENDS and told[1] == job]) == 1


def test_a_load_that_hangs_is_ended_with_its_process(start, picture):
    worker, ear = start(opening=2, cancel=0.1)
    job, waiting = worker.submit(fault(picture, "load_for_ever")), worker.submit(warp(picture))
    ear.wait("step", job)
    worker.cancel(job)
    assert ear.end(job) == ("cancelled", job)
    assert "did not stop within 2" in ear.wait("lost")[1]
    assert ear.end(waiting)[0] == "finished"


def test_an_edit_that_hangs_is_told_and_can_be_ended(start, picture):
    worker, ear = start(stuck=0.4)
    job = worker.submit(fault(picture, "hang"))
    _, _, sentence = ear.wait("stuck", job)
    assert "no progress" in sentence
    worker.restart()
    assert ear.end(job)[0] == "failed"
    works(worker, ear, picture)
    assert len(ear.of("stuck")) == 1


# --- a process that dies


@linux
@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("killed", "memory ran out"),
        ("leave", "status 3"),
        ("device", "unexpected failed"),
        ("deaf", "gave no sign"),
    ],
)
def test_the_reason_is_told_and_the_next_edit_works(start, picture, prompt, words):
    worker, ear = start(silence=1, opening=1)
    job = worker.submit(fault(picture, prompt))
    waiting = worker.submit(warp(picture))  # handed to the next process
    name, _, sentence = ear.end(job)
    assert name == "failed"
    assert words in sentence
    assert ear.end(waiting)[0] == "finished"
    assert len(ear.of("lost")) == 1
    if prompt == "device":
        assert "graphics device" in ear.of("lost")[0][1]
    works(worker, ear, picture)


MOMENTS = {"starting": 4, "handing over": 3, "computing": 6, "answering": 4, "idle": 3}  # how often each


def kill_at(moment, worker, ear, picture, wait):
    """Submit a job and kill its process at such a moment, within which `wait` milliseconds pass → the job."""
    pid = worker.pid
    if moment == "starting":
        os.kill(pid, signal.SIGKILL)
        ear.qtbot.waitUntil(lambda: worker.pid not in (None, pid), timeout=PATIENCE)
    elif moment == "handing over":
        os.kill(pid, signal.SIGSTOP)  # what is sent it does not take
    elif moment == "idle":
        os.kill(pid, signal.SIGKILL)
    prompt = {"computing": "polling", "answering": "torn"}.get(moment)
    job = worker.submit(fault(picture, prompt) if prompt else warp(picture))
    if moment == "computing":
        ear.wait("step", job)
    if moment in ("starting", "handing over", "computing"):
        ear.qtbot.wait(wait)
        os.kill(worker.pid, signal.SIGKILL)
    return job


@linux
def test_killed_at_20_random_moments_no_job_is_lost_and_the_next_edit_works(start, picture):
    worker, ear = start()
    works(worker, ear, picture)
    expected = Engine().edit("flow_warp", drag(picture)).image.tobytes()
    chance = random.Random(7)
    moments = [moment for moment, count in MOMENTS.items() for _ in range(count)]
    chance.shuffle(moments)
    pids = set()
    for moment in moments:
        pids.add(worker.pid)
        job = kill_at(moment, worker, ear, picture, wait=chance.randrange(200))
        waiting = worker.submit(warp(picture))
        end, _, answer = ear.end(job)
        if moment in ("computing", "answering"):
            assert end == "failed", f"killed while {moment}, it must have been at the job"
        if end == "failed":
            assert moment not in ("handing over", "idle"), "what had not begun is done by the next process"
            assert "memory ran out" in answer
        else:
            assert end == "finished" and answer.image.tobytes() == expected
        end, _, answer = ear.end(waiting)
        assert end == "finished" and answer.image.tobytes() == expected
        left = {path.name.partition("-")[0] for path in worker._supervisor.folder.path.glob("*-*")}
        assert not left & set(map(str, pids)), "files of a process that has gone"
    assert len(pids) == len(moments), "each was killed"
    assert not [pid for pid in pids if is_running(pid)]


@linux
def test_a_process_that_stands_still_is_replaced(start, picture):
    worker, ear = start(silence=1)
    works(worker, ear, picture)
    os.kill(worker.pid, signal.SIGSTOP)
    assert "gave no sign" in ear.wait("lost")[1]
    works(worker, ear, picture)


def test_restart_ends_what_runs_and_keeps_what_waits(start, picture):
    worker, ear = start()
    job, waiting = worker.submit(fault(picture, "hang")), worker.submit(warp(picture))
    ear.wait("step", job)
    before = worker.pid
    worker.restart()
    assert ear.end(job)[0] == "failed"
    assert ear.end(waiting)[0] == "finished"
    assert worker.pid != before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((sys.executable, "-c", "raise SystemExit(1)"), "cannot be started"),
        (("/nowhere/python",), "cannot be started"),
        (
            (sys.executable, "-c", "import engine.host as h; h.PROTOCOL = 99; h.main()"),
            "another version of Pliant",
        ),
    ],
    ids=["ends at once", "absent", "other version"],
)
def test_an_engine_that_cannot_be_started_is_given_up_until_it_is_asked_for_again(
    start, picture, words, told
):
    worker, ear = start(Command(words, ROOT))
    for _ in range(2):
        name, _, sentence = ear.end(worker.submit(warp(picture)))
        assert name == "failed"
        assert told in sentence
    assert told in ear.of("lost")[-1][1]
    assert worker.pid is None


def test_another_runtime_can_be_chosen(start, picture, tmp_path):
    worker, ear = start()
    works(worker, ear, picture)
    worker.restart(tmp_path)
    assert str(tmp_path) in ear.wait("lost", count=2)[1]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "pyvenv.cfg").write_text((Path(sys.prefix) / "pyvenv.cfg").read_text())
    (tmp_path / "lib").symlink_to(Path(sys.prefix) / "lib")
    worker.restart(tmp_path)
    works(worker, ear, picture)


def test_where_the_engine_is_found(monkeypatch, tmp_path):
    assert engine_command() == Command((sys.executable, "-m", "engine.host"), ROOT)
    with pytest.raises(FileNotFoundError):
        engine_command(tmp_path)
    (tmp_path / "python.exe").touch()
    assert engine_command(tmp_path) == Command((str(tmp_path / "python.exe"), "-m", "engine.host"), ROOT)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    home = Path(sys.executable).parent
    assert engine_command() == Command((sys.executable, channel.HOST_ARGUMENT), home)
    assert engine_command(tmp_path).folder == tmp_path


# --- nothing stays behind


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
from tests.desktop.test_worker import FAULTY, fault
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
