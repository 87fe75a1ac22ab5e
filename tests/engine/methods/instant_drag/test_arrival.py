"""What lies under a handle comes to where it was pulled, and the sheet does not fold for it."""

import numpy as np
import pytest

from engine.methods.instant_drag.arrival import arrival

SIZE = 96, 192  # rows, columns


def found(motion=(10.0, 4.0), share=1.0):
    """A flow that is the same everywhere."""
    return np.full((*SIZE, 2), motion, np.float32) * np.float32(share)


def ends(*drags):
    points = np.array(drags, np.float64).reshape(-1, 2, 2)
    return points[:, 0], points[:, 1]


def led(flow, *drags):
    return flow + arrival(flow, *ends(*drags)).lacking


def at(plane, place):
    """Between the centres of pixels, as a picture is sampled."""
    x, y = np.clip(np.asarray(place) - 0.5, 0, (SIZE[1] - 2, SIZE[0] - 2))
    column, row = int(x), int(y)
    right, below = x - column, y - row
    top, bottom = plane[row, column : column + 2], plane[row + 1, column : column + 2]
    return (1 - below) * ((1 - right) * top[0] + right * top[1]) + below * (
        (1 - right) * bottom[0] + right * bottom[1]
    )


def least_area(flow):
    """What the smallest pixel's area becomes, as a share; below 0 it is folded."""
    (xy, xx), (yy, yx) = (np.gradient(flow[..., i].astype(float)) for i in range(2))
    return ((1 + xx) * (1 + yy) - xy * yx).min()


def left(flow, handle, target):
    return float(np.hypot(*(at(flow, handle) - np.subtract(target, handle))))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95, 1.0])
@pytest.mark.parametrize("handle", [(60.5, 40.5), (61.0, 40.0), (60.3, 40.8)])
def test_the_handle_goes_all_the_way_and_nothing_folds(share, handle):
    drag = handle, (handle[0] + 12, handle[1] - 5)
    out = led(found((12, -5), share), drag)
    assert left(out, *drag) < 0.15
    assert least_area(out) > 0.5


def test_so_do_several_that_disagree():
    drags = [((30, 30), (42, 30)), ((60, 30), (66, 38)), ((90, 70), (82, 70))]
    out = led(found(), *drags)
    assert max(left(out, *drag) for drag in drags) < 0.2


def test_how_far_it_reaches_is_each_drag_s_own_affair():
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[:, :60] = 60, 0
    out = led(flow, ((30, 30), (90, 30)), ((150, 60), (154, 60)))
    assert left(out, (150, 60), (154, 60)) < 0.1
    assert np.abs(out[60, 180:] - flow[60, 180:]).max() < 0.1


def test_what_is_right_already_stays_to_the_bit():
    lacking, near = arrival(found(), *ends(((30, 30), (40, 34))))
    assert not lacking.any() and not near.any()


@pytest.mark.parametrize(
    "drags",
    [
        [((100, 40), (80, 40)), ((150, 40), (170, 40))],  # stretched
        [((60, 20), (90, 20)), ((60, 80), (30, 80))],  # sheared
    ],
)
def test_what_folds_nothing_is_done_in_full(drags):
    out = led(found((0, 0)), *drags)
    assert max(left(out, *drag) for drag in drags) < 0.2
    assert least_area(out) > 0


def test_what_would_fold_stays_short_and_holds_up_no_other():
    flow = found((0, 0))
    crossing = ((50, 40), (70, 40)), ((54, 40), (40, 40))
    out = led(flow, *crossing, ((150, 60), (150, 80)))
    assert least_area(out) > 0
    assert left(out, (150, 60), (150, 80)) < 0.2
    assert all(left(out, *drag) < left(flow, *drag) for drag in crossing)


def test_a_handle_is_never_further_off_than_before():
    flow = found((100, 0))
    drags = ((60, 40), (180, 40)), ((90, 40), (94, 40)), ((90.5, 40), (93, 44))
    out = led(flow, *drags)
    assert np.isfinite(out).all()
    assert all(left(out, *drag) <= left(flow, *drag) + 0.5 for drag in drags)


@pytest.mark.parametrize("place", [(0, 0), (192, 96), (191.9, 0.1)])
def test_a_handle_on_the_border_does_no_harm(place):
    out = arrival(found(), *ends((place, (64, 48))))
    assert np.isfinite(out.lacking).all() and out.near.min() >= 0 and out.near.max() <= 1
