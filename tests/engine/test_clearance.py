"""Clearance: distances against a search over all pixels; which edges are the picture's own."""

import numpy as np
import pytest

from engine.clearance import Clearance


@pytest.mark.parametrize("seed", range(6))
def test_distances_are_those_to_the_nearest_protected_pixel(seed):
    random = np.random.default_rng(seed)
    mask = np.full((70, 90), 255, np.uint8)
    protected = random.integers(0, (70, 90), (5, 2))
    mask[protected[:, 0], protected[:, 1]] = 0
    at = random.uniform(0, (90, 70), (200, 2))
    got = Clearance(mask).at(at)
    centres = protected[:, ::-1] + 0.5
    expected = np.hypot(*(at[:, None] - centres).transpose(2, 0, 1)).min(1)
    assert np.abs(got - np.maximum(expected - 0.5, 0)).max() < 1.3  # OpenCV's 5 × 5 distances, and bilinear


def test_only_an_edge_where_something_may_change_is_the_pictures():
    mask = np.zeros((40, 60), np.uint8)
    mask[10:, 20:50] = 255  # down to the lower edge alone
    clearance = Clearance(mask)
    assert clearance.to_edge(np.array([[30.0, 36.0]])) == 4
    assert clearance.to_edge(np.array([[1.0, 1.0]])) == 39
    mask[-1] = 0
    assert Clearance(mask).to_edge(np.array([[1.0, 1.0]])) > 1000


def test_where_all_may_change_nothing_protected_is_near():
    clearance = Clearance(np.full((40, 60), 255, np.uint8))
    assert clearance.at(np.array([[1.0, 1.0]])) > 1000
    assert clearance.to_edge(np.array([[1.0, 7.0], [70.0, 20.0]])).tolist() == [1, 0]
