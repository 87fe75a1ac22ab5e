"""The fill network: known pixels stay, holes are continued, and its folder."""

import cv2
import numpy as np
import pytest
import torch

from engine.fill import fill
from engine.networks.fill import FillNet, fill_by

WIDTHS = (8, 16, 16)


def network(seed=0, *, side=64, shaken=True):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = FillNet(side, WIDTHS)
        if shaken:
            torch.nn.init.normal_(made.head.weight, std=0.1)
        return made.eval().requires_grad_(False)


@pytest.fixture
def holed(picture):
    """A picture and its holes."""
    holes = cv2.circle(np.zeros(picture.shape[:2], np.uint8), (150, 110), 30, 255, -1)
    cv2.line(holes, (250, 20), (300, 200), 255, 7)
    return picture, holes


def test_the_published_size():
    assert 3e6 < sum(weight.numel() for weight in FillNet().parameters()) < 4e6


@pytest.mark.parametrize("size", [(4, 4), (8, 12), (64, 40)])
def test_known_pixels_stay(size):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, *size, generator=generator)
    hole = (torch.rand(2, 1, *size, generator=generator) > 0.5).float()
    filled = network()(image, hole)
    known = hole.expand_as(image) == 0
    assert torch.equal(filled[known], image[known])
    assert (filled - image)[~known].abs().max() > 1e-3


def test_untrained_it_is_the_smooth_fill(holed):
    picture, holes = holed
    filled = fill_by(network(shaken=False), picture, holes)
    assert np.array_equal(filled, fill(picture, holes, smooth=True))


def test_it_fills_holes_alone(holed):
    picture, holes = holed
    filled = fill_by(network(), picture, holes)
    assert np.array_equal(filled[holes == 0], picture[holes == 0])
    assert np.abs(filled[holes > 0].astype(int) - fill(picture, holes, smooth=True)[holes > 0]).mean() > 0.3
    assert (filled[..., 3] == 255).all()


@pytest.mark.parametrize("unknown", [0, 255])
def test_nothing_to_fill_or_to_fill_from(picture, unknown):
    filled = fill_by(network(), picture, np.full(picture.shape[:2], unknown, np.uint8))
    assert np.array_equal(filled, picture)


@pytest.mark.parametrize("size", [(1, 2), (5, 3), (40, 700)])
def test_any_size(paint, size):
    width, height = size
    image, holes = paint(width, height), np.zeros((height, width), np.uint8)
    holes[height // 2 :, : max(1, width // 2)] = 255
    assert fill_by(network(), image, holes).shape == image.shape


def test_gradients_reach_every_weight():
    made = network().train().requires_grad_(True)
    made(
        torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.ones(1, 1, 16, 16)
    ).sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in made.parameters())


def test_it_comes_back_from_its_folder(tmp_path):
    made = network()
    made.save(tmp_path)
    again = FillNet.load(tmp_path)
    assert (again.side, again.widths) == (64, WIDTHS)
    image, hole = torch.full((1, 3, 16, 16), 0.3), torch.ones(1, 1, 16, 16)
    torch.testing.assert_close(again(image, hole), made(image, hole), atol=1e-2, rtol=0)
