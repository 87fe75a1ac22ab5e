"""Flow warp as a method: its story of warp and fill, its preview, its memory."""

import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.edit import Box, DragEdit, Point, PointPair
from engine.engine import Engine
from engine.fill import fill
from engine.methods.flow_warp.editor import FlowWarpEditor
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.progress import Cancelled, Progress, Step
from engine.region import plan
from engine.subject import with_subject
from engine.warp import warp_drag

PAIR = PointPair(Point(150, 120), Point(190, 100))


def request(image: np.ndarray, **changes) -> DragEdit:
    changes.setdefault("mask", np.full(image.shape[:2], 255, np.uint8))
    changes.setdefault("points", (PAIR,))
    return DragEdit(image=image, **changes)


@pytest.fixture
def disc(picture: np.ndarray) -> np.ndarray:
    subject = np.zeros(picture.shape[:2], np.uint8)
    cv2.circle(subject, (150, 120), 40, 255, -1)
    return subject


def edit(asked: DragEdit, progress: Progress | None = None, **settings):
    return FlowWarpEditor().edit(asked, FlowWarpSettings(**settings), progress or Progress())


def test_deform_is_the_warp_alone(picture: np.ndarray) -> None:
    asked = request(picture)
    result = edit(asked, stiffness=0.25)
    warped = warp_drag(asked, stiffness=0.25)
    assert np.array_equal(result.image, warped.image)
    assert result.handles == warped.handles
    assert result.region == Box(0, 0, 320, 240)
    assert not result.partial
    assert not np.array_equal(result.image, edit(asked, stiffness=1).image)


@pytest.mark.parametrize("kind", ["texture", "smooth"])
def test_move_is_fill_below_and_the_subject_above(picture: np.ndarray, disc: np.ndarray, kind: str) -> None:
    asked = request(picture, subject=disc, motion="move")
    warped = warp_drag(asked)
    assert warped.unknown is not None
    expected = warped.flatten(fill(warped.image, warped.unknown, smooth=kind == "smooth"))
    assert np.array_equal(edit(asked, fill=kind).image, expected)


def test_the_fills_differ(disc: np.ndarray) -> None:
    grain = np.random.default_rng(0).integers(0, 256, (240, 320, 4), np.uint8)
    grain[..., 3] = 255
    asked = request(grain, subject=disc, motion="move")
    assert not np.array_equal(edit(asked, fill="texture").image, edit(asked, fill="smooth").image)


def test_only_move_needs_a_subject(picture: np.ndarray, disc: np.ndarray) -> None:
    deform, move = request(picture), request(picture, motion="move")
    assert with_subject(deform) is deform
    found = with_subject(move)
    assert found.subject is not None
    assert found.subject[120, 150] > 127
    painted = replace(move, subject=disc)
    assert with_subject(painted) is painted


def test_progress_is_told_of_phases_and_handles(picture: np.ndarray, disc: np.ndarray) -> None:
    steps: list[Step] = []
    handles = []
    progress = Progress(on_step=steps.append, on_handles=handles.append)
    result = edit(request(picture, subject=disc, motion="move"), progress)
    assert [step.phase for step in steps if step.done == step.total] == ["Warp", "Fill"]
    assert handles == [result.handles]
    assert set(progress.timings) == {"Warp", "Fill"}


def test_cancelled_before_the_fill_there_is_a_coarse_one(picture: np.ndarray, disc: np.ndarray) -> None:
    steps: list[Step] = []
    progress = Progress(
        on_step=steps.append, is_cancelled=lambda: len(steps) >= 2
    )  # Warp has begun and ended
    asked = request(picture, subject=disc, motion="move")
    with pytest.raises(Cancelled):
        edit(asked, progress)
    partial = progress.partial()
    assert partial is not None
    whole = edit(asked)
    assert partial.handles == whole.handles
    warped = warp_drag(asked)
    assert warped.unknown is not None
    assert np.array_equal(partial.image[warped.unknown == 0], whole.image[warped.unknown == 0])
    assert np.abs(partial.image.astype(int) - whole.image).mean() < 3


def test_cancelled_at_once_there_is_nothing(picture: np.ndarray) -> None:
    progress = Progress(is_cancelled=lambda: True)
    with pytest.raises(Cancelled):
        edit(request(picture), progress)
    assert progress.partial() is None


@pytest.mark.parametrize("motion", ["deform", "move"])
@pytest.mark.parametrize("fill_kind", ["texture", "smooth"])
def test_through_the_engine_it_repeats_to_the_byte(picture, disc, motion: str, fill_kind: str) -> None:
    asked = DragEdit(image=picture, points=(PAIR,), subject=disc, motion=motion)
    settings = FlowWarpSettings(fill=fill_kind)
    first, second = (Engine().edit("flow_warp", asked, settings) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert first.handles == second.handles
    assert first.handles[0] == pytest.approx(PAIR.target, abs=0.5)
    outside = np.ones(picture.shape[:2], bool)
    outside[plan(asked).box.slices] = False
    assert np.array_equal(first.image[outside], picture[outside])


MEASURE = """
import resource, sys
import numpy as np
from engine import DragEdit, Engine, Point, PointPair

def peak():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open("/proc/self/status") as file:  # ru_maxrss starts there from what the parent process had
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

def edit(image, motion):
    height, width = image.shape[:2]
    pairs = tuple(
        PointPair(Point(width * a, height * b), Point(width * (a + 0.1), height * (b + 0.05)))
        for a, b in ((0.3, 0.4), (0.6, 0.5))
    )
    mask = np.full((height, width), 255, np.uint8)
    subject = None
    if motion == "move":
        subject = np.zeros((height, width), np.uint8)
        subject[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4] = 255
    asked = DragEdit(image=image, mask=mask, points=pairs, motion=motion, subject=subject)
    start = peak()
    Engine().edit("flow_warp", asked)
    return peak() - start

width, height, motion = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
edit(np.zeros((64, 64, 4), np.uint8), motion)  # what is loaded late is loaded now
image = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
image[..., 3] = 255
print(edit(image, motion) / image.nbytes)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no peak in the standard library")
@pytest.mark.parametrize(
    ("size", "motion", "most"),
    [
        ((3000, 2000), "deform", 5),
        ((3000, 2000), "move", 9),
        pytest.param((6000, 4000), "deform", 4, marks=pytest.mark.long),
        pytest.param((6000, 4000), "move", 6, marks=pytest.mark.long),
    ],
)
def test_memory_stays_within_a_few_pictures(size: tuple[int, int], motion: str, most: float) -> None:
    """Beside the picture and its mask, as multiples of the picture's bytes."""
    command = [sys.executable, "-c", MEASURE, str(size[0]), str(size[1]), motion]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert 1 < float(done.stdout) < most
