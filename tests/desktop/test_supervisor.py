"""The supervisor's patience, by a clock to turn and without processes: what is waited for, and how long."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from desktop import supervisor as supervisor_module
from desktop.engine_signals import EngineSignals
from desktop.limits import Limits
from desktop.running_job import RunningJob
from desktop.supervisor import Supervisor
from engine import (
    Box,
    EditJob,
    EditResult,
    GenerateJob,
    Origin,
    PrepareJob,
    SubjectJob,
    WarmJob,
    channel,
    jobs,
    pictures,
)
from tests.desktop.workers import FAULTY, drag, warp


@pytest.fixture
def watched(qtbot, monkeypatch):
    """A supervisor whose process has called and says nothing more, and a clock to turn."""
    now = [1000.0]
    monkeypatch.setattr(supervisor_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    signals, killed = EngineSignals(), []
    process = SimpleNamespace(
        heard_at=1000.0, pid=1, kill=lambda: killed.append(now[0]), send=lambda message: None
    )
    watched = Supervisor(signals, Limits(), lambda *_: None, lambda *_: None, FAULTY)
    monkeypatch.setattr(watched, "ensure", lambda: None)
    watched.process, watched._hello, watched._looked = process, channel.Hello(1, 1, {}), 1000.0
    watched.folder = pictures.SessionFolder(Path("/nowhere"))

    def pass_(seconds, tick=0.25):
        for _ in range(round(seconds / tick)):
            now[0] += tick
            watched.look()
        return bool(killed)

    return SimpleNamespace(
        supervisor=watched, signals=signals, process=process, pass_=pass_, now=lambda: now[0]
    )


def test_three_seconds_without_a_sign_are_the_end(watched):
    assert not watched.pass_(3)
    assert watched.pass_(0.25)


def test_when_the_machine_has_slept_patience_begins_anew(watched):
    assert not watched.pass_(3600, tick=3600)
    assert not watched.pass_(3)
    assert watched.pass_(0.25)


@pytest.mark.parametrize("phase", [None, "Plan", "Load"])
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_job_may_load_libraries_and_its_pack_for_a_minute(watched, picture, phase, cancelled):
    """Every job: a pack that went out of memory is loaded anew."""
    for number in (1, 2):
        job = EditJob(method="flow_warp", request=drag(picture), pack="big")
        watched.supervisor._running = RunningJob(number=number, job=job, excerpt=None)
        if phase is not None:
            watched.supervisor.take(watched.process, channel.Stepped(number, phase, 0, 1))
        if cancelled:
            watched.supervisor.cancel(number)
        watched.process.heard_at = watched.now()
        assert not watched.pass_(59)
        if number == 1:
            watched.supervisor.take(watched.process, channel.Stopped(1))
    assert not watched.pass_(1)
    assert watched.pass_(0.25)


@pytest.mark.parametrize("cancelled", [False, True])
def test_past_the_loading_patience_is_short(watched, picture, cancelled):
    job = EditJob(method="flow_warp", request=drag(picture), pack="big")
    watched.supervisor._running = RunningJob(number=1, job=job, excerpt=None)
    for phase in ("Plan", "Load", "Flow"):
        watched.supervisor.take(watched.process, channel.Stepped(1, phase, 0, 1))
    if cancelled:
        watched.supervisor.cancel(1)
        for _ in range(12):
            assert not watched.pass_(0.25)
            watched.process.heard_at = watched.now()  # it lives, and does not stop
    else:
        assert not watched.pass_(3)
    assert watched.pass_(0.25)


def test_what_is_cancelled_before_there_is_anything_to_show_is_told_once(watched, picture):
    told, sent = [], []
    watched.signals.cancelled.connect(told.append)
    watched.process.send = sent.append
    watched.supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None)
    watched.supervisor.cancel(1)
    watched.supervisor.cancel(1)
    assert told == [1]
    assert sent == [channel.Cancel(1, keep=False)]
    watched.supervisor.take(watched.process, channel.Stopped(1))
    assert told == [1]
    assert watched.supervisor._running is None


def test_what_renders_what_there_is_may_take_minutes_while_it_lives(watched, picture):
    supervisor, process, sent = watched.supervisor, watched.process, []
    process.send = sent.append
    supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None)
    supervisor.take(process, channel.Stepped(1, "Denoise", 2, 4))
    supervisor.cancel(1)
    assert not lives(watched, 2)
    supervisor.take(process, channel.Stepped(1, "Finish", 0, 1))
    supervisor.cancel(1)
    assert sent == [channel.Cancel(1, keep=True)]
    assert not lives(watched, 298)
    assert lives(watched, 0.25)


def test_what_renders_what_there_is_and_gives_no_sign_is_ended_as_ever(watched, picture):
    watched.supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None, opening=False)
    watched.supervisor.cancel(1)
    watched.supervisor.take(watched.process, channel.Stepped(1, "Finish", 0, 1))
    assert not watched.pass_(3)
    assert watched.pass_(0.25)


def test_dropped_it_has_ended_at_once_and_may_take_as_long_as_any_cancel(watched, picture):
    supervisor, process, told, sent = watched.supervisor, watched.process, [], []
    watched.signals.cancelled.connect(told.append)
    process.send = sent.append
    supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None, opening=False)
    supervisor.cancel(1)
    supervisor.take(process, channel.Stepped(1, "Finish", 0, 1))
    assert not lives(watched, 20) and not told
    for _ in range(2):
        supervisor.cancel(1, keep=False)
    assert told == [1]
    assert sent == [channel.Cancel(1, keep=True), channel.Cancel(1, keep=False)]
    assert not lives(watched, 3)
    assert lives(watched, 0.25)
    assert told == [1]


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_preview_that_is_replaced_or_cancelled_while_it_loads_is_let_load(watched, picture, cancelled):
    job = EditJob(method="flow_warp", request=drag(picture), pack="big", preview=True)
    watched.supervisor._running = RunningJob(number=1, job=job, excerpt=None)
    watched.supervisor._sent = SimpleNamespace(ref=lambda array: pictures.PictureRef("1-1", array.shape))
    if cancelled:
        watched.supervisor.cancel(1)
    watched.supervisor.enqueue(2, job)
    assert not watched.pass_(30)
    watched.supervisor.take(watched.process, channel.Stopped(1))  # and the next one is handed over
    assert not watched.pass_(20)
    watched.supervisor.take(watched.process, channel.Stepped(2, "Flow", 0, 1))
    watched.process.heard_at = watched.now()
    assert not watched.pass_(3)
    assert watched.pass_(0.25)


def lives(watched, seconds):
    """Let time pass while the process gives signs; returns whether it has been ended."""
    for _ in range(round(seconds / 0.25)):
        watched.process.heard_at = watched.now()
        if watched.pass_(0.25):
            return True
    return False


@pytest.mark.parametrize(("waits", "patience"), [("a preview", 10), ("an edit", 3), ("nothing", 60)])
def test_how_long_a_preview_may_take_to_stop_hangs_on_what_waits_for_it(watched, picture, waits, patience):
    job = EditJob(method="flow_warp", request=drag(picture), preview=True)
    watched.supervisor._running = RunningJob(number=1, job=job, excerpt=None, opening=False)
    watched.supervisor.cancel(1)
    if waits != "nothing":
        watched.supervisor.enqueue(2, warp(picture, preview=waits == "a preview"))
    assert not lives(watched, patience)
    assert lives(watched, 0.25)


def told_stuck(watched):
    told = []
    watched.signals.stuck.connect(lambda *words: told.append(words))
    return told


def test_an_edit_that_waits_for_one_that_was_cancelled_and_loads_on_says_so_once(watched, picture):
    told = told_stuck(watched)
    watched.supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None)
    watched.supervisor.enqueue(2, warp(picture))
    assert not lives(watched, 20) and not told, "it is not to stop"
    watched.supervisor.cancel(1)
    assert not lives(watched, 3) and not told
    assert not lives(watched, 30)
    ((number, sentence),) = told
    assert number == 2 and "more than 3 s" in sentence and "restart the engine" in sentence
    watched.supervisor.cancel(2)
    watched.supervisor.enqueue(3, warp(picture))
    assert not lives(watched, 1)
    assert [number for number, _ in told] == [2, 3]


def test_an_edit_that_waits_for_the_rest_of_a_stopped_one_is_told_of_discard(watched, picture):
    told = told_stuck(watched)
    watched.supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None, opening=False)
    watched.supervisor.cancel(1, keep=True)
    watched.supervisor.take(watched.process, channel.Stepped(1, "Finish", 0, 1))
    watched.supervisor.enqueue(2, warp(picture))
    assert not lives(watched, 10)
    ((number, sentence),) = told
    assert number == 2 and "press Discard" in sentence


def test_an_edit_that_waits_for_one_that_is_stuck_says_so_too(watched, picture):
    told = told_stuck(watched)
    watched.supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None, opening=False)
    watched.supervisor.enqueue(2, warp(picture))
    watched.supervisor.take(watched.process, channel.Beat(61))
    assert not lives(watched, 2)
    assert [number for number, _ in told] == [1, 2]
    assert "more than 60 s" in told[1][1]


def test_a_preview_behind_which_only_a_preview_waits_tells_nobody(watched, picture):
    told = told_stuck(watched)
    watched.supervisor._running = RunningJob(number=1, job=warp(picture, preview=True), excerpt=None)
    watched.supervisor.enqueue(2, warp(picture, preview=True))
    assert not lives(watched, 50)
    assert not told


def test_to_ask_what_the_engine_runs_on_stops_no_preview(watched, picture):
    cancelled = []
    watched.signals.cancelled.connect(cancelled.append)
    watched.supervisor._running = RunningJob(number=1, job=warp(picture, preview=True), excerpt=None)
    watched.supervisor.enqueue(2, WarmJob())
    assert not cancelled and watched.supervisor._running.cancelled_at is None
    watched.supervisor.enqueue(3, warp(picture))
    assert cancelled == [1]


@pytest.mark.parametrize("end", ["killed", "restarted", "silent"])
def test_a_search_that_ended_with_its_process_is_made_by_the_next_but_not_for_ever(watched, picture, end):
    failed, cancelled, supervisor = [], [], watched.supervisor
    watched.signals.failed.connect(lambda *words: failed.append(words))
    watched.signals.cancelled.connect(cancelled.append)
    supervisor._sent = SimpleNamespace(ref=lambda array: pictures.PictureRef("1-1", array.shape))
    supervisor.enqueue(1, SubjectJob(request=drag(picture)))
    for losses in (1, 2):
        supervisor.take(watched.process, channel.Stepped(1, "Subject", 0, 1))
        if end == "killed":
            supervisor.bury(watched.process, -9)
        elif end == "restarted":
            supervisor.restart(None)
        else:
            watched.pass_(4)
        assert len(failed) == losses - 1 and not cancelled
        watched.process.heard_at = watched.now()
        supervisor.process = watched.process
        supervisor.take(watched.process, channel.Hello(channel.PROTOCOL, 1, {}))
        assert (supervisor._running is not None) == (losses == 1)
    assert failed[0][0] == 1


def test_a_search_that_was_replaced_is_not_made_by_the_next_process(watched, picture):
    cancelled, supervisor = [], watched.supervisor
    watched.signals.cancelled.connect(cancelled.append)
    job = SubjectJob(request=drag(picture))
    supervisor._running = RunningJob(number=1, job=job, excerpt=None)
    supervisor.cancel(1)
    supervisor.bury(watched.process, -9)
    assert cancelled == [1] and not len(supervisor._queue)


def test_what_had_not_begun_when_the_process_died_is_handed_over_once_more(watched, picture):
    told = []
    watched.signals.failed.connect(lambda *words: told.append(words))
    watched.supervisor._sent = SimpleNamespace(ref=lambda array: pictures.PictureRef("1-1", array.shape))
    watched.supervisor.enqueue(1, warp(picture))
    for deaths in (1, 2):
        watched.supervisor.bury(watched.process, -9)
        assert len(told) == deaths - 1
        watched.supervisor.process = watched.process
        watched.supervisor.take(watched.process, channel.Hello(channel.PROTOCOL, 1, {}))
    assert told[0][0] == 1
    assert "memory ran out" in told[0][1]
    assert watched.supervisor._running is None


def test_what_an_abandoned_process_says_is_not_heard(watched, picture):
    told = []
    watched.signals.failed.connect(lambda *words: told.append(words))
    watched.supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None)
    for process, message in (
        (SimpleNamespace(), channel.Failed(1, "of another process")),
        (watched.process, channel.Failed(2, "of another job")),
        (watched.process, channel.Failed(1, "this one")),
        (watched.process, channel.Failed(1, "again")),
    ):
        watched.supervisor.take(process, message)
    assert told == [(1, "this one")]


@pytest.mark.parametrize(
    "answer", [{}, {"image": ["../x", [1]]}, {"image": ["1-1", [1]], "region": [1], "handles": []}, None]
)
def test_an_answer_that_makes_no_sense_fails_the_job(watched, picture, answer):
    told = []
    watched.signals.failed.connect(lambda *words: told.append(words))
    watched.supervisor._running = RunningJob(number=1, job=warp(picture), excerpt=None)
    watched.supervisor.take(watched.process, channel.Finished(1, answer))
    assert "made no sense" in told[0][1]


@pytest.fixture
def heard(watched):
    """What is told of jobs' ends, as (name, number), and what is sent to the process."""
    told, sent = [], []
    for name in ("finished", "cancelled", "failed"):
        getattr(watched.signals, name).connect(lambda number, *_, name=name: told.append((name, number)))
    watched.process.send = sent.append
    watched.supervisor._sent = SimpleNamespace(ref=lambda array: pictures.PictureRef("1-1", array.shape))
    return SimpleNamespace(told=told, sent=sent)


def ready(picture):
    return PrepareJob(method="flow_warp", request=drag(picture))


def runs(sent):
    return [message.job for message in sent if isinstance(message, channel.Run)]


@pytest.mark.parametrize("other", ["edit", "preview", "device"])
def test_what_is_prepared_gives_way_at_once_and_begins_anew_afterwards(watched, heard, picture, other):
    supervisor = watched.supervisor
    supervisor.enqueue(1, ready(picture))
    assert runs(heard.sent) == [1]
    supervisor.take(watched.process, channel.Stepped(1, "Adapt", 3, 70))
    supervisor.enqueue(2, WarmJob() if other == "device" else warp(picture, preview=other == "preview"))
    assert heard.sent[-1] == channel.Cancel(1, keep=False)
    supervisor.take(watched.process, channel.Stopped(1))
    assert runs(heard.sent) == [1, 2]
    supervisor.take(watched.process, channel.Stopped(2))
    assert runs(heard.sent) == [1, 2, 1]
    supervisor.take(watched.process, channel.Finished(1, "cpu"))
    assert heard.told == [("cancelled", 2), ("finished", 1)]


def test_of_two_that_are_prepared_the_later_counts(watched, heard, picture):
    supervisor = watched.supervisor
    supervisor.enqueue(1, ready(picture))
    supervisor.enqueue(2, ready(picture))
    assert heard.told == [("cancelled", 1)]
    supervisor.enqueue(3, ready(picture))
    assert heard.told == [("cancelled", 1), ("cancelled", 2)]
    supervisor.take(watched.process, channel.Stopped(1))
    assert runs(heard.sent) == [1, 3]


def test_what_was_put_off_can_still_be_cancelled(watched, heard, picture):
    supervisor = watched.supervisor
    supervisor.enqueue(1, ready(picture))
    supervisor.enqueue(2, warp(picture))
    supervisor.cancel(1)
    assert heard.told == [("cancelled", 1)]
    supervisor.take(watched.process, channel.Stopped(1))
    supervisor.take(watched.process, channel.Stopped(2))
    assert runs(heard.sent) == [1, 2]


def test_preparing_stops_nothing_that_runs(watched, heard, picture):
    supervisor = watched.supervisor
    supervisor.enqueue(1, warp(picture, preview=True))
    supervisor.enqueue(2, ready(picture))
    assert not heard.told and runs(heard.sent) == [1]
    supervisor.cancel(1)
    assert not lives(watched, 50), "nobody waits for its end"
    supervisor.take(watched.process, channel.Stopped(1))
    assert runs(heard.sent) == [1, 2]


def test_what_is_generated_is_seen_on_its_way_and_its_time_is_learned(watched, heard, tmp_path):
    folder = watched.supervisor.folder = pictures.SessionFolder(tmp_path)
    seen, left = [], []
    watched.signals.preview.connect(lambda *words: seen.append(words))
    watched.signals.step.connect(lambda *words: left.append(words[2]))
    image = np.full((32, 64, 4), 255, np.uint8)
    origin = Origin(prompt="a flower", pack="any", size=(64, 32))
    for number in (1, 2):
        watched.supervisor.enqueue(number, GenerateJob(origin=origin))
        watched.supervisor.take(watched.process, channel.Stepped(number, "Denoise", 0, 1))
        shown = channel.Previewed(number, list(folder.write(image)), [0, 0, 64, 32])
        watched.supervisor.take(watched.process, shown)
        watched.pass_(2)
        watched.process.heard_at = watched.now()
        watched.supervisor.take(watched.process, channel.Stepped(number, "Denoise", 1, 1))
        answer = EditResult(image=image, region=Box(0, 0, 64, 32))
        end = channel.Finished(number, jobs.encode_answer(answer, folder.write))
        watched.supervisor.take(watched.process, end)
    assert [(number, box) for number, _, box in seen] == [(1, Box(0, 0, 64, 32)), (2, Box(0, 0, 64, 32))]
    assert np.array_equal(seen[0][1], image)
    assert heard.told == [("finished", 1), ("finished", 2)]
    assert left == [None, None, pytest.approx(2), pytest.approx(0)]
