"""Pins that training pairs are given: where they lie, how many there are; drags stay as they were."""

import pytest
import torch

from engine.training.pairs import WARP, PairGenerator
from engine.training.photos import open_photos, working_side
from engine.training.pins import MOST_PINS, drags_with_pins
from tests.engine.training.photo_files import write_folder

SIZE = 64


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("photos"), number=3)
    photos = open_photos(folder, working_side(SIZE), tmp_path_factory.mktemp("cache"), held_out=False)
    return PairGenerator(photos, SIZE, 7)(60)


def pinned(pairs, share, seed=0):
    return drags_with_pins(pairs, share, torch.Generator().manual_seed(seed))


def test_drags_stay_as_they_were(pairs):
    drags = pinned(pairs, 1.0)
    for i, count in enumerate(pairs.count.tolist()):
        assert torch.equal(drags.handles[i, :count], pairs.handles[i, :count])
        assert torch.equal(drags.targets[i, :count], pairs.targets[i, :count])


def test_pins_are_drags_of_no_length_where_nothing_moves(pairs):
    drags, seen = pinned(pairs, 1.0), set()
    for i, (count, number) in enumerate(zip(pairs.count.tolist(), drags.number.tolist(), strict=True)):
        seen.add(number - count)
        for pin in drags.handles[i, count:number]:
            column, row = (int(value) for value in pin)
            assert pairs.flow[i, :, row, column].norm() < 0.5
        assert torch.equal(drags.handles[i, count:number], drags.targets[i, count:number])
        assert not drags.handles[i, number:].any()
    assert seen == set(range(MOST_PINS + 1))


def test_only_what_bends_is_pinned(pairs):
    more = pinned(pairs, 1.0).number > pairs.count
    assert not more[pairs.kind != WARP].any()
    still = (pairs.flow.norm(dim=1) < 0.5).flatten(1).any(1)
    assert torch.equal(more, (pairs.kind == WARP) & still)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.5, 0.2, 0.8)])
def test_as_many_are_pinned_as_is_set(pairs, share, low, high):
    bends = pairs.kind == WARP
    more = torch.stack([pinned(pairs, share, seed).number > pairs.count for seed in range(5)])[:, bends]
    assert low <= more.float().mean() <= high


def test_pins_are_repeated_by_the_same_seed_alone(pairs):
    assert all(torch.equal(a, b) for a, b in zip(pinned(pairs, 1.0), pinned(pairs, 1.0), strict=True))
    assert not torch.equal(pinned(pairs, 1.0).handles, pinned(pairs, 1.0, 1).handles)
