"""Enlarging along edges: against the filter written out, and that edges of the large picture are found."""

import cv2
import numpy as np
import pytest

from engine.networks import guided
from engine.networks.guided import GuidedPlane


def enlarged(answer, small, large):
    plane = GuidedPlane(answer.astype(np.float32), small)
    parts = list(plane.strips(large))
    assert [rows.start for rows, _ in parts] == [0, *(rows.stop for rows, _ in parts[:-1])]
    return np.concatenate([part for _, part in parts])


def oracle(answer, guide):
    """The guided filter at the picture's own size, by loops over windows; float64."""
    colours = guide.astype(float) / 255
    height, width, radius = *answer.shape, 2

    def window(i, j):
        rows = np.clip(np.arange(i - radius, i + radius + 1), 0, height - 1)
        columns = np.clip(np.arange(j - radius, j + radius + 1), 0, width - 1)
        return np.ix_(rows, columns)

    slope, offset = np.zeros((height, width, 3)), np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            c, a = colours[window(i, j)].reshape(-1, 3), answer[window(i, j)].ravel()
            covariance = np.cov(c.T, bias=True) + 1e-4 * np.eye(3)
            slope[i, j] = np.linalg.solve(covariance, ((c - c.mean(0)) * (a - a.mean())[:, None]).mean(0))
            offset[i, j] = a.mean() - slope[i, j] @ c.mean(0)
    out = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            mean = slope[window(i, j)].reshape(-1, 3).mean(0)
            out[i, j] = mean @ colours[i, j] + offset[window(i, j)].mean()
    return np.clip(out, answer.min(), answer.max())


def test_at_its_own_size_it_is_the_guided_filter():
    random = np.random.default_rng(0)
    guide = random.integers(0, 256, (9, 12, 3)).astype(np.uint8)
    answer = random.uniform(0, 1, (9, 12))
    np.testing.assert_allclose(
        enlarged(answer[..., None], guide, guide)[..., 0], oracle(answer, guide), atol=2e-3
    )


def test_a_blurred_answer_finds_the_edge():
    large = np.full((256, 320, 4), (40, 60, 160, 255), np.uint8)
    cv2.circle(large, (150, 120), 70, (220, 180, 90, 255), -1)
    truth = (large[..., 0] > 128).astype(np.float32)
    small = cv2.resize(large, (80, 64), interpolation=cv2.INTER_AREA)[..., :3]
    blurred = cv2.GaussianBlur(cv2.resize(truth, (80, 64), interpolation=cv2.INTER_AREA), (0, 0), 1.0)
    found = enlarged(blurred[..., None], np.ascontiguousarray(small), large)[..., 0]
    linear = cv2.resize(blurred, (320, 256), interpolation=cv2.INTER_LINEAR)
    errors = [np.abs(np.clip((soft - 0.5) * 2.5 + 0.5, 0, 1) - truth).mean() for soft in (found, linear)]
    assert errors[0] < 0.3 * errors[1]


def test_a_constant_stays_and_channels_are_apart():
    random = np.random.default_rng(1)
    small = random.integers(0, 256, (8, 10, 3)).astype(np.uint8)
    large = random.integers(0, 256, (33, 41, 3)).astype(np.uint8)
    answer = np.dstack([np.full((8, 10), 0.25), random.uniform(0, 1, (8, 10))])
    both = enlarged(answer, small, large)
    assert both.shape == (33, 41, 2)
    np.testing.assert_allclose(both[..., 0], 0.25, atol=1e-6)
    np.testing.assert_allclose(both[..., 1], enlarged(answer[..., 1:], small, large)[..., 0], atol=1e-5)


def test_in_strips_it_is_the_same(monkeypatch):
    random = np.random.default_rng(2)
    small = random.integers(0, 256, (8, 10, 3)).astype(np.uint8)
    large = random.integers(0, 256, (50, 41, 3)).astype(np.uint8)
    answer = random.uniform(0, 1, (8, 10, 1))
    whole = enlarged(answer, small, large)
    monkeypatch.setattr(guided, "_STRIP", 41 * 7)
    np.testing.assert_allclose(enlarged(answer, small, large), whole, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2)])
def test_any_size(size):
    small = np.full((*size, 3), 100, np.uint8)
    assert enlarged(np.ones((*size, 1)), small, small).shape == (*size, 1)
