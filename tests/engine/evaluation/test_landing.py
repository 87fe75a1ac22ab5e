"""The matcher that tells where a drag's content has landed, and the table made with it."""

import cv2
import numpy as np
import pytest

from engine.edit import Box, DragEdit, Point, PointPair
from engine.evaluation import refine
from engine.evaluation.landing import Landing, landed_at, landings
from engine.sample import samples


@pytest.fixture
def picture(paint):
    return cv2.GaussianBlur(paint(256, 192, seed=3), (0, 0), 2)[..., :3].copy()


def shifted(picture, x, y):
    return cv2.warpAffine(
        picture, np.float32([[1, 0, x], [0, 1, y]]), picture.shape[1::-1], borderMode=cv2.BORDER_REFLECT
    )


HANDLE = Point(100.25, 90.75)


def test_an_untouched_picture_lands_where_it_was(picture):
    assert landed_at(picture, picture, HANDLE, Point(130, 80)) == HANDLE


@pytest.mark.parametrize(("x", "y"), [(12, -7), (-20, 3), (0, 25)])
def test_what_moves_is_found_where_it_went(picture, x, y):
    moved = shifted(picture, x, y)
    assert landed_at(picture, moved, HANDLE, Point(120, 100)) == Point(HANDLE.x + x, HANDLE.y + y)


def test_light_and_contrast_do_not_matter(picture):
    moved = cv2.convertScaleAbs(shifted(picture, 9, 4), alpha=0.7, beta=30)
    assert landed_at(picture, moved, HANDLE, Point(110, 95)) == Point(HANDLE.x + 9, HANDLE.y + 4)


def test_it_does_not_look_beyond_two_lengths_of_the_drag(picture):
    moved = shifted(picture, 60, 0)
    found = landed_at(picture, moved, HANDLE, Point(HANDLE.x + 20, HANDLE.y))
    assert abs(found.x - HANDLE.x) <= 41
    assert abs(found.y - HANDLE.y) <= 41


@pytest.mark.parametrize("handle", [Point(0, 0), Point(255.9, 191.9), Point(2, 190)])
def test_the_very_border_is_no_hindrance(picture, handle):
    assert landed_at(picture, picture, handle, Point(128, 96)) == pytest.approx(handle)


def test_a_plain_picture_gives_an_answer():
    plain = np.full((64, 64, 3), 90, np.uint8)
    found = landed_at(plain, plain, Point(30, 30), Point(40, 30))
    assert 0 <= found.x <= 64


def test_lengths_are_those_of_a_region_of_256(paint):
    """A region of 512 × 256 in a larger picture: two of its pixels are one."""
    image = cv2.GaussianBlur(paint(600, 400, seed=1), (0, 0), 3)
    edited = shifted(image, 40, 0)
    request = DragEdit(image=image, points=(PointPair(Point(300, 200), Point(360, 200)),))
    (landing,) = landings(request, edited, Box(40, 80, 552, 336))
    assert landing.before == pytest.approx(30)
    assert landing.after == pytest.approx(10, abs=1)
    assert not Landing(30, 15.1).halved
    assert Landing(30, 15).halved


def test_the_table_measures_every_method_on_every_drag():
    chosen = [sample for sample in samples() if sample.name == "mona_lisa"]
    rows = refine.run(chosen, methods=())
    assert [row.name for row in rows] == ["untouched", "Flow warp"]
    assert all(row.drags == len(chosen[0].points) for row in rows)
    assert rows[0].after == pytest.approx(rows[0].before, abs=0.01)
    assert rows[1].after < rows[0].after / 2
    assert rows[1].halved == rows[1].drags
    assert "halved" in str(rows[1])
