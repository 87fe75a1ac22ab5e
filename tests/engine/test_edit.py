"""Requests check themselves: what is wrong is said in a sentence with the number or the place."""

import dataclasses

import numpy as np
import pytest

from engine.edit import (
    MAX_PAIRS,
    Box,
    DragEdit,
    EditRequest,
    EditResult,
    ExemplarEdit,
    Point,
    PointPair,
    TextEdit,
)
from engine.errors import EngineError, InvalidRequest


def blank(width=8, height=6):
    return np.full((height, width, 4), 200, np.uint8)


def white(width=8, height=6):
    return np.full((height, width), 255, np.uint8)


def pair(x0, y0, x1, y1):
    return PointPair(Point(x0, y0), Point(x1, y1))


def drag(*pairs, **changes):
    return DragEdit(**{"image": blank(), "points": pairs or (pair(1, 1, 4, 3),), **changes})


def test_a_drag_is_frozen_and_its_arrays_read_only():
    request = drag(mask=white(), subject=white())
    assert request.size == (8, 6)
    assert (request.motion, request.prompt, request.pins, request.seed) == ("deform", "", (), 0)
    for array in (request.image, request.mask, request.subject):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.seed = 1  # type: ignore[misc]


def test_requests_are_compared_by_identity():
    assert drag() != drag()  # arrays have no cheap equality


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((6, 8, 3), np.uint8), r"\(6, 8, 3\)"),
        (np.zeros((6, 8), np.uint8), r"\(6, 8\)"),
        (np.zeros((6, 8, 4), np.float32), "float32"),
        (np.zeros((6, 8, 4), np.uint16), "uint16"),
        (np.zeros((0, 8, 4), np.uint8), "empty"),
        (np.zeros((6, 0, 4), np.uint8), "empty"),
        (np.broadcast_to(np.uint8(0), (10_001, 10_000, 4)), "100 megapixels"),
    ],
)
def test_a_picture_of_another_form_is_refused(image, words):
    with pytest.raises(InvalidRequest, match=words):
        EditRequest(image=image)


@pytest.mark.parametrize("name", ["mask", "subject"])
@pytest.mark.parametrize(
    ("plane", "words"),
    [
        (white(6, 8), "6 × 8 pixels, but the picture is 8 × 6"),
        (np.zeros((6, 8), np.uint8), "empty"),
        (np.full((6, 8), True), "8-bit"),
        (np.full((6, 8, 1), 255, np.uint8), "one channel"),
    ],
)
def test_a_plane_of_another_form_is_refused(name, plane, words):
    with pytest.raises(InvalidRequest, match=words) as caught:
        drag(**{name: plane})
    assert name in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_outside_its_range_is_refused(seed):
    with pytest.raises(InvalidRequest, match=str(seed)):
        drag(seed=seed)


def test_seeds_at_both_ends_are_taken():
    assert drag(seed=0).seed == 0
    assert drag(seed=2**63 - 1).seed == 2**63 - 1


@pytest.mark.parametrize("place", ["handle of drag 2", "target of drag 2", "Pin 2"])
@pytest.mark.parametrize(
    "bad",
    [(-0.5, 1), (1, -1e-9), (8.5, 1), (1, 7), (float("nan"), 1), (1, float("inf")), (float("-inf"), 1)],
)
def test_a_point_outside_the_picture_is_refused_by_name(place, bad):
    handle, target, pin = Point(2, 2), Point(3, 3), Point(4, 4)
    if "handle" in place:
        handle = Point(*bad)
    elif "target" in place:
        target = Point(*bad)
    else:
        pin = Point(*bad)
    with pytest.raises(InvalidRequest, match=f"{place}.* outside the picture, which is 8 × 6"):
        drag(pair(1, 1, 2, 1), PointPair(handle, target), pins=(Point(5, 5), pin))


def test_points_on_every_edge_are_inside():
    drag(pair(0, 0, 8, 6), pair(8, 0, 0, 6), pins=(Point(0, 6),))


@pytest.mark.parametrize(
    ("pairs", "pins", "words"),
    [
        ([pair(1, 1, 4, 3), pair(2, 2, 2, 2)], [], r"Drag 2 does not move from \(2, 2\)"),
        ([pair(1, 1, 4, 3), pair(2, 2, 3, 3), pair(1, 1, 5, 5)], [], r"Drags 1 and 3 .*\(1, 1\)"),
        ([pair(1, 1, 4, 3)], [(3, 3), (1, 1)], "Drag 1 starts on a pin"),
    ],
)
def test_points_that_contradict_each_other_are_refused(pairs, pins, words):
    with pytest.raises(InvalidRequest, match=words):
        drag(*pairs, pins=tuple(Point(*pin) for pin in pins))


def test_points_that_agree_are_taken():
    same = pair(1, 1, 4, 3)
    request = drag(same, same, pair(2, 2, 4, 3), pins=(Point(5, 5), Point(5, 5), Point(4, 3)))
    assert len(request.points) == 3


def test_a_drag_needs_a_pair():
    with pytest.raises(InvalidRequest, match="at least one handle"):
        DragEdit(image=blank(), points=())


@pytest.mark.parametrize(("count", "fits"), [(200, True), (MAX_PAIRS, True), (MAX_PAIRS + 1, False)])
def test_the_number_of_pairs_is_bounded(count, fits):
    pairs = [pair(i / 100, 1, i / 100, 2) for i in range(count)]
    if fits:
        assert len(drag(*pairs).points) == count
    else:
        with pytest.raises(InvalidRequest, match=f"up to {MAX_PAIRS} drags, and {count} are placed"):
            drag(*pairs)


def test_an_unknown_motion_is_refused():
    with pytest.raises(InvalidRequest, match="deform or move, not fly"):
        drag(motion="fly")


def test_a_text_edit_needs_words():
    assert TextEdit(image=blank(), prompt="a bird").prompt == "a bird"
    with pytest.raises(InvalidRequest, match="Write what the picture should show"):
        TextEdit(image=blank(), prompt=" \n")


def test_an_exemplar_edit_needs_a_mask_and_a_picture():
    exemplar = blank(3, 3)
    request = ExemplarEdit(image=blank(), mask=white(), exemplar=exemplar)
    assert not request.exemplar.flags.writeable
    with pytest.raises(InvalidRequest, match="Paint the region"):
        ExemplarEdit(image=blank(), exemplar=exemplar)
    with pytest.raises(InvalidRequest, match="8-bit RGBA"):
        ExemplarEdit(image=blank(), mask=white(), exemplar=exemplar[..., :3])


def test_every_refusal_is_an_engine_error():
    assert issubclass(InvalidRequest, EngineError)


def test_a_result_has_nothing_to_tell_by_default():
    result = EditResult(image=blank(), region=Box(0, 0, 8, 6))
    assert (result.handles, result.partial, dict(result.timings)) == ((), False, {})


def test_box_around_encloses_all_that_is_set():
    plane = np.zeros((6, 8), np.uint8)
    plane[2, 3] = plane[4, 5] = 1
    box = Box.around(plane)
    assert box == Box(3, 2, 6, 5)
    assert (box.width, box.height) == (3, 3)
    assert plane[box.slices].sum() == 2


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        ((1.2, 2.0, 3.0, 4.1), (1, 2, 3, 5)),
        ((-5, -5, 50, 50), (0, 0, 8, 6)),
        ((3, 3, 3, 3), (3, 3, 4, 4)),
        ((8, 6, 8, 6), (7, 5, 8, 6)),
        ((-9, -9, -3, -3), (0, 0, 1, 1)),
        ((20, 20, 30, 30), (7, 5, 8, 6)),
    ],
)
def test_a_clipped_box_lies_inside_and_is_never_empty(corners, box):
    assert Box.clipped(*corners, (8, 6)) == Box(*box)
