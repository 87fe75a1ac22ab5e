"""The engine worker and a process that dies, or never comes to life: no job is lost."""

import os
import random
import signal
import sys
from pathlib import Path

import pytest

from desktop.engine_process import Command, engine_command
from engine import (
    Engine,
    channel,
)
from tests.desktop.workers import (
    PATIENCE,
    ROOT,
    drag,
    fault,
    is_running,
    linux,
    warp,
    works,
)


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
