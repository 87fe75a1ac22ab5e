"""The analytic motion of drags, against sums written out in float64."""

import cmath

import numpy as np
import pytest
import torch

from engine.networks.drag_motion import Drags, analytic_flow, fit_similarity

RIDGE, SPREAD, FLOOR = 0.03, 0.08, 0.02


def drags_of(*rows, room=8, dtype=torch.float64):
    """A batch from lists of (handle, target), padded with nonsense that must not count."""
    points = torch.full((2, len(rows), room, 2), 77.0, dtype=dtype)
    for i, row in enumerate(rows):
        for j, (handle, target) in enumerate(row):
            points[:, i, j] = torch.tensor([handle, target], dtype=dtype)
    return Drags(points[0], points[1], torch.tensor([len(row) for row in rows]))


def oracle(pairs, size):
    """(2, h, w) by loops over complex numbers."""
    height, width = size
    side = max(size)
    p, q = ([complex(*pair[k]) for pair in pairs] for k in (0, 1))
    d = [b - a for a, b in zip(p, q, strict=True)]
    middle, shift = sum(p) / len(p), sum(d) / len(d)
    top = sum((v - shift) * (z - middle).conjugate() for z, v in zip(p, d, strict=True))
    slope = top / (sum(abs(z - middle) ** 2 for z in p) + (RIDGE * side) ** 2)

    def whole(z):
        return shift + slope * (z - middle)

    def spread(values, z):
        weights = [cmath.exp(-(abs(z - a) ** 2) / (2 * (SPREAD * side) ** 2)).real for a in p]
        return sum(w * v for w, v in zip(weights, values, strict=True)) / (sum(weights) + FLOOR)

    rest = [v - whole(z) for z, v in zip(p, d, strict=True)]
    rest = [2 * r - spread(rest, z) for r, z in zip(rest, p, strict=True)]
    flow = np.zeros((2, height, width))
    for y in range(height):
        for x in range(width):
            z = complex(x + 0.5, y + 0.5)
            u = whole(z) + spread(rest, z)
            flow[:, y, x] = u.real, u.imag
    return flow


ONE = [((5, 6), (9, 4))]
THREE = [((5, 6), (9, 4)), ((20.5, 3), (19, 8)), ((11, 15), (12, 15))]
MANY = [((x, y), (x + 0.1 * y, y + 3)) for x in range(2, 30, 6) for y in range(2, 18, 3)]


def test_it_is_what_the_sums_say():
    flow = analytic_flow(drags_of(ONE, THREE, room=8), (18, 30))
    for i, pairs in enumerate((ONE, THREE)):
        np.testing.assert_allclose(flow[i], oracle(pairs, (18, 30)), atol=1e-9)


def test_more_pairs_than_are_taken_at_a_time():
    assert len(MANY) == 30
    flow = analytic_flow(drags_of(MANY, THREE, room=40), (18, 30))
    np.testing.assert_allclose(flow[0], oracle(MANY, (18, 30)), atol=1e-9)
    np.testing.assert_allclose(flow[1], oracle(THREE, (18, 30)), atol=1e-9)


def test_float32_is_close():
    flow = analytic_flow(drags_of(THREE, dtype=torch.float32), (64, 64))
    np.testing.assert_allclose(flow[0], oracle(THREE, (64, 64)), atol=1e-4)


def test_one_drag_is_a_translation_exactly():
    flow = analytic_flow(drags_of([((5, 6), (9, 4))], dtype=torch.float32), (16, 24))
    assert torch.equal(flow[0], torch.tensor([4.0, -2.0])[:, None, None].expand(2, 16, 24))


def test_equal_drags_are_a_translation():
    pairs = [((x, 2 * x), (x + 3, 2 * x + 1)) for x in (2, 5, 9)]
    flow = analytic_flow(drags_of(pairs), (16, 24))
    np.testing.assert_allclose(flow[0], np.array([3, 1])[:, None, None] * np.ones((2, 16, 24)), atol=1e-9)


def test_the_motion_turns_and_moves_with_its_drags():
    """A picture turned by a right angle about the middle of a square moves turned."""
    side = 20
    turned = [(((side - y), x), ((side - v), u)) for (x, y), (u, v) in THREE]
    before, after = (analytic_flow(drags_of(pairs), (side, side))[0] for pairs in (THREE, turned))
    spun = torch.rot90(before, -1, (1, 2))
    np.testing.assert_allclose(after, torch.stack([-spun[1], spun[0]]), atol=1e-9)


def test_a_wide_turn_is_followed_and_a_narrow_one_is_not():
    def slope(spread):
        pairs = [
            ((50 - spread, 50), (50 - spread, 50 - spread * 0.2)),
            ((50 + spread, 50), (50 + spread, 50 + spread * 0.2)),
        ]
        return float(fit_similarity(drags_of(pairs), 100).slope[0, 0, 1])

    assert slope(40) == pytest.approx(0.2, rel=0.05)
    assert 0 < slope(0.5) < 0.02


def test_the_handles_go_nearly_to_their_targets():
    pairs = [((20, 20), (24, 20)), ((70, 30), (70, 36)), ((40, 80), (37, 78))]
    flow = analytic_flow(drags_of(pairs), (100, 100))[0]
    for (x, y), (u, v) in pairs:
        reached = flow[:, y, x]
        assert np.hypot(float(reached[0]) - (u - x), float(reached[1]) - (v - y)) < 0.1


def test_gradients_reach_the_points():
    drags = drags_of(THREE)
    targets = drags.targets.clone().requires_grad_()
    analytic_flow(drags._replace(targets=targets), (8, 8)).square().sum().backward()
    assert targets.grad is not None
    assert (targets.grad[0, :3] != 0).all()
    assert (targets.grad[0, 3:] == 0).all()
