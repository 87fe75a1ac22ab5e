"""The engine worker with real processes: every job has one end, the latest preview wins, a stop is a stop."""

import time

import cv2
import numpy as np
import pytest

from engine import (
    EditJob,
    Engine,
    Point,
    PrepareJob,
    SubjectJob,
    WarmJob,
)
from tests.desktop.workers import ENDS, PATIENCE, drag, fault, linux, warp, works

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
