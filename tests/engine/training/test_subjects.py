"""What a user would paint is near the truth, and not exactly it."""

import numpy as np
import pytest
import torch

from engine.training.pairs import PairGenerator
from engine.training.subjects import coarse_subjects, editable_masks
from tests.engine.training.photo_files import photos_of, scene

SIZE = 64


def discs(n, radius, size=64):
    x = torch.arange(size) + 0.5
    inside = (x - size / 2).square()[:, None] + (x - size / 2).square() < radius**2
    return inside.float().expand(n, 1, -1, -1).clone()


def middle(plane):
    y, x = np.nonzero(plane.numpy())
    return np.array([x.mean(), y.mean()]) + 0.5


def test_a_coarse_subject_is_larger_or_smaller_by_a_tenth_at_most():
    region = discs(200, 15)
    coarse = coarse_subjects(region, torch.Generator().manual_seed(0))
    radii = (coarse.sum((1, 2, 3)) / np.pi).sqrt()
    assert radii.min() > 15 - 3 - 0.7
    assert radii.max() < 15 + 3 + 0.7
    assert (radii < 13.5).any()
    assert (radii > 16.5).any()


def test_a_coarse_subject_is_up_to_three_pixels_astray():
    coarse = coarse_subjects(discs(200, 12), torch.Generator().manual_seed(1))
    astray = np.stack([middle(plane[0]) - 32 for plane in coarse])
    assert 2 < np.abs(astray).max() <= 3.3
    assert np.abs(astray.mean(0)).max() < 0.4


def test_a_coarse_subject_is_never_empty():
    dots = torch.zeros(50, 1, 32, 32)
    dots[:, :, 0, 0] = 1
    coarse = coarse_subjects(dots, torch.Generator().manual_seed(2))
    assert (coarse.sum((1, 2, 3)) > 0).all()
    assert set(coarse.unique().tolist()) == {0, 1}


def test_the_same_generator_paints_the_same():
    first, again = (coarse_subjects(discs(9, 10), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)


@pytest.fixture(scope="module")
def batch():
    photos = photos_of([scene(i)[0] for i in range(4)], ["a"] * 4)
    return PairGenerator(photos, SIZE, seed=4)(24)


def test_an_editable_mask_holds_all_that_changes(batch):
    masks = editable_masks(batch, torch.Generator().manual_seed(0))
    assert set(masks.unique().tolist()) == {0, 1}
    assert (masks >= batch.region).all()
    assert (masks >= batch.uncovered).all()
    for i in range(len(batch)):
        x, y = (batch.targets[i, : int(batch.count[i])] - 1e-3).floor().long().clamp(0, SIZE - 1).T
        assert masks[i, 0, y, x].all()


def test_an_editable_mask_leaves_most_of_the_picture(batch):
    masks = editable_masks(batch, torch.Generator().manual_seed(0))
    assert masks.mean() < 0.7
    moves = batch.mode == 1
    changed = (batch.source - batch.target).abs().amax(1, keepdim=True)[moves] > 0.05
    assert changed[masks[moves] == 0].float().mean() < 0.002
