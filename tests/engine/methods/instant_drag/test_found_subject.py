"""What the drag network finds is brought to the whole picture: near enough, whole, and only what is held."""

import numpy as np
import pytest
import torch

from engine.edit import DragEdit, Point, PointPair
from engine.methods.instant_drag.found_subject import find_subject
from engine.networks.drag_flow import DragMotion


class RedFinder:
    """A network that takes all that is red to move, and tells of what it has looked at."""

    side, multiple, trust = 64, 8, torch.zeros(())

    def __init__(self):
        self.shares = []  # of each picture, how wide what is red is
        self.drags = None  # of the last one

    def __call__(self, image, drags, subject, move):
        self.drags = drags
        red = (image[:, :1] - image[:, 1:2]).clamp(0, 1)
        columns = (red[0, 0] > 0.5).any(0).nonzero()
        self.shares.append(0.0 if not len(columns) else float(columns.max() - columns.min() + 1) / self.side)
        return DragMotion(red * 10 - 5, red, torch.ones_like(red).expand(-1, 2, -1, -1))


def picture(width, height, discs):
    """Grey, with red discs (x, y, radius), and where the first of them lies."""
    y, x = np.mgrid[:height, :width] + 0.5
    image = np.full((height, width, 4), 100, np.uint8)
    image[..., 3] = 255
    truth = None
    for cx, cy, radius in discs:
        disc = np.hypot(x - cx, y - cy) < radius
        image[disc] = (255, 0, 0, 255)
        truth = disc if truth is None else truth
    return image, truth


def request(image, handle, **more):
    x, y = handle
    return DragEdit(image=image, points=(PointPair(Point(x, y), Point(x + 12, y - 5)),), **more)


def iou(found, truth):
    return ((found > 127) & truth).sum() / ((found > 127) | truth).sum()


def test_thing_under_the_handle_alone_is_found():
    image, truth = picture(500, 300, [(200, 150, 60), (400, 150, 50)])
    found = find_subject(RedFinder(), request(image, (190, 140)), lambda: None)
    assert found.shape == (300, 500)
    assert found.dtype == np.uint8
    assert iou(found, truth) > 0.93
    assert not found[:, 345:].any()


@pytest.mark.parametrize("radius", [9, 60, 290])
def test_small_and_large_things_are_looked_at_until_they_fill_their_frame(radius):
    image, truth = picture(1000, 700, [(450, 350, radius)])
    network = RedFinder()
    found = find_subject(network, request(image, (450, 350)), lambda: None)
    assert iou(found, truth) > 0.9
    assert 0.3 <= network.shares[-1] <= 0.85
    assert len(network.shares) <= 3


def test_pins_are_drags_of_no_length():
    image, _ = picture(400, 300, [(200, 150, 60)])
    network = RedFinder()
    find_subject(network, request(image, (190, 150), pins=(Point(150, 100), Point(220, 190))), lambda: None)
    assert network.drags.number.tolist() == [3]
    lengths = (network.drags.targets - network.drags.handles).norm(dim=-1)[0]
    assert (lengths > 0).tolist() == [True, False, False]


def test_holes_are_closed():
    image, truth = picture(400, 300, [(200, 150, 60)])
    image[140:160, 215:235, :3] = 100
    found = find_subject(RedFinder(), request(image, (180, 150)), lambda: None)
    assert iou(found, truth) > 0.93


class UnsureFinder(RedFinder):
    """A network that takes for what moves all around a red thing too, by half."""

    def __call__(self, image, drags, subject, move):
        sure = super().__call__(image, drags, subject, move)
        around = torch.nn.functional.max_pool2d(sure.region, 21, 1, 10)
        return sure._replace(region=torch.maximum(0.98 * sure.region, 0.7 * around))


def test_where_the_network_is_not_sure_colours_decide():
    image, truth = picture(400, 300, [(200, 150, 60)])
    noise = np.random.default_rng(0).integers(-20, 21, image.shape[:2])[..., None]
    image[..., :3] = np.clip(image[..., :3] + noise, 0, 255)
    found = find_subject(UnsureFinder(), request(image, (200, 150)), lambda: None)
    assert iou(found, truth) > 0.9
    again = find_subject(UnsureFinder(), request(image, (200, 150)), lambda: None)
    assert np.array_equal(found, again)


def test_nothing_under_the_handle_is_no_subject():
    image, _ = picture(400, 300, [(300, 100, 40)])
    assert find_subject(RedFinder(), request(image, (60, 250)), lambda: None) is None


def test_protected_and_unmasked_pixels_are_no_subject():
    image, truth = picture(400, 300, [(200, 150, 60)])
    mask, protected = np.zeros((300, 400), np.uint8), np.zeros((300, 400), np.uint8)
    mask[:, :220], protected[:120] = 255, 255
    edit = request(image, (190, 150), mask=mask, protected=protected)
    found = find_subject(RedFinder(), edit, lambda: None)
    allowed = (mask > 0) & (protected == 0)
    assert not found[~allowed].any()
    assert iou(found, truth & allowed) > 0.9
    everything = np.full((300, 400), 255, np.uint8)
    assert find_subject(RedFinder(), request(image, (190, 150), protected=everything), lambda: None) is None


def test_search_ends_when_it_shall():
    image, _ = picture(400, 300, [(200, 150, 6)])
    looks = []

    def check():
        looks.append(1)
        if len(looks) == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        find_subject(RedFinder(), request(image, (200, 150)), check)


def test_tiny_pictures_are_searched_too():
    image, _ = picture(3, 2, [(1, 1, 9)])
    edit = DragEdit(image=image, points=(PointPair(Point(0.5, 0.5), Point(2, 1)),))
    found = find_subject(RedFinder(), edit, lambda: None)
    assert found is None or found.shape == (2, 3)
