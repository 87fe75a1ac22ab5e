"""The time left is learned from edits of the same kind, and unknown before."""

import pytest

from desktop.time_left import TimeLeft
from engine import Step


def run(left, begin, pace=1.0, kind="k"):
    """Two phases: two steps of 1 s, then four of 2 s; what is told at each step."""
    left.begin(kind)
    now, told = begin, []
    for phase, steps, seconds in (("a", 2, 1.0), ("b", 4, 2.0)):
        for done in range(steps + 1):
            told.append(left.step(Step(phase, done, steps), now))
            now += seconds * pace if done < steps else 0
    left.end(now)
    return told


def test_of_the_first_edit_nothing_is_known():
    assert run(TimeLeft(), 0) == [None] * 8


def test_the_second_is_told_what_the_first_took():
    left = TimeLeft()
    run(left, 0)
    assert run(left, 100) == pytest.approx([10, 9, 8, 8, 6, 4, 2, 0])


def test_within_a_phase_its_own_pace_counts():
    left = TimeLeft()
    run(left, 0)
    told = run(left, 100, pace=3)
    assert told[1] == pytest.approx(3 + 8)
    assert told[4:] == pytest.approx([18, 12, 6, 0])
    assert run(left, 200, pace=2)[0] == pytest.approx(20)  # between the two before


def test_kinds_are_apart_and_an_edit_that_did_not_end_teaches_nothing():
    left = TimeLeft()
    left.begin("k")
    left.step(Step("a", 0, 2), 0)
    assert run(left, 0) == [None] * 8
    assert run(left, 0, kind="other") == [None] * 8


def test_of_the_finish_of_a_cancelled_edit_nothing_is_said_and_nothing_learned():
    left = TimeLeft()
    run(left, 0)
    left.begin("k")
    left.step(Step("a", 0, 2), 50)
    assert left.step(Step("Finish", 0, 1), 51) is None
    assert left.step(Step("Finish", 1, 1), 90) is None
    assert run(left, 100) == run(left, 200)


def test_a_phase_that_is_first_heard_of_midway_is_not_taken_for_fast():
    left = TimeLeft()
    run(left, 0)
    left.begin("k")
    assert left.step(Step("b", 3, 4), 100) == pytest.approx(2), "what came before it is over"


def run_phases(left, begin, phases):
    """Phases of one step each; what is told at the start of each."""
    left.begin("k")
    now, told = begin, []
    for phase, seconds in phases.items():
        told.append(left.step(Step(phase, 0, 1), now))
        now += seconds
        left.step(Step(phase, 1, 1), now)
    left.end(now)
    return told


def test_a_phase_that_was_left_out_once_is_expected_again_but_not_after_what_follows_it():
    left, whole = TimeLeft(), {"load": 1, "learn": 8, "drag": 4, "decode": 2}
    run_phases(left, 0, whole)
    known = {phase: seconds for phase, seconds in whole.items() if phase != "learn"}
    assert run_phases(left, 100, known) == pytest.approx([15, 6, 2])
    assert run_phases(left, 200, known) == pytest.approx([15, 6, 2])
    assert run_phases(left, 300, whole) == pytest.approx([15, 14, 6, 2])


def test_a_phase_that_is_new_takes_its_place():
    left = TimeLeft()
    run_phases(left, 0, {"load": 1, "drag": 4, "decode": 2})
    assert run_phases(left, 100, {"load": 1, "learn": 8, "drag": 4, "decode": 2})[0] == pytest.approx(7)
    assert run_phases(left, 200, {"load": 1, "drag": 4, "decode": 2}) == pytest.approx([15, 6, 2])
