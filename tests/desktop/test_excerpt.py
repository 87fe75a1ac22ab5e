"""No more of a picture than an edit needs crosses to the engine, and what comes back is of the whole."""

import numpy as np
import pytest

from desktop.excerpt import Excerpts
from engine import Box, DragEdit, Engine, Point, PointPair, TextEdit


def drag(image, **changes):
    return DragEdit(image=image, points=(PointPair(Point(700, 300), Point(720, 310)),), **changes)


@pytest.fixture
def large(paint):
    return paint(1200, 800)


def test_the_part_gives_what_the_whole_gives(large):
    request = drag(large, pins=(Point(650, 300),))
    excerpt = Excerpts().of(request)
    assert excerpt.box == Engine().plan(request).crop
    assert excerpt.part.size == (excerpt.box.width, excerpt.box.height)
    assert excerpt.part.image.nbytes < large.nbytes / 4
    expected = Engine().edit("flow_warp", request)
    found = excerpt.result(Engine().edit("flow_warp", excerpt.part))
    assert found.image.tobytes() == expected.image.tobytes()
    assert (found.region, found.handles) == (expected.region, expected.handles)
    assert not found.image.flags.writeable


@pytest.mark.parametrize("case", ["no subject", "protected", "text", "small"])
def test_the_whole_is_sent_where_a_part_would_not_do(large, case):
    protected = np.zeros(large.shape[:2], np.uint8)
    protected[:290] = 255
    request = {
        "no subject": drag(large, motion="move"),
        "protected": drag(large, protected=protected),
        "text": TextEdit(image=large, prompt="a bird"),
        "small": DragEdit(image=large[:50, :50].copy(), points=(PointPair(Point(9, 9), Point(20, 9)),)),
    }[case]
    excerpt = Excerpts().of(request)
    assert excerpt.part is request
    result = Engine().edit("flow_warp", request) if isinstance(request, DragEdit) else None
    assert result is None or excerpt.result(result) is result


def test_the_same_part_of_the_same_picture_is_the_same_array(large):
    excerpts = Excerpts()
    first = excerpts.of(drag(large)).part.image
    assert excerpts.of(drag(large, seed=1)).part.image is first
    assert excerpts.of(drag(large.copy())).part.image is not first
    moved = DragEdit(image=large, points=(PointPair(Point(300, 300), Point(320, 310)),))
    assert excerpts.of(moved).part.image is not first


def test_it_keeps_nothing_of_a_picture_that_is_gone(paint):
    import weakref

    excerpts = Excerpts()
    image = paint(1200, 800)
    part = weakref.ref(excerpts.of(drag(image)).part.image)
    assert part() is not None
    del image
    assert part() is None


def test_places_are_told_of_the_whole(large):
    excerpt = Excerpts().of(drag(large))
    x, y = excerpt.box.x0, excerpt.box.y0
    assert excerpt.place(Box(1, 2, 3, 4)) == Box(x + 1, y + 2, x + 3, y + 4)
    assert excerpt.points((Point(1.5, 2),)) == (Point(x + 1.5, y + 2),)
