"""What is said of how far drags went: the worst of them, how many arrived, and what to try."""

import numpy as np
import pytest

from desktop.assess import least_way, told_held, told_ways
from engine import Box, DragEdit, EditResult, Point, PointPair

HELD = "it starts where nothing may change; let the picture change there"


def drag(picture, count=1, **asked):
    """`count` drags of 100 pixels to the right, below one another."""
    pairs = tuple(PointPair(Point(50, 40 + 60 * i), Point(150, 40 + 60 * i)) for i in range(count))
    return DragEdit(image=picture, points=pairs, **asked)


def rested(request, *ways, partial=False):
    """A result whose handles went so much of their way."""
    handles = tuple(
        Point(pair.handle.x + 100 * way, pair.handle.y)
        for pair, way in zip(request.points, ways, strict=False)
    )
    return EditResult(image=request.image, region=Box(0, 0, 10, 10), handles=handles, partial=partial)


def half(picture, *, left):
    """A mask of the left half of the picture, or of the right one."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    columns = slice(None, 100) if left else slice(100, None)
    mask[:, columns] = 255
    return mask


@pytest.mark.parametrize(
    ("ways", "sentence"),
    [
        ((0.71,), "Drag 1 moved 71 % of the way: allow it more steps, or pull less."),
        ((0.97,), "The drag moved 97 % of the way."),
        ((1.0,), "The drag moved 100 % of the way."),
        ((-0.3,), "Drag 1 moved 0 % of the way: allow it more steps, or pull less."),
        ((1.5,), "Drag 1 moved 50 % of the way: allow it more steps, or pull less."),
        ((0.99, 0.93), "All 2 drags arrived; the least far, drag 2, moved 93 % of the way."),
        (
            (0.95, 0.41, 0.6),
            "1 of 3 drags arrived, and drag 2 moved 41 % of the way: allow it more steps, or pull less.",
        ),
    ],
)
def test_after_a_refine_it_is_said_how_far_it_got(picture, ways, sentence):
    request = drag(picture, len(ways))
    assert told_ways(request, rested(request, *ways), refined=True) == sentence


def test_unasked_only_what_fell_short_is_worth_a_word(picture):
    request = drag(picture, 2)
    assert told_ways(request, rested(request, 1.0, 0.92)) == ""
    told = told_ways(request, rested(request, 0.95, 0.5))
    assert told == "Drag 2 moved 50 % of the way: let more of the picture change, or pull less."


@pytest.mark.parametrize("refined", [False, True])
def test_where_no_handle_was_followed_nothing_is_said(picture, refined):
    request = drag(picture, 2)
    assert told_ways(request, rested(request), refined=refined) == ""
    assert told_ways(request, rested(request, 0.5), refined=refined) == "", "of one of them alone"
    assert least_way(request.points, ()) is None


def test_what_to_try_depends_on_why_it_stopped(picture):
    free = drag(picture)
    stopped = told_ways(free, rested(free, 0.3, partial=True), refined=True)
    assert stopped == "Drag 1 moved 30 % of the way: it was stopped early; let it run to its end."
    masked = drag(picture, mask=half(picture, left=True))
    told = told_ways(masked, rested(masked, 0.3), refined=True)
    assert told.endswith(": let more of the picture change, or pull less.")
    excluded = drag(picture, mask=half(picture, left=False))
    for partial in (False, True):
        assert HELD in told_ways(excluded, rested(excluded, 0.0, partial=partial), refined=True)
    protected = drag(picture, protected=half(picture, left=True))
    assert HELD in told_ways(protected, rested(protected, 0.0), refined=True)


def test_a_handle_where_nothing_may_change_is_told_before(picture):
    assert told_held(drag(picture)) == ""
    assert told_held(drag(picture, mask=half(picture, left=True))) == ""
    assert told_held(drag(picture, mask=half(picture, left=False))).startswith("Drag 1 starts where nothing")
    soft = half(picture, left=True)
    soft[soft == 255] = 254
    assert told_held(drag(picture, protected=soft)) == "", "a little of it may change"


def test_a_handle_on_the_last_edge_is_inside(picture):
    height, width = picture.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    mask[-1, -1] = 255
    corner = PointPair(Point(width, height), Point(10, 10))
    assert told_held(DragEdit(image=picture, points=(corner,), mask=mask)) == ""
