"""Flow preparation against naive loops in double precision, written from the formulas."""

import math

import numpy as np
import pytest
import torch

from engine.methods.instant_drag.flow import (
    dense_flow,
    flowgen_input,
    normalised,
    resize_flow,
    resized,
    sparse_flow,
)


def keys(t, a=-0.75):
    """The cubic convolution kernel of Keys (1981)."""
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0


def bicubic(plane, height, width):
    """Sampled at pixel centres, without antialiasing; beyond the edge the edge goes on."""
    rows, columns = plane.shape
    out = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            y, x = (i + 0.5) * rows / height - 0.5, (j + 0.5) * columns / width - 0.5
            for v in range(math.floor(y) - 1, math.floor(y) + 3):
                for u in range(math.floor(x) - 1, math.floor(x) + 3):
                    value = plane[min(max(v, 0), rows - 1), min(max(u, 0), columns - 1)]
                    out[i, j] += keys(y - v) * keys(x - u) * value
    return out


@pytest.fixture
def random():
    return np.random.default_rng(3)


@pytest.mark.parametrize("size", [(6, 5), (12, 10), (24, 21), (3, 40)], ids=str)
def test_resizing_is_cubic_convolution_without_antialiasing(random, size):
    planes = random.standard_normal((1, 2, 24, 20))
    out = resized(torch.from_numpy(planes), size).numpy()
    for channel in (0, 1):
        np.testing.assert_allclose(out[0, channel], bicubic(planes[0, channel], *size), atol=1e-12)


def test_an_impulse_halved_is_two_by_two_and_never_one():
    plane = torch.zeros(1, 1, 16, 16)
    plane[0, 0, 6, 7] = 1
    out = resized(plane, (8, 8))[0, 0]
    assert torch.count_nonzero(out) == 4
    assert float(out.max()) == pytest.approx(0.59375**2)


def test_each_drag_lies_at_the_pixel_of_its_handle():
    handles = np.array([[2.9, 5.0], [0.0, 15.99], [2.1, 5.9]])
    targets = np.array([[4.9, 1.0], [8.0, 15.99], [2.1, 8.9]])
    flow = sparse_flow(handles, targets, 16, (16, 16))
    expected = np.zeros((2, 16, 16))
    expected[:, 15, 0] = 8, 0
    expected[:, 5, 2] = 0, 3  # of two drags at one pixel the last counts
    np.testing.assert_allclose(flow[0].numpy(), expected, atol=1e-6)


def test_handles_on_the_far_edges_count_for_the_last_pixel_that_shows_the_picture():
    handles, targets = np.array([[12.0, 16.0]]), np.array([[6.0, 8.0]])
    flow = sparse_flow(handles, targets, 16, (12, 16))
    assert np.argwhere(flow[0].abs().amax(0).numpy()).tolist() == [[15, 11]]
    assert flow[0, :, 15, 11].tolist() == [-6, -8]


def test_normalising_is_by_axis_and_leaves_what_is_still(random):
    flow = torch.from_numpy(random.standard_normal((2, 2, 5, 6)) * 40)
    flow[1, 0] = 0
    relative, peak = normalised(flow)
    for sample in range(2):
        for axis in range(2):
            largest = max(abs(float(v)) for v in flow[sample, axis].flatten())
            assert float(peak[sample, axis, 0, 0]) == largest
            for v, r in zip(flow[sample, axis].flatten(), relative[sample, axis].flatten(), strict=True):
                assert float(r) == pytest.approx(float(v) / largest if largest else 0.0, abs=1e-12)


def test_less_than_nothing_is_nothing():
    relative, peak = normalised(torch.full((1, 2, 2, 2), 1e-9))
    assert torch.isfinite(relative).all()
    assert peak.tolist() == [[[[0.0]], [[0.0]]]]


@pytest.mark.parametrize("rescale", ["none", "scale", "normalize_fixed", "normalize_max"])
def test_resized_flows_in_each_unit(random, rescale):
    planes = random.standard_normal((1, 2, 12, 18))
    out = resize_flow(torch.from_numpy(planes), (6, 6), rescale).numpy()[0]
    for axis, (old, new) in enumerate(((18, 6), (12, 6))):
        plain = bicubic(planes[0, axis], 6, 6)
        expected = {
            "none": plain,
            "scale": plain * new / old,
            "normalize_fixed": plain / old,
            "normalize_max": plain / np.abs(plain).max(),
        }[rescale]
        np.testing.assert_allclose(out[axis], expected, atol=1e-12)


def test_flowgen_reads_colours_and_the_relative_flow(random):
    image = torch.from_numpy(random.uniform(-1, 1, (1, 3, 512, 512)))
    sparse = sparse_flow(np.array([[100.0, 200]]), np.array([[160.0, 170]]), 512, (512, 512)).double()
    x, peak = flowgen_input(image, sparse)
    assert x.shape == (1, 5, 256, 256)
    assert peak.flatten().tolist() == [60, 30]
    assert torch.equal(x[:, :3], resized(image, (256, 256)))
    assert float(x[0, 3].max()) == pytest.approx(0.59375**2)
    assert float(x[0, 4].min()) == pytest.approx(-(0.59375**2))


def naive_dense(answer, peak, factor):
    out = np.zeros_like(answer)
    for axis in range(2):
        largest = np.abs(answer[axis]).max()
        for i in range(answer.shape[1]):
            for j in range(answer.shape[2]):
                value = answer[axis, i, j]
                value = value * factor if factor else (value / largest if largest else 0)
                out[axis, i, j] = value * peak[axis]
    return out


@pytest.mark.parametrize("factor", [None, 2.0])
def test_the_answer_in_pixels(random, factor):
    answer = random.uniform(-0.3, 0.3, (2, 7, 7))
    answer[1] *= 0.1
    peak = np.array([60.0, 0.0])
    out = dense_flow(torch.from_numpy(answer)[None], torch.from_numpy(peak).view(1, 2, 1, 1), factor, (7, 7))
    np.testing.assert_allclose(out[0].numpy(), naive_dense(answer, peak, factor), atol=1e-12)


def test_an_answer_of_zeros_stays_zero():
    out = dense_flow(torch.zeros(1, 2, 4, 4), torch.full((1, 2, 1, 1), 9.0), None, (4, 4))
    assert torch.equal(out, torch.zeros(1, 2, 4, 4))


def test_only_what_shows_the_picture_sets_the_reach():
    answer = torch.full((1, 2, 4, 4), 0.1)
    answer[..., 3, :] = 0.9  # mirrored below the picture
    out = dense_flow(answer, torch.full((1, 2, 1, 1), 10.0), None, (4, 3))
    assert out[0, 0, 0, 0] == pytest.approx(10)
