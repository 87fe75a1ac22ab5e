"""What comes out of a running edit, and how it is stopped."""

import numpy as np
import pytest

from engine import progress as module
from engine.edit import Box, EditResult, Point
from engine.progress import Cancelled, Progress, Step

IMAGE = np.zeros((2, 2, 4), np.uint8)


def test_track_yields_in_order_and_reports_before_each_and_after_the_last():
    steps, told_at = [], []
    progress = Progress(on_step=steps.append)
    for item in progress.track("Drag", "abc"):
        told_at.append((item, steps[-1]))
    assert told_at == [(item, Step("Drag", i, 3)) for i, item in enumerate("abc")]
    assert steps[-1] == Step("Drag", 3, 3)
    assert len(steps) == 4


def test_track_of_nothing_reports_the_end():
    steps = []
    assert list(Progress(on_step=steps.append).track("Drag", ())) == []
    assert steps == [Step("Drag", 0, 0)]


def test_track_stops_before_the_next_item():
    done, steps = [], []
    progress = Progress(on_step=steps.append, is_cancelled=lambda: len(done) == 2)
    with pytest.raises(Cancelled):
        done.extend(item for item in stopped(progress, done))
    assert done == [0, 1]
    assert steps == [Step("Drag", 0, 5), Step("Drag", 1, 5)]


def stopped(progress, done):
    for item in progress.track("Drag", range(5)):
        done.append(item)
    return ()


def test_cancelling_after_the_last_item_changes_nothing():
    answers = iter([False, True])
    progress = Progress(is_cancelled=lambda: next(answers))
    assert list(progress.track("Fill", [1])) == [1]


def test_a_phase_is_one_step_and_does_not_begin_when_cancelled():
    steps = []
    with Progress(on_step=steps.append).phase("Fill"):
        assert steps == [Step("Fill", 0, 1)]
    assert steps == [Step("Fill", 0, 1), Step("Fill", 1, 1)]
    with pytest.raises(Cancelled), Progress(is_cancelled=lambda: True).phase("Fill"):
        pytest.fail("the phase began")


def test_an_error_in_a_phase_comes_out_as_it_is_and_the_phase_does_not_end():
    steps = []
    progress = Progress(on_step=steps.append)
    with pytest.raises(ZeroDivisionError), progress.phase("Fill"):
        _ = 1 // 0
    assert steps == [Step("Fill", 0, 1)]
    assert progress.timings == {}


def test_cancelled_is_no_engine_error():
    from engine.errors import EngineError

    assert not issubclass(Cancelled, EngineError)


def test_timings_add_up_by_phase(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(module.time, "perf_counter", lambda: float(next(clock)))
    progress = Progress()
    for _ in range(3):
        with progress.phase("Fill"):
            pass
    list(progress.track("Drag", range(7)))
    assert progress.timings == {"Fill": 3.0, "Drag": 1.0}
    progress.timings["Fill"] = 0.0
    assert progress.timings["Fill"] == 3.0


def test_previews_are_rendered_only_when_someone_looks_and_when_due(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    shown, rendered = [], []

    def render():
        rendered.append(now[0])
        return IMAGE

    Progress().preview(render)
    assert rendered == []
    progress = Progress(on_preview=shown.append, preview_interval=0.5)
    for seconds in (0.0, 0.1, 0.4, 0.2, 0.3):  # at 100, 100.1, 100.5, 100.7, 101
        now[0] += seconds
        progress.preview(render)
    assert rendered == pytest.approx([100.0, 100.5, 101.0])
    assert len(shown) == 3
    assert shown[0] is IMAGE


def test_the_next_preview_is_due_after_a_slow_one_was_shown(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    rendered = []

    def slow():
        rendered.append(now[0])
        now[0] += 3.0
        return IMAGE

    progress = Progress(on_preview=lambda image: None, preview_interval=0.5)
    progress.preview(slow)
    progress.preview(slow)
    assert rendered == [100.0]


def test_handles_are_handed_on():
    seen = []
    Progress(on_handles=seen.append).report((Point(1, 2),))
    Progress().report((Point(1, 2),))
    assert seen == [(Point(1, 2),)]


def test_the_last_checkpoint_is_rendered_and_only_when_wanted():
    rendered = []

    def result(number):
        def render():
            rendered.append(number)
            return EditResult(image=IMAGE, region=Box(0, 0, 2, 2), handles=(Point(number, 0),))

        return render

    progress = Progress()
    assert progress.partial() is None
    progress.checkpoint(result(1))
    progress.checkpoint(result(2))
    assert rendered == []
    partial = progress.partial()
    assert partial is not None
    assert partial.handles == (Point(2, 0),)
    assert rendered == [2]


def test_to_render_what_there_is_is_a_phase_that_is_stopped_by_dropping_it_alone():
    steps, dropped = [], []
    progress = Progress(steps.append, is_cancelled=lambda: True, is_dropped=lambda: bool(dropped))

    def render():
        progress.check()
        return EditResult(image=IMAGE, region=Box(0, 0, 2, 2))

    assert progress.partial() is None
    assert steps == [], "there is nothing to render"
    progress.checkpoint(render)
    assert progress.partial() is not None
    assert [(*step, step.finishing) for step in steps] == [("Finish", 0, 1, True), ("Finish", 1, 1, True)]
    progress.checkpoint(lambda: (dropped.append(None), render())[1])
    with pytest.raises(Cancelled):
        progress.partial()
    progress.begin_anew()
    dropped.clear()
    with pytest.raises(Cancelled):
        progress.check()


def test_inside_a_long_step_it_can_be_asked_too():
    Progress().check()
    with pytest.raises(Cancelled):
        Progress(is_cancelled=lambda: True).check()


def test_what_begins_anew_has_nothing_of_the_attempt_before():
    progress = Progress()
    with progress.phase("Warp"):
        progress.count("FlowGen", 2)
    progress.checkpoint(lambda: EditResult(image=IMAGE, region=Box(0, 0, 2, 2)))
    progress.begin_anew()
    assert (progress.timings, progress.evaluations, progress.partial()) == ({}, {}, None)
