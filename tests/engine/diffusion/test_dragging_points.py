"""Motion supervision and point tracking against naive loops in float64, and at every border."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from engine.diffusion.features import Features
from engine.diffusion.points import (
    arrived,
    distances,
    grid_points,
    mask_regularisation,
    motion_supervision,
    point_tracking,
    within,
)

SIZE = 24, 30


def maps(seed=0, channels=4, native=SIZE):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, channels, *native, generator=generator, dtype=torch.float64).unbind()


def on_grid(values, size=None):
    return Features(values=values, size=size or tuple(values.shape[1:]))


def naive_loss(now, before, origins, handles, targets, radius, stride, weight):
    """Pixel by pixel; a pixel counts where both maps have it."""
    _, height, width = now.shape
    total = 0.0
    for origin, handle, target in zip(origins, handles, targets, strict=True):
        way = np.subtract(target, handle)
        far = math.hypot(*way)
        if far < 2:
            continue
        ahead = handle + way / far * min(far, stride)
        errors = []
        for dy in range(-radius, radius + 1):
            for dx in range(-radius, radius + 1):
                row, column = int(origin[0]) + dy, int(origin[1]) + dx
                y, x = ahead[0] + dy, ahead[1] + dx
                if not (0 <= row < height and 0 <= column < width):
                    continue
                if not (0 <= y <= height - 1 and 0 <= x <= width - 1):
                    continue
                y0, x0 = math.floor(y), math.floor(x)
                y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
                b = (y0 + 1 - y) * ((x0 + 1 - x) * now[:, y0, x0] + (x - x0) * now[:, y0, x1])
                b = b + (y - y0) * ((x0 + 1 - x) * now[:, y1, x0] + (x - x0) * now[:, y1, x1])
                errors.append((before[:, row, column] - b).abs())
        total = total + weight * torch.stack(errors).mean()
    return total


places = st.tuples(st.integers(0, SIZE[0] - 1), st.integers(0, SIZE[1] - 1))
triples = st.lists(st.tuples(places, places, places), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(triples, st.sampled_from([(1, 1), (4, 4), (3, 2)]))
def test_the_loss_and_its_gradient_are_the_formulas(points, numbers):
    radius, stride = numbers
    origins, handles, targets = (torch.tensor([p[i] for p in points], dtype=torch.float64) for i in range(3))
    now, before = maps()
    weight = (2 * radius) ** 2

    def ours(values):
        return motion_supervision(
            on_grid(values), on_grid(before), origins, handles, targets,
            radius=radius, stride=stride, weight=weight,
        )  # fmt: skip

    def naive(values):
        ends = (points.numpy() for points in (origins, handles, targets))
        return naive_loss(values, before, *ends, radius, stride, weight)

    losses, gradients = [], []
    for how in (ours, naive):
        values = now.clone().requires_grad_()
        loss = how(values) + values.sum() * 0
        loss.backward()
        losses.append(loss.item())
        gradients.append(values.grad)
    assert losses[0] == pytest.approx(losses[1], abs=1e-9)
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-9, rtol=0)


def test_no_gradient_reaches_the_reference():
    """DragDiffusion looks at the same map twice: what stands in the reference's place is held fixed."""
    now, _ = maps()
    handles, targets = torch.tensor([[10.0, 10]]), torch.tensor([[10.0, 20]])
    found = []
    for reference in (now.clone(), None):
        values = now.clone().requires_grad_()
        features = on_grid(values)
        motion_supervision(
            features,
            on_grid(reference) if reference is not None else features,
            handles, handles, targets, radius=1, stride=1, weight=9,
        ).backward()  # fmt: skip
        found.append(values.grad)
    assert torch.equal(found[0], found[1])


def test_a_handle_that_has_arrived_is_not_pulled():
    now, before = maps()
    points = torch.tensor([[10.0, 10.0]])
    for away, pulled in ((1.999, False), (2.0, True)):
        loss = motion_supervision(
            on_grid(now), on_grid(before), points, points, points + torch.tensor([0, away]),
            radius=4, stride=4, weight=64,
        )  # fmt: skip
        assert (float(loss) > 0) == pulled


def test_a_step_ends_at_a_target_that_is_near():
    """Two and a half pixels away, β = 4 would lead beyond."""
    now, before = maps()
    handle = torch.tensor([[10.0, 10.0]], dtype=torch.float64)
    losses = {
        stride: motion_supervision(
            on_grid(now), on_grid(before), handle, handle, handle + torch.tensor([0, 2.5]),
            radius=1, stride=stride, weight=1,
        )
        for stride in (2.4, 2.5, 4)
    }  # fmt: skip
    assert losses[4] == losses[2.5] != losses[2.4]


@pytest.mark.parametrize("place", [(0, 0), (0, 29), (23, 0), (23, 29), (0, 15), (12, 29)])
@pytest.mark.parametrize("target", [(0, 0), (23, 29), (12, 15), (0, 29), (23, 0)])
def test_borders_and_corners_are_no_obstacle(place, target):
    now, before = maps()
    handles, targets = torch.tensor([place]).float(), torch.tensor([target]).float()
    values = now.clone().requires_grad_()
    loss = motion_supervision(
        on_grid(values), on_grid(before), handles, handles, targets, radius=4, stride=4, weight=64
    )
    assert loss.isfinite()
    if place != target:
        loss.backward()
        assert values.grad.isfinite().all()
    found = point_tracking(on_grid(now), on_grid(before), handles, handles, 12)
    assert torch.equal(found, within(found, SIZE))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(places, places), min_size=1, max_size=4), st.integers(0, 13))
def test_tracking_finds_the_nearest_by_l1(points, radius):
    now, before = maps(1)
    origins, handles = (torch.tensor([p[i] for p in points]).float() for i in range(2))
    found = point_tracking(on_grid(now), on_grid(before), origins, handles, radius)
    for origin, handle, at in zip(origins.int(), handles.int(), found, strict=True):
        sought = before[:, origin[0], origin[1]]
        best = min(
            (float((now[:, y, x] - sought).abs().sum()), y, x)
            for y in range(max(0, handle[0] - radius), min(SIZE[0], handle[0] + radius + 1))
            for x in range(max(0, handle[1] - radius), min(SIZE[1], handle[1] + radius + 1))
        )
        assert tuple(at.tolist()) == best[1:]


def test_tracking_on_an_enlarged_map_is_tracking_on_the_grid():
    now, before = maps(2, native=(6, 8))
    size = (24, 32)
    whole = [
        torch.nn.functional.interpolate(values[None], size, mode="bilinear")[0] for values in (now, before)
    ]
    points = torch.tensor([[11.0, 7.0], [0.0, 31.0], [23.0, 16.0]])
    ours = point_tracking(on_grid(now, size), on_grid(before, size), points, points, 5)
    assert torch.equal(ours, point_tracking(on_grid(whole[0]), on_grid(whole[1]), points, points, 5))


def test_of_equals_the_first_in_rows_is_taken():
    flat = on_grid(torch.zeros(3, *SIZE))
    handles = torch.tensor([[10.0, 10.0], [2.0, 28.0]])
    assert point_tracking(flat, flat, handles, handles, 4).tolist() == [[6, 6], [0, 24]]


def test_a_fraction_is_kept():
    now, before = maps()
    now[:, 15, 12] = before[:, 10, 10]
    found = point_tracking(
        on_grid(now), on_grid(before), torch.tensor([[10.9, 10.4]]), torch.tensor([[13.25, 11.5]]), 4
    )
    assert found.tolist() == [[15.25, 12.5]]


def test_tracking_keeps_no_graph():
    now, before = maps()
    points = torch.tensor([[10.0, 10.0]])
    assert not point_tracking(on_grid(now.requires_grad_()), on_grid(before), points, points, 3).requires_grad


def test_arrival_and_distances():
    handles, targets = torch.tensor([[0.0, 0.0], [5, 5]]), torch.tensor([[0.0, 1.9], [5, 8]])
    assert distances(handles, targets).tolist() == pytest.approx([1.9, 3])
    assert not arrived(handles, targets)
    assert arrived(handles[:1], targets[:1])
    assert not arrived(torch.zeros(1, 2), torch.tensor([[0.0, 2.0]]))


def test_what_shall_stay_counts_where_the_mask_is_zero():
    generator = torch.Generator().manual_seed(0)
    moved, original = torch.randn(2, 1, 4, 6, 7, generator=generator).unbind()
    mask = (torch.rand(1, 1, 6, 7, generator=generator) > 0.5).float()
    expected = sum(
        abs(float(moved[0, c, y, x] - original[0, c, y, x]))
        for c in range(4) for y in range(6) for x in range(7) if mask[0, 0, y, x] == 0
    )  # fmt: skip
    assert float(mask_regularisation(moved, original, mask)) == pytest.approx(expected, rel=1e-5)


# --- between pictures and grids


def test_points_are_rounded_half_to_even():
    points = grid_points([[1, 3], [3, 5], [5, 7]], (100, 100), (50, 50))
    assert points.tolist() == [[2, 0], [2, 2], [4, 2]]
    assert points.dtype == torch.float32


def test_a_point_on_the_far_edge_is_taken_for_the_last_pixel():
    points = grid_points([[80, 60], [0, 0]], (60, 80), (30, 40))
    assert points.tolist() == [[30, 40], [0, 0]]
    assert within(points, (30, 40)).tolist() == [[29, 39], [0, 0]]
