"""The order in which jobs reach the engine."""

import pytest

from desktop.job_queue import JobQueue, QueueFull, gives_way
from engine import DragEdit, EditJob, Point, PointPair, PrepareJob, SubjectJob, WarmJob


@pytest.fixture
def preview(picture):
    request = DragEdit(image=picture, points=(PointPair(Point(1, 1), Point(2, 2)),))
    return EditJob(method="m", request=request, preview=True)


def numbers(queue):
    found = []
    while (waiting := queue.next()) is not None:
        found.append(waiting[0])
    return found


def test_final_jobs_come_first_and_in_their_order(preview):
    queue = JobQueue()
    assert queue.add(1, preview) is None
    queue.add(2, WarmJob())
    queue.add(3, WarmJob())
    assert queue.add(4, preview) == 1
    assert len(queue) == 3
    assert numbers(queue) == [2, 3, 4]


def test_it_holds_only_so_many_final_jobs(preview):
    queue = JobQueue(most=2)
    queue.add(1, WarmJob())
    queue.add(2, WarmJob())
    with pytest.raises(QueueFull):
        queue.add(3, WarmJob())
    queue.add(4, preview)
    assert numbers(queue) == [1, 2, 4]


def test_jobs_can_be_dropped(preview):
    queue = JobQueue()
    queue.add(1, WarmJob())
    queue.add(2, WarmJob())
    queue.add(3, preview)
    assert [queue.drop(number) for number in (1, 3, 3, 9)] == [True, True, False, False]
    assert numbers(queue) == [2]


def test_what_is_put_back_is_the_next_but_no_preview_goes_before_a_later_one(preview):
    queue = JobQueue()
    queue.add(2, WarmJob())
    assert queue.put_back(1, WarmJob())
    assert queue.put_back(3, preview)
    assert not queue.put_back(3, preview)
    assert numbers(queue) == [1, 2, 3]


def test_it_tells_which_final_job_comes_first(preview):
    queue = JobQueue()
    queue.add(1, preview)
    assert queue.final is None
    queue.add(2, WarmJob())
    queue.add(3, WarmJob())
    assert queue.final == 2


def test_a_search_is_replaced_like_a_preview(preview):
    queue = JobQueue()
    queue.add(1, preview)
    assert queue.add(2, SubjectJob(request=preview.request)) == 1
    assert numbers(queue) == [2]


@pytest.fixture
def prepare(preview):
    return PrepareJob(method="m", request=preview.request)


def test_what_is_prepared_comes_last_and_nobody_waits_for_it(preview, prepare):
    queue = JobQueue(most=1)
    assert queue.add(1, prepare) is None
    assert len(queue) == 0 and queue.final is None
    assert queue.add(2, prepare) == 1
    assert queue.add(3, preview) is None
    queue.add(4, WarmJob())
    assert len(queue) == 2
    assert numbers(queue) == [4, 3, 2]


def test_what_is_prepared_is_dropped_and_put_back_like_others(prepare):
    queue = JobQueue()
    queue.add(1, prepare)
    assert not queue.put_back(2, prepare), "a later one is there"
    assert queue.drop(1) and not queue.drop(1)
    assert queue.put_back(2, prepare)
    assert numbers(queue) == [2]


def test_what_gives_way_to_what(preview, prepare):
    final = EditJob(method="m", request=preview.request)
    search = SubjectJob(request=preview.request)
    assert all(gives_way(prepare, to) for to in (preview, search, final, WarmJob(), prepare))
    assert all(gives_way(running, to) for running in (preview, search) for to in (preview, search, final))
    assert not any(gives_way(running, to) for running in (preview, search) for to in (prepare, WarmJob()))
    assert not any(gives_way(final, to) for to in (preview, search, final, prepare, WarmJob()))
