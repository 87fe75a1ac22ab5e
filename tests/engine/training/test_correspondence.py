"""Points that features are taught to follow, and the loss that teaches it."""

import math

import numpy as np
import pytest
import torch

from engine.training.correspondence import POINTS, Followed, correspondence_loss, draw_points
from engine.training.pairs import PairGenerator
from engine.training.photos import open_photos, working_side
from tests.engine.training.photo_files import write_folder

SIZE = 64


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("photos"), number=3)
    photos = open_photos(folder, working_side(SIZE), tmp_path_factory.mktemp("cache"), held_out=False)
    return PairGenerator(photos, SIZE, 5)(8)


@pytest.fixture
def points(pairs):
    return draw_points(pairs, torch.Generator().manual_seed(1))


def test_points_lie_where_something_moves_and_go_where_it_goes(pairs, points):
    assert points.before.shape == points.after.shape == (8, POINTS, 2)
    for i in range(8):
        for before, after in zip(points.before[i], points.after[i], strict=True):
            column, row = (int(value) for value in before)
            assert pairs.region[i, 0, row, column] == 1
            assert torch.allclose(after - before, pairs.flow[i, :, row, column], atol=1e-5)
            assert ((after > 0) & (after < SIZE)).all()


def test_each_point_is_looked_for_where_it_is_and_all_over_the_picture(points):
    assert ((points.places == points.after[:, :, None].clamp(0.5, SIZE - 0.5)).all(-1).any(-1)).all()
    spread = points.places.amax(2) - points.places.amin(2)
    assert (spread > SIZE * 0.8).all()
    assert points.places.min() >= 0.5
    assert points.places.max() <= SIZE - 0.5


def test_points_are_repeated_by_the_same_seed_alone(pairs, points):
    again = draw_points(pairs, torch.Generator().manual_seed(1))
    other = draw_points(pairs, torch.Generator().manual_seed(2))
    assert all(torch.equal(a, b) for a, b in zip(points, again, strict=True))
    assert not torch.equal(points.before, other.before)


def test_a_pair_in_which_nothing_stays_follows_its_handle(pairs):
    still = pairs[slice(0, 1)]
    still.region.zero_()
    found = draw_points(still, torch.Generator().manual_seed(0))
    assert torch.equal(found.before, still.handles[:, :1].expand(-1, POINTS, -1))
    assert torch.equal(found.after, still.targets[:, :1].expand(-1, POINTS, -1))


def test_the_loss_is_the_cross_entropy_of_the_softmax_of_nearness():
    """Features at whole cells, so that an oracle needs no interpolation."""
    random = torch.Generator().manual_seed(0)
    before, after = torch.randn(2, 1, 3, 8, 8, generator=random)
    cells = torch.tensor([[[1.5, 2.5], [6.5, 0.5]]])
    places = torch.tensor([[1.5, 1.5], [6.5, 0.5], [3.5, 4.5], [0.5, 7.5]]).expand(1, 2, 4, 2)
    ends = places[:, :, 0]
    found = float(correspondence_loss(before, after, Followed(cells, ends, places), 8))
    expected = []
    for cell in cells[0].double().numpy():
        sought = before[0, :, int(cell[1]), int(cell[0])].double().numpy()
        distance, squared = [], []
        for place in places[0, 0].double().numpy():
            distance.append(
                np.abs(after[0, :, int(place[1]), int(place[0])].double().numpy() - sought).mean()
            )
            squared.append(((place - ends[0, 0].double().numpy()) ** 2).sum())
        logits = -12 * np.array(distance) / np.mean(distance)
        truth = np.exp(-np.array(squared) / 4.5)
        truth /= truth.sum()
        expected.append(-(truth * (logits - np.log(np.exp(logits).sum()))).sum())
    assert found == pytest.approx(np.mean(expected), rel=1e-4)


def test_features_that_move_with_the_picture_cost_least(points):
    """Coordinates of the first picture carried along are the perfect feature; resting ones mislead."""
    rows, columns = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    grid = torch.stack([columns, rows])[None] / 4
    one = Followed(*(part[:1, :1] for part in points))
    shift = (one.after - one.before)[0, 0] / 4
    moving = grid - shift[:, None, None]
    noise = torch.randn(grid.shape, generator=torch.Generator().manual_seed(0))
    perfect = float(correspondence_loss(grid, moving, one, SIZE))
    resting = float(correspondence_loss(grid, grid, one, SIZE))
    ignorant = float(correspondence_loss(noise, noise.flip(-1), one, SIZE))
    assert perfect < resting
    assert perfect < ignorant
    assert perfect < math.log(one.places.shape[2]) / 2


def test_features_learn_to_follow(pairs, points):
    """A few steps on a random convolution improve how well fresh points are found."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 5, 4, 2), torch.nn.Tanh(), torch.nn.Conv2d(8, 8, 1)
        )
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(3)

    def loss(chosen):
        return correspondence_loss(network(pairs.source), network(pairs.target), chosen, SIZE)

    first = float(loss(points).detach())
    for _ in range(40):
        optimizer.zero_grad()
        loss(draw_points(pairs, generator)).backward()
        optimizer.step()
    assert float(loss(points).detach()) < first - 0.2
