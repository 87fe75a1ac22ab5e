"""The engine process, as the window sees it: a real process over a real connection."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from pathlib import Path

import numpy as np
import pytest

from engine import (
    DragEdit,
    EditJob,
    EditResult,
    Engine,
    GenerateJob,
    Origin,
    Point,
    PointPair,
    PrepareJob,
    SubjectJob,
    WarmJob,
    data_dir,
)
from engine.channel import (
    BROKEN_DEVICE,
    HOST_ARGUMENT,
    PROTOCOL,
    Beat,
    Cancel,
    Door,
    Failed,
    Finished,
    Hello,
    Moved,
    Previewed,
    Run,
    Seen,
    Stepped,
    Stopped,
)
from engine.jobs import decode_answer, decode_ref, encode_job
from engine.pictures import SentPictures, SessionFolder
from tests.engine.sd_pack import write_sd_pack

ROOT = Path(__file__).parents[2]
FAULT_HOST = ("-m", "tests.engine.fault_host")
PATIENCE = 20  # seconds


class Caller:
    """What the window is to an engine process."""

    def __init__(self, folder, *words, key=None):
        self.folder, self.sent = folder, SentPictures(folder)
        self.door = Door(folder.path)
        self.process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        told = {"address": self.door.address, "key": key or self.door.key.hex(), "folder": str(folder.path)}
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        self.process.stdin.close()
        self.channel = None

    def greet(self):
        self.channel = self.door.wait()
        return self.channel.receive()

    def run(self, number, job):
        self.channel.send(Run(number, encode_job(job, self.sent.ref)))

    def until(self, *kinds):
        """All messages up to the first of these kinds, that one last; beats in between are left out."""
        found, end = [], time.monotonic() + PATIENCE
        while time.monotonic() < end:
            message = self.channel.receive()
            if isinstance(message, kinds):
                return [*found, message]
            if not isinstance(message, Beat):
                found.append(message)
        raise TimeoutError(kinds)

    def answer(self, number, job):
        self.run(number, job)
        message = self.until(Finished, Stopped, Failed)[-1]
        assert message.job == number
        return decode_answer(message.answer, self.folder.take) if isinstance(message, Finished) else message

    def ended(self):
        return self.process.wait(PATIENCE)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.door.close()
        if self.channel is not None:
            self.channel.close()
        else:
            self.door.abandon()


@pytest.fixture(scope="module")
def folder():
    created = SessionFolder.create()
    yield created
    created.remove()


@pytest.fixture
def start(folder):
    started = []

    def start(*words, greet=True, **options):
        started.append(Caller(folder, *(words or FAULT_HOST), **options))
        if greet:
            started[-1].greet()
        return started[-1]

    yield start
    for caller in started:
        caller.close()


@pytest.fixture(scope="module")
def shared_host(folder, tmp_path_factory):
    """One that serves test after test."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home of the host")
        patch.setenv("PLIANT_HOME", str(home))
        caller = Caller(folder, *FAULT_HOST)
        caller.home = home
        caller.greet()
        yield caller
        caller.close()


@pytest.fixture
def host(shared_host, folder):
    """Leaves no file behind."""
    yield shared_host
    assert {path.name for path in folder.path.iterdir() if "-" in path.name} == {
        ref.name for ref in shared_host.sent._sent.values()
    }


def drag(image, **changes):
    return DragEdit(image=image, points=(PointPair(Point(150, 120), Point(180, 130)),), **changes)


def fault(image, prompt, **changes):
    return EditJob(method="fault", request=drag(image, prompt=prompt), **changes)


# --- starting and ending


@pytest.mark.parametrize(
    "words", [("-m", "engine.host"), ("-m", "engine", HOST_ARGUMENT)], ids=["module", "program"]
)
def test_it_calls_says_who_it_is_and_edits(start, words, picture):
    caller = start(*words, greet=False)
    hello = caller.greet()
    assert isinstance(hello, Hello)
    assert (hello.protocol, hello.pid) == (PROTOCOL, caller.process.pid)
    assert {"python", "numpy", "torch"} <= set(hello.versions)
    answer = caller.answer(1, EditJob(method="flow_warp", request=drag(picture)))
    assert isinstance(answer, EditResult)
    caller.channel.close()
    assert caller.ended() == 0
    assert caller.process.stderr.read() == b""


def test_who_does_not_know_the_key_is_refused_and_the_engine_is_still_awaited(start):
    caller = start("-c", "import time; time.sleep(1); from engine.host import main; main()", greet=False)
    greeting = []
    waiting = threading.Thread(target=lambda: greeting.append(caller.greet()))
    waiting.start()
    with pytest.raises(AuthenticationError):
        Client(caller.door.address, authkey=b"guess")
    waiting.join(PATIENCE)
    assert isinstance(greeting[0], Hello)


def test_an_engine_with_another_key_ends(start):
    caller = start(greet=False, key=bytes(32).hex())
    waiting = threading.Thread(target=caller.door.wait)
    waiting.start()
    assert caller.ended() == 2
    caller.door.close()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()


@pytest.mark.parametrize("told", ["", "hello", "{}", '{"address": "/nowhere", "key": "00", "folder": "/"}'])
def test_started_by_nobody_it_ends_without_a_word(told):
    done = subprocess.run(
        [sys.executable, "-m", "engine.host"],
        cwd=ROOT,
        input=told.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_key_stands_where_nobody_else_reads_it(start):
    caller = start()
    for name in ("cmdline", "environ"):
        assert caller.door.key.hex().encode() not in Path(f"/proc/{caller.process.pid}/{name}").read_bytes()
    assert caller.folder.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("prompt", ["", "hang"], ids=["idle", "busy"])
def test_it_ends_with_its_connection_whatever_it_does(start, prompt, picture):
    caller = start()
    if prompt:
        caller.run(1, fault(picture, prompt))
        caller.until(Stepped)
    caller.channel.close()
    assert caller.ended() == 0


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_in_a_terminal_is_left_to_the_window(start, picture):
    caller = start()
    os.kill(caller.process.pid, signal.SIGINT)
    assert isinstance(caller.answer(1, EditJob(method="flow_warp", request=drag(picture))), EditResult)


# --- jobs


def test_a_result_is_the_engines_own_bit_for_bit(host, picture, clear_picture, display_p3):
    disc = np.zeros(picture.shape[:2], np.uint8)
    disc[90:160, 110:200] = 255
    requests = [
        drag(picture),
        drag(clear_picture, seed=2**62, pins=(Point(40.1, 30.7),)),
        drag(picture, mask=disc, profile=display_p3),
        drag(picture, motion="move", protected=255 - disc),
    ]
    for number, request in enumerate(requests):
        for settings in ({}, {"stiffness": 0.25, "fill": "smooth"}):
            engine = Engine()
            expected = engine.edit("flow_warp", request, engine.settings("flow_warp", chosen=settings))
            answer = host.answer(number, EditJob(method="flow_warp", request=request, settings=settings))
            assert answer.image.tobytes() == expected.image.tobytes()
            assert (answer.region, answer.handles, answer.partial) == (
                expected.region,
                expected.handles,
                False,
            )
            assert set(answer.timings) == set(expected.timings)
            assert not answer.image.flags.writeable


def test_it_looks_for_a_subject_and_resolves_a_device(host, picture):
    request = drag(picture, motion="move")
    assert np.array_equal(host.answer(1, SubjectJob(request=request)), Engine().find_subject(request))
    assert host.answer(2, WarmJob(device="cpu")) == "cpu"


def test_it_prepares_until_it_is_told_to_stop(host, picture):
    ready = PrepareJob(method="fault", request=drag(picture, prompt="short"))
    host.run(1, ready)
    told = host.until(Finished)
    assert told[-1].answer == "cpu"
    assert {message.phase for message in told if isinstance(message, Stepped)} == {"Plan", "Short"}
    host.run(2, PrepareJob(method="fault", request=drag(picture, prompt="slow")))
    host.until(Stepped)
    host.channel.send(Cancel(2, keep=True))
    assert host.until(Stopped, Finished)[-1] == Stopped(2), "there is never a part of it"
    assert isinstance(host.answer(3, PrepareJob(method="none", request=drag(picture))), Failed)


def test_it_generates_a_picture_and_shows_it_on_the_way(host):
    write_sd_pack(host.home / "packs" / "quick", tiny=True)
    origin = Origin(prompt="a flower", pack="quick", size=(64, 48), steps=3, seed=1)
    host.answer(0, WarmJob())  # which takes its time
    host.run(1, GenerateJob(origin=origin, device="cpu"))
    told = host.until(Finished)
    answer = decode_answer(told[-1].answer, host.folder.take)
    assert answer.image.shape == (48, 64, 4)
    (shown,) = (message for message in told if isinstance(message, Previewed))  # and waits until it is seen
    assert shown.box == [0, 0, 64, 48]
    assert host.folder.take(decode_ref(shown.picture)).shape == (48, 64, 4)
    again = host.answer(2, GenerateJob(origin=origin, device="cpu"))
    assert np.array_equal(again.image, answer.image)
    for preview in host.folder.path.glob(f"{host.process.pid}-*"):
        preview.unlink()
    refused = host.answer(3, GenerateJob(origin=Origin(prompt="a", pack="none", size=(64, 48))))
    assert isinstance(refused, Failed)
    assert refused.sentence.startswith("There is no pack “none”")


def test_a_picture_is_written_once_and_freed_with_its_array(host, folder, paint):
    before = {path.name for path in folder.path.iterdir()}
    image = paint(64, 48)
    for x in range(30, 33):
        request = DragEdit(image=image, points=(PointPair(Point(20, 20), Point(x, 20)),))
        host.answer(x, EditJob(method="flow_warp", request=request))
        assert len({path.name for path in folder.path.iterdir()} - before) == 1
    del image, request
    assert {path.name for path in folder.path.iterdir()} == before


def test_steps_and_handles_come_at_most_ten_times_a_second_and_the_last_step_always(host, picture):
    begun = time.monotonic()
    host.run(1, fault(picture, "slow"))
    messages = host.until(Finished)
    most = 10 * (time.monotonic() - begun) + 2
    steps = [message for message in messages if isinstance(message, Stepped)]
    assert 5 <= len(steps) <= most
    assert sum(isinstance(message, Moved) for message in messages) <= most
    assert [step.done for step in steps if step.phase == "Slow"] == sorted(
        {step.done for step in steps if step.phase == "Slow"}
    )
    assert (steps[-1].phase, steps[-1].done) == ("Begin", 1)
    handle = next(message for message in messages if isinstance(message, Moved)).handles
    assert handle == [[150, 120]]  # of the picture, not of the crop that the method sees
    take_all(host, messages)


def test_the_next_preview_waits_until_the_last_has_been_painted(host, picture):
    host.run(1, fault(picture, "slow"))
    messages = host.until(Finished)
    assert sum(isinstance(message, Previewed) for message in messages) == 1
    take_all(host, messages)
    host.run(2, fault(picture, "slow"))
    messages = []
    for _ in range(3):
        messages += host.until(Previewed)
        host.channel.send(Seen(2))
    x0, y0, x1, y1 = messages[-1].box
    assert decode_ref(messages[-1].picture).shape == (y1 - y0, x1 - x0, 4)
    assert (x0, y0, x1, y1) == tuple(Engine().plan(drag(picture)).crop)
    host.channel.send(Cancel(2, keep=False))
    take_all(host, messages + host.until(Stopped))


def take_all(host, messages):
    for message in messages:
        if isinstance(message, Previewed):
            host.folder.take(decode_ref(message.picture))
        elif isinstance(message, Finished):
            decode_answer(message.answer, host.folder.take)


@pytest.mark.parametrize("keep", [True, False])
def test_a_cancelled_job_gives_what_there_is_if_that_is_wanted(host, picture, keep):
    host.run(1, fault(picture, "slow"))
    messages = host.until(Moved)
    host.channel.send(Cancel(1, keep=keep))
    begun = time.monotonic()
    messages += host.until(Finished, Stopped)
    assert time.monotonic() - begun < 0.5
    if keep:
        answer = decode_answer(messages.pop().answer, host.folder.take)
        assert answer.partial
        assert not np.array_equal(answer.image, picture)
    else:
        assert isinstance(messages[-1], Stopped)
    rendered = any(isinstance(message, Stepped) and message.phase == "Finish" for message in messages)
    assert rendered == keep
    take_all(host, messages)


def test_while_what_there_is_is_rendered_it_can_be_dropped(host, picture):
    host.run(1, fault(picture, "finish_asking"))
    host.until(Moved)
    host.channel.send(Cancel(1, keep=True))
    while host.until(Stepped)[-1].phase != "Finish":
        pass
    host.channel.send(Cancel(1, keep=False))
    assert isinstance(host.until(Stopped, Finished)[-1], Stopped)


def test_a_cancel_counts_however_early_and_not_for_other_jobs(host, picture):
    host.channel.send(Cancel(1, keep=True))  # unknown yet
    assert isinstance(host.answer(1, EditJob(method="flow_warp", request=drag(picture))), EditResult)
    host.run(2, fault(picture, "bare"))
    host.channel.send(Cancel(2, keep=True))
    assert host.until(Stopped)[-1].job == 2


def test_inside_of_a_long_step_it_can_be_cancelled_too(host, picture):
    host.run(1, fault(picture, "polling"))
    host.until(Stepped)
    host.channel.send(Cancel(1, keep=True))
    assert host.until(Stopped)


def test_another_device_needs_no_other_process(host, picture):
    for device in ("cpu", "auto", "cpu"):
        job = EditJob(method="flow_warp", request=drag(picture), device=device)
        assert isinstance(host.answer(1, job), EditResult)
    refused = host.answer(2, EditJob(method="flow_warp", request=drag(picture), device="gpu"))
    assert "no device “gpu”" in refused.sentence


# --- failures


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("refuse", "The picture must not be edited."),
        ("memory", "Memory did not suffice"),
        ("allocate", "Memory did not suffice"),
        ("bug", "Something unexpected failed in the engine"),
        ("connect", "Something unexpected failed in the engine"),
        ("look_up", "Something unexpected failed in the engine"),
    ],
)
def test_a_failure_is_a_sentence_and_the_next_edit_works(host, picture, prompt, sentence):
    failed = host.answer(1, fault(picture, prompt))
    assert isinstance(failed, Failed)
    assert failed.sentence.startswith(sentence)
    assert isinstance(host.answer(2, EditJob(method="flow_warp", request=drag(picture))), EditResult)


def test_a_bug_is_told_to_the_log_with_its_place_and_the_sentence_names_the_log(host, picture):
    failed = host.answer(1, fault(picture, "bug"))
    log = host.home / "logs" / "engine.log"
    assert str(log) in failed.sentence
    text = log.read_text(encoding="utf-8")
    assert "ZeroDivisionError: the bug of the test" in text
    assert 'fault_host.py", line' in text


def test_the_engine_opens_no_connection_to_a_network(host, picture):
    for prompt in ("connect", "look_up"):
        host.answer(1, fault(picture, prompt))
    text = (host.home / "logs" / "engine.log").read_text(encoding="utf-8")
    assert text.count("PermissionError: The engine process opens no connection to a network.") >= 2


def test_an_unknown_method_or_setting_or_nothing_to_edit_is_told(host, picture):
    white = np.full(picture.shape[:2], 255, np.uint8)
    for job, words in (
        (EditJob(method="magic", request=drag(picture)), "no method “magic”"),
        (
            EditJob(method="flow_warp", request=drag(picture), settings={"stiffness": 7}),
            "stiffness takes 0 to 1",
        ),
        (EditJob(method="flow_warp", request=drag(picture), pack="nowhere"), "“nowhere”"),
        (EditJob(method="flow_warp", request=drag(picture, protected=white)), "protected"),
    ):
        assert words in host.answer(1, job).sentence


def test_a_broken_device_ends_the_process_after_it_has_told(start, picture):
    caller = start()
    assert isinstance(caller.answer(1, fault(picture, "device")), Failed)
    assert caller.ended() == BROKEN_DEVICE


def test_it_tells_that_it_lives_and_since_when_the_edit_is_quiet(start, picture):
    caller = start()
    caller.run(1, fault(picture, "hang"))
    beats = [caller.until(Beat)[-1].quiet for _ in range(4)]
    assert beats == sorted(beats)
    assert 1 < beats[-1] < 10


def test_the_log_rotates(monkeypatch):
    from engine import host as module

    monkeypatch.setattr(module, "_LOG_BYTES", 2000)
    root = logging.getLogger()
    before, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    root.handlers.clear()
    try:
        module._set_up_log()
        for i in range(200):
            logging.getLogger("engine").info("line %d", i)
        names = sorted(path.name for path in (data_dir() / "logs").iterdir())
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:], logging.raiseExceptions = before, raising
        root.setLevel(level)
    assert names == ["engine.log", "engine.log.1", "engine.log.2", "engine.log.3"]
