"""The subject that is found where none is painted."""

import cv2
import numpy as np
import pytest

from engine.edit import DragEdit, Point, PointPair
from engine.subject import guess_subject


def scene(*discs: tuple[int, int, int], size: tuple[int, int] = (480, 360)) -> tuple[np.ndarray, np.ndarray]:
    """Grainy red discs x, y, radius on grainy green, and where they are."""
    random = np.random.default_rng(0)
    truth = np.zeros((size[1], size[0]), np.uint8)
    for x, y, radius in discs:
        cv2.circle(truth, (x, y), radius, 255, -1)
    image = np.where(truth[..., None] > 0, (200, 40, 40), (50, 150, 60)) + random.normal(
        0, 8, (*truth.shape, 3)
    )
    opaque = np.full((*truth.shape, 1), 255, np.uint8)
    return np.concatenate([image.clip(0, 255).astype(np.uint8), opaque], axis=-1), truth


def request(image: np.ndarray, *handles: tuple[float, float], pins=(), mask=None) -> DragEdit:
    height, width = image.shape[:2]
    return DragEdit(
        image=image,
        mask=np.full((height, width), 255, np.uint8) if mask is None else mask,
        points=tuple(PointPair(Point(x, y), Point(width / 3, 0)) for x, y in handles),
        pins=tuple(Point(*pin) for pin in pins),
        motion="move",
    )


def overlap(subject: np.ndarray, truth: np.ndarray) -> float:
    """Intersection over union."""
    a, b = subject > 127, truth > 127
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("handle", [(200, 180), (230, 150), (170, 215)])
@pytest.mark.parametrize("times", [0.5, 1, 4])
def test_a_red_disc_on_green_is_found(handle: tuple, times: float) -> None:
    image, truth = scene((200, 180, 60))
    size = round(480 * times), round(360 * times)
    image, truth = (cv2.resize(a, size, interpolation=cv2.INTER_NEAREST) for a in (image, truth))
    subject = guess_subject(request(image, (handle[0] * times, handle[1] * times)))
    assert subject.dtype == np.uint8
    assert subject.shape == truth.shape
    assert overlap(subject, truth) > 0.9


def test_its_edge_is_soft_but_narrow() -> None:
    image, _ = scene((200, 180, 60))
    subject = guess_subject(request(image, (200, 180)))
    between = ((subject > 0) & (subject < 255)).sum()
    assert 0 < between < 8 * 2 * np.pi * 60


def test_only_what_a_handle_stands_on_is_found() -> None:
    image, truth = scene((130, 180, 50), (360, 180, 50))
    left = truth.copy()
    left[:, 240:] = 0
    assert overlap(guess_subject(request(image, (130, 180))), left) > 0.9
    assert overlap(guess_subject(request(image, (130, 180), (360, 180))), truth) > 0.9


def test_a_pin_keeps_its_place_out() -> None:
    image, _ = scene((240, 180, 70))
    free = guess_subject(request(image, (215, 180)))
    assert free[180, 285] == 255
    pinned = guess_subject(request(image, (215, 180), pins=[(285, 180)]))
    assert pinned[180, 285] < 128
    assert pinned[180, 215] == 255


def test_what_is_protected_is_kept_out() -> None:
    image, truth = scene((240, 180, 70))
    mask = np.full(truth.shape, 255, np.uint8)
    mask[:, 250:] = 0
    subject = guess_subject(request(image, (215, 180), mask=mask))
    assert not (subject[:, 254:] > 127).any()
    assert overlap(subject[:, :246], truth[:, :246]) > 0.9


def test_holes_are_closed() -> None:
    image, truth = scene((240, 180, 70))
    hole = np.zeros_like(truth)
    cv2.circle(hole, (265, 180), 15, 255, -1)
    image[hole > 0, :3] = (50, 150, 60)
    subject = guess_subject(request(image, (205, 180)))
    assert subject[180, 265] == 255
    assert overlap(subject, truth) > 0.9


def test_where_nothing_stands_out_there_is_a_disc() -> None:
    flat = np.full((300, 400, 4), 128, np.uint8)
    subject = guess_subject(request(flat, (150, 120)))
    disc = np.zeros((300, 400), np.uint8)
    cv2.circle(disc, (150, 120), 64, 255, -1)
    assert subject[120, 150] == 255
    assert overlap(subject, disc) > 0.9 or 0 < (subject > 127).sum() <= (disc > 0).sum()


def test_the_handle_is_always_in_the_subject() -> None:
    for seed in range(15):
        random = np.random.default_rng(seed)
        image = cv2.resize(random.integers(0, 256, (7, 9, 4), np.uint8), (260, 200))
        handle = random.uniform(6, [254, 194])
        subject = guess_subject(request(np.ascontiguousarray(image), tuple(map(float, handle))))
        assert subject[int(handle[1]), int(handle[0])] > 127


def test_the_same_request_finds_the_same_subject() -> None:
    image, _ = scene((200, 180, 60), (330, 120, 40))
    first = guess_subject(request(image, (200, 180)))
    cv2.setRNGSeed(77)
    np.random.default_rng().random()
    assert np.array_equal(guess_subject(request(image, (200, 180))), first)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 9), (3, 3), (8, 8), (17, 4), (10, 3000), (30_000, 10)])
@pytest.mark.parametrize("alpha", [0, 255])
def test_tiny_and_narrow_pictures_have_a_subject(size: tuple[int, int], alpha: int) -> None:
    width, height = size
    image = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
    image[..., 3] = alpha
    for handle in ((0, height), (width / 2, height / 2), (width, height)):
        subject = guess_subject(request(image, handle))
        assert subject.shape == (height, width)
        assert subject.any()


def test_where_it_is_pulled_does_not_change_what_is_found() -> None:
    image, _ = scene((200, 180, 60))
    near, far = (
        DragEdit(image=image, motion="move", points=(PointPair(Point(200, 180), Point(*target)),))
        for target in ((201, 180), (470, 20))
    )
    assert np.array_equal(guess_subject(near), guess_subject(far))


def test_what_is_clear_is_no_subject_whatever_colour_it_hides() -> None:
    image, truth = scene((200, 180, 60))
    image[..., :3] = (200, 40, 40)
    image[truth == 0, 3] = 0
    assert overlap(guess_subject(request(image, (200, 180))), truth) > 0.9


def test_a_protected_place_is_no_subject() -> None:
    image, truth = scene((200, 180, 60))
    protected = np.zeros(truth.shape, np.uint8)
    protected[:, 200:] = 255
    found = guess_subject(
        DragEdit(
            image=image,
            protected=protected,
            motion="move",
            points=(PointPair(Point(170, 180), Point(10, 10)),),
        )
    )
    assert found[180, 170] > 127
    assert not found[:, 210:].any()


def test_many_handles_on_few_pixels_leave_nothing_to_compare_with() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 4), dtype=np.uint8)
    points = tuple(
        PointPair(Point(x / 3, y / 3), Point(8 - x / 3, y / 3))
        for x in range(22)
        for y in range(22)
        if x != 12
    )
    assert guess_subject(DragEdit(image=image, motion="move", points=points)).any()
