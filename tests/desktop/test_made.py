"""What is remembered of pictures made on demand: the changed part alone, so many bytes, to choose from."""

import weakref
from dataclasses import replace

import numpy as np
import pytest

from desktop.document import Document
from desktop.keeping import Finished
from desktop.made import Made
from engine import DragEdit, Engine, Photo, Point, PointPair


def drag(image, x=150):
    return DragEdit(image=image, points=(PointPair(Point(x, 120), Point(x + 20, 110)),))


def state(picture):
    return Document.from_photo(Photo(pixels=picture, has_alpha=False), None).settled


@pytest.fixture
def finish(qapp, picture):
    """finish(x=150, state=None) → what flow warp makes, as if on demand."""

    def finish(x=150, of=None, **asked):
        request = replace(drag(picture, x), **asked)
        return Finished(
            state=of or state(picture),
            request=request,
            result=Engine().edit("flow_warp", request),
            provenance={"method": "flow_warp"},
            title=f"At {x}",
            tier="refined",
        )

    return finish


def size(finished):
    return finished.result.region.width * finished.result.region.height * 4


def test_a_picture_comes_back_bit_for_bit_from_its_part(finish, picture):
    made, finished = Made(), finish()
    made.add(finished)
    assert made.bytes == size(finished) < picture.nbytes
    again = made.of(finished.state, drag(picture.copy()))
    assert np.array_equal(again.result.image, finished.result.image)
    assert not again.result.image.flags.writeable
    for name in ("region", "handles", "partial", "timings"):
        assert getattr(again.result, name) == getattr(finished.result, name)
    assert (again.state, again.provenance, again.title, again.tier) == (
        finished.state, finished.provenance, finished.title, "refined",
    )  # fmt: skip
    assert made.of(state(picture), drag(picture)) is None, "an equal state is not the same"


def test_it_holds_on_to_no_whole_picture(finish):
    made, finished = Made(), finish()
    made.add(finished)
    part = made._parts[0].result.image
    assert part.base is None or part.base.nbytes == part.nbytes


def test_of_one_state_the_latest_is_remembered(finish, picture):
    made, first = Made(), finish(150)
    later = finish(100, of=first.state)
    made.add(first)
    made.add(later)
    assert made.of(first.state, first.request).title == "At 100"
    assert made.bytes == size(later)


def test_each_way_of_making_it_has_a_picture_and_the_last_chosen_comes_back(finish, picture):
    made, first = Made(), finish(150)
    state = first.state
    other = replace(finish(100, of=state), provenance={"method": "other"})
    for finished in (first, other):
        made.add(finished)
    assert [(one.title, one.last) for one in made.candidates(state)] == [("At 150", False), ("At 100", True)]
    made.choose(state, 0)
    assert [(one.title, one.last) for one in made.candidates(state)] == [("At 150", True), ("At 100", False)]
    again = made.of(state, first.request)
    assert np.array_equal(again.result.image, first.result.image)
    assert not made.candidates(finish().state), "of another state"


def stopped(finished, share=0.4):
    """The same edit, stopped after a share of its way."""
    pair = finished.request.points[0]
    handle = Point(*np.add(pair.handle, share * np.subtract(pair.target, pair.handle)))
    return replace(finished, result=replace(finished.result, partial=True, handles=(handle,)))


def test_a_partial_picture_stays_until_the_same_edit_comes_further(finish):
    made, whole = Made(), finish(150)
    state = whole.state
    marked = replace(state, instruction=replace(state.instruction, points=whole.request.points))
    part, later = (replace(stopped(whole, share), state=marked) for share in (0.4, 0.6))
    made.add(part)
    (only,) = made.candidates(marked)
    assert only.partial and only.way == pytest.approx(0.4, abs=0.01)
    assert made.of(marked, whole.request).result.partial
    made.add(later)
    (only,) = made.candidates(marked)
    assert only.way == pytest.approx(0.6, abs=0.01)
    made.add(replace(whole, state=marked))
    assert [one.partial for one in made.candidates(marked)] == [False]
    made.add(part)
    assert [one.partial for one in made.candidates(marked)] == [False, True], "what is whole is not lost"


def test_the_oldest_go_when_there_is_no_room(finish):
    several = [finish(x) for x in (100, 130, 160)]
    made = Made(size(several[1]) + size(several[2]))
    for finished in several:
        made.add(finished)
    found = [made.of(finished.state, finished.request) for finished in several]
    assert [again and again.title for again in found] == [None, "At 130", "At 160"]


def test_the_latest_is_remembered_whatever_it_takes(finish):
    made, finished = Made(1), finish()
    made.add(finished)
    assert made.of(finished.state, finished.request) is not None
    made.clear()
    assert made.bytes == 0


@pytest.mark.parametrize("knows", ["nothing", "another"])
def test_the_subject_is_that_of_the_time_whatever_is_known_now(finish, picture, knows):
    subject = np.zeros(picture.shape[:2], np.uint8)
    subject[90:150, 100:180] = np.linspace(1, 255, 80).astype(np.uint8)
    made, finished = Made(), finish(subject=subject, motion="move")
    made.add(finished)
    assert made.bytes == size(finished) + 60 * 80, "no more of it than its box"
    now = None if knows == "nothing" else 255 - subject
    again = made.of(finished.state, replace(drag(picture), motion="move", subject=now))
    assert np.array_equal(again.request.subject, subject)
    without = finish(of=finished.state)
    made.add(without)
    assert made.of(finished.state, replace(drag(picture), subject=subject)).request.subject is None


def test_states_that_undo_cannot_bring_back_are_let_go_with_their_pictures(finish):
    made, dead, alive = Made(), finish(100), finish(150)
    made.add(dead)
    made.add(alive)
    state = weakref.ref(dead.state)
    del dead
    assert state() is None
    assert made.bytes == size(alive)
    assert len(made._parts) == 1
