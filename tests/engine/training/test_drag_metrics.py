"""The figures of the held-out set are what they say, and the baselines do what they are named for."""

import numpy as np
import pytest
import torch

from engine.motion import fit_similarity
from engine.networks.drag_motion import Drags
from engine.training import drag_metrics
from engine.training.drag_metrics import (
    BASELINES,
    MOVES,
    DragTask,
    gaussian_flow,
    held_out,
    measure,
    pair_scores,
    similarity_flow,
    thin_plate_flow,
    warp_flow,
    zero_flow,
)
from tests.engine.training.photo_files import photos_of, scene

SIZE = 64


@pytest.fixture(scope="module")
def photos():
    return photos_of([scene(i)[0] for i in range(5)], ["a"] * 5)


@pytest.fixture(scope="module")
def few(photos):
    return held_out(photos, pairs=16, size=SIZE)


def task_of(handles, targets, size=64, **painted):
    """One picture with drags from the centres of pixels."""
    drags = Drags(torch.tensor([handles]) + 0.5, torch.tensor([targets]) + 0.5, torch.tensor([len(handles)]))
    return DragTask(torch.zeros(1, 3, size, size), drags, torch.ones(1), **painted)


def at(flow, pixel):
    return flow[0, :, pixel[1], pixel[0]].tolist()


def test_the_truth_has_no_error(few):
    truth = iter(few.pairs.flow.split(drag_metrics._BATCH))
    assert tuple(measure(lambda task: next(truth), few)) == (0, 0, 0, 1)


def test_figures_are_means_over_pairs(few):
    flow = torch.randn(few.pairs.flow.shape, generator=torch.Generator().manual_seed(0))
    scores = pair_scores(flow, few.pairs).double().numpy()
    error = np.hypot(*np.moveaxis((flow - few.pairs.flow).double().numpy(), 1, 0))
    region = few.pairs.region[:, 0].numpy() > 0
    for i in range(16):
        drags = (few.pairs.targets - few.pairs.handles)[i].double().numpy()
        least = MOVES * np.hypot(*drags.T).max()
        told = np.hypot(*flow[i].double().numpy()) > least
        true = np.hypot(*few.pairs.flow[i].double().numpy()) > least
        expected = (
            error[i].mean(),
            error[i][region[i]].mean(),
            error[i][~region[i]].mean(),
            (told & true).sum() / (told | true).sum(),
        )
        assert scores[i] == pytest.approx(expected, rel=1e-4)


def test_nothing_moving_is_off_by_the_motion(few):
    figures = measure(zero_flow, few)
    assert figures.everywhere == pytest.approx(few.pairs.flow.norm(dim=1).mean().item(), rel=1e-4)
    assert figures.moving > 3 > figures.background
    assert figures.iou == 0


def test_the_held_out_pairs_are_always_the_same(photos, few):
    again = held_out(photos, pairs=16, size=SIZE)
    assert torch.equal(again.pairs.target, few.pairs.target)
    assert torch.equal(again.subjects, few.subjects)
    assert torch.equal(again.editable, few.editable)


def test_a_method_is_told_only_what_was_asked_for(few):
    told = []

    def method(task):
        told.append(task)
        return zero_flow(task)

    measure(method, few)
    measure(method, few, subject=True)
    measure(method, few, editable=True)
    plain, subject, editable = told
    assert (plain.subject, plain.editable, subject.editable, editable.subject) == (None,) * 4
    assert torch.equal(subject.subject, few.subjects)
    assert torch.equal(editable.editable, few.editable)


def test_a_gaussian_carries_its_handle_and_fades():
    flow = gaussian_flow(8)(task_of([[30.0, 20.0]], [[36.0, 17.0]]))
    assert at(flow, (30, 20)) == pytest.approx([6, -3])
    assert at(flow, (38, 20)) == pytest.approx([6 * np.exp(-0.5), -3 * np.exp(-0.5)], rel=1e-4)


def test_a_thin_plate_goes_through_its_drags_and_rests_at_the_corners():
    flow = thin_plate_flow(task_of([[30.0, 20.0], [12.0, 40.0]], [[36.0, 17.0], [10.0, 44.0]]))
    assert at(flow, (30, 20)) == pytest.approx([6, -3], abs=0.01)
    assert at(flow, (12, 40)) == pytest.approx([-2, 4], abs=0.01)
    assert np.abs(at(flow, (0, 0))).max() < 0.3


def test_a_similarity_moves_the_subject_alone():
    subject = torch.zeros(1, 1, 64, 64)
    subject[..., 10:40, 10:40] = 1
    handles, targets = [[20.0, 20.0], [30.0, 20.0]], [[20.0, 25.0], [20.0, 35.0]]
    flow = similarity_flow(task_of(handles, targets, subject=subject))
    assert not flow[:, :, 40:].any()
    motion = fit_similarity(np.array(handles) + 0.5, np.array(targets) + 0.5)
    expected = motion(np.array([[15.5, 33.5]]))[0] - [15.5, 33.5]
    assert at(flow, (15, 33)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("move", [0.0, 1.0])
def test_flow_warp_brings_its_handle_home(move):
    subject = torch.zeros(1, 1, 64, 64)
    subject[..., 20:40, 20:40] = 1
    for painted in ({}, {"subject": subject}):
        task = task_of([[30.0, 30.0]], [[36.0, 27.0]], **painted)._replace(move=torch.tensor([move]))
        flow = warp_flow(task)
        assert at(flow, (30, 30)) == pytest.approx([6, -3], abs=0.1)
        assert np.hypot(*at(flow, (2, 60))) < 1


def test_flow_warp_heeds_what_may_change():
    editable = torch.zeros(1, 1, 64, 64)
    editable[..., 16:48, 16:48] = 1
    flow = warp_flow(task_of([[30.0, 30.0]], [[34.0, 30.0]], editable=editable))
    assert at(flow, (30, 30)) == pytest.approx([4, 0], abs=0.1)
    assert flow[..., :15].abs().max() < 0.05


def test_every_baseline_gives_a_flow(few):
    for name, method, subject, editable in BASELINES:
        task, pairs = next(few.tasks(subject=subject, editable=editable))
        small = DragTask(
            task.image[:2],
            Drags(*(t[:2] for t in task.drags)),
            task.move[:2],
            None if task.subject is None else task.subject[:2],
            None if task.editable is None else task.editable[:2],
        )
        flow = method(small)
        assert flow.shape == pairs.flow[:2].shape, name
        assert flow.isfinite().all(), name
