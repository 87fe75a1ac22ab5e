"""What lies under a handle comes to where it was pulled."""

import numpy as np
import pytest

from engine.methods.instant_drag.arrival import arriving

SIZE = 96, 128  # rows, columns


def found(region=0.9, motion=(10.0, 4.0)):
    return np.full(SIZE, region, np.float32), np.full((*SIZE, 2), motion, np.float32)


def ends(*drags):
    points = np.array(drags, np.float64).reshape(-1, 2, 2)
    return points[:, 0], points[:, 1]


def at(plane, place):
    """Between the centres of pixels, as a picture is sampled."""
    x, y = np.asarray(place) - 0.5
    column, row = int(x), int(y)
    right, below = x - column, y - row
    top, bottom = plane[row, column : column + 2], plane[row + 1, column : column + 2]
    return (1 - below) * ((1 - right) * top[0] + right * top[1]) + below * (
        (1 - right) * bottom[0] + right * bottom[1]
    )


def flow(region, motion):
    return region[..., None] * motion


@pytest.mark.parametrize("region", [0.0, 0.3, 0.95, 1.0])
@pytest.mark.parametrize("handle", [(60.5, 40.5), (61.0, 40.0), (60.3, 40.8)])
def test_the_handle_goes_all_the_way(region, handle):
    handles, targets = ends((handle, (handle[0] + 12, handle[1] - 5)))
    out = flow(*arriving(*found(region), handles, targets))
    assert at(out, handle) == pytest.approx([12, -5], abs=0.15)


def test_so_do_several_that_disagree():
    drags = [((30, 30), (42, 30)), ((60, 30), (66, 38)), ((90, 70), (82, 70))]
    handles, targets = ends(*drags)
    out = flow(*arriving(*found(), handles, targets))
    for handle, target in drags:
        assert at(out, handle) == pytest.approx(np.subtract(target, handle), abs=0.2)


def test_far_away_nothing_changes():
    handles, targets = ends(((30, 30), (36, 30)))
    region, motion = found()
    whole, mended = arriving(region, motion, handles, targets)
    assert np.abs(whole[:, 80:] - region[:, 80:]).max() < 1e-4
    assert np.abs(mended[:, 80:] - motion[:, 80:]).max() < 1e-4


def test_what_is_right_already_stays_to_the_bit():
    handles, targets = ends(((30, 30), (40, 34)))
    region, motion = found(region=1.0)
    whole, mended = arriving(region, motion, handles, targets)
    assert np.array_equal(whole, region) and np.array_equal(mended, motion)


def test_one_that_lacks_all_does_not_fold_the_sheet():
    handles, targets = ends(((50, 40), (70, 40)))
    _, mended = arriving(*found(region=1.0, motion=(0.0, 0.0)), handles, targets)
    assert at(mended, (50, 40)) == pytest.approx([20, 0], abs=0.1)
    assert np.abs(np.diff(mended[..., 0], axis=1)).max() < 0.75


def test_neighbours_that_are_torn_apart_do_not_fold_the_sheet():
    handles, targets = ends(((50, 40), (70, 40)), ((54, 40), (40, 40)))
    region, motion = found(region=1.0, motion=(0.0, 0.0))
    _, mended = arriving(region, motion, handles, targets)
    assert np.isfinite(mended).all()
    assert np.abs(np.diff(mended[..., 0], axis=1)).max() < 1


@pytest.mark.parametrize("place", [(0, 0), (128, 96), (127.9, 0.1)])
def test_a_handle_on_the_border_or_twice_in_one_place_does_no_harm(place):
    handles, targets = ends((place, (64, 48)), (place, (60, 48)))
    whole, mended = arriving(*found(), handles, targets)
    assert np.isfinite(mended).all() and whole.min() >= 0 and whole.max() <= 1


def test_drags_of_no_length_hold_what_is_under_them():
    handles, targets = ends(((30, 30), (30, 30)), ((90, 30), (98, 30)))
    out = flow(*arriving(*found(), handles, targets))
    assert at(out, (30, 30)) == pytest.approx([0, 0], abs=0.1)
    assert at(out, (90, 30)) == pytest.approx([8, 0], abs=0.1)
