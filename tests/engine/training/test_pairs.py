"""What a pair says moved did move, exactly there, and what it says was uncovered was."""

import dataclasses

import numpy as np
import pytest
import torch

from engine.errors import InvalidRequest
from engine.training import pairs as module
from engine.training.motions import Motion, pixel_centres, sample
from engine.training.pairs import CUT, PASTE, WARP, DragBatch, PairGenerator
from tests.engine.training.photo_files import photos_of, scene
from tests.engine.training.test_motions import bilinear, moved, rows

SIZE = 64


@pytest.fixture(scope="module")
def photos():
    return photos_of([scene(i)[0] for i in range(6)], ["a"] * 4 + ["b"] * 2)


@pytest.fixture(scope="module")
def batch(photos):
    return PairGenerator(photos, SIZE, seed=1)(48)


@pytest.fixture
def staged(photos, monkeypatch):
    """staged(kind, n, motion=None) → a batch of one kind, its things and its motions."""

    def stage(kind, n, change=lambda motion: motion):
        seen = []
        real = module.moved_thing

        def spy(thing, *rest, **named):
            motion = change(real(thing, *rest, **named))
            seen.append((thing, motion))
            return motion

        shares = tuple(float(other == kind) for other in (PASTE, CUT, WARP))
        monkeypatch.setattr(module, "moved_thing", spy)
        monkeypatch.setattr(module, "SHARES", shares)
        batch = PairGenerator(photos, SIZE, seed=3)(n)
        return batch, *seen[0]

    return stage


def test_a_batch_has_its_form(batch):
    n = 48
    assert len(batch) == n
    for name, channels in {"source": 3, "target": 3, "flow": 2, "region": 1, "uncovered": 1}.items():
        tensor = getattr(batch, name)
        assert tensor.shape == (n, channels, SIZE, SIZE)
        assert tensor.dtype == torch.float32
        assert tensor.isfinite().all()
    assert batch.handles.shape == batch.targets.shape == (n, 8, 2)
    for name in ("region", "uncovered"):
        assert set(getattr(batch, name).unique().tolist()) == {0, 1}
    for name in ("source", "target"):
        assert getattr(batch, name).min() >= 0
        assert getattr(batch, name).max() <= 1
    assert set(batch.kind.tolist()) == {PASTE, CUT, WARP}
    assert torch.equal(batch.mode, (batch.kind != WARP).long())


def test_the_same_seed_gives_the_same_pairs(photos, batch):
    again = PairGenerator(photos, SIZE, seed=1)(48)
    for field in dataclasses.fields(DragBatch):
        assert torch.equal(getattr(again, field.name), getattr(batch, field.name)), field.name
    other = PairGenerator(photos, SIZE, seed=2)(48)
    assert not torch.equal(other.source, batch.source)


def test_the_generators_state_is_the_whole_state(photos):
    pairs = PairGenerator(photos, SIZE, seed=5)
    pairs(4)
    state = pairs.generator.get_state()
    expected = pairs(4)
    fresh = PairGenerator(photos, SIZE, seed=6)
    fresh.generator.set_state(state)
    assert torch.equal(fresh(4).target, expected.target)


def test_points_lie_in_the_region_and_carry_the_flow(batch):
    assert batch.count.min() >= 1
    assert batch.count.max() <= 8
    assert len(set(batch.count.tolist())) > 3
    for i in range(len(batch)):
        n = int(batch.count[i])
        assert not batch.handles[i, n:].any()
        assert not batch.targets[i, n:].any()
        x, y = (batch.handles[i, :n] - 0.5).long().T
        assert batch.region[i, 0, y, x].all()
        carried = batch.targets[i, :n] - batch.handles[i, :n]
        assert torch.allclose(carried, batch.flow[i, :, y, x].T, atol=1e-4)
        assert batch.targets[i, :n].min() >= 0
        assert batch.targets[i, :n].max() <= SIZE


def test_a_moved_thing_alone_moves(batch):
    moves = batch.mode == 1
    assert not (batch.flow * (1 - batch.region))[moves].any()
    assert batch.region.mean((1, 2, 3)).min() > 0.005


def test_what_lies_at_a_pixel_is_found_where_its_flow_leads(batch):
    """The pictures agree with the flow, except where something else has come to lie above."""
    ends = pixel_centres(SIZE, torch.device("cpu")) + batch.flow
    inside = ((ends > 1) & (ends < SIZE - 1)).all(1, keepdim=True).float()
    inner = -torch.nn.functional.max_pool2d(-batch.region, 5, 1, 2) * inside
    error = (sample(batch.target, ends) - batch.source).abs().mean(1, keepdim=True) * inner
    for kind in (PASTE, CUT, WARP):
        of_kind = batch.kind == kind
        assert error[of_kind].sum() / inner[of_kind].sum() < 0.02


def test_a_still_background_stays(batch):
    """Where neither the region was nor anything arrives, source and target are alike."""
    pasted = batch.kind == PASTE
    differs = (batch.source - batch.target).abs().amax(1, keepdim=True)[pasted] > 0.02
    ends = pixel_centres(SIZE, torch.device("cpu")) + batch.flow
    near = torch.zeros_like(batch.region)
    for i in torch.nonzero(pasted)[:, 0].tolist():
        x, y = ends[i][:, batch.region[i, 0] > 0].floor().long().clamp(0, SIZE - 1)
        near[i, 0, y, x] = 1
    near = torch.nn.functional.max_pool2d(near + batch.region + batch.uncovered, 9, 1, 4)[pasted]
    assert not (differs & (near == 0)).any()


def _middle(tensor, margin=10):
    """Where a pixel is far from the border."""
    inside = torch.zeros_like(tensor, dtype=torch.bool)
    inside[..., margin:-margin, margin:-margin] = True
    return inside


@pytest.mark.parametrize("kind", [PASTE, CUT])
def test_flow_and_uncovered_agree_with_float64(staged, kind):
    batch, thing, motion = staged(kind, 6)
    centres = rows(pixel_centres(SIZE, torch.device("cpu"))[0])
    for i in range(6):
        region = batch.region[i, 0].numpy().ravel() > 0
        flow = batch.flow[i].double().flatten(1).T.numpy()
        assert np.abs(flow - (moved(motion, i, centres) - centres) * region[:, None]).max() < 2e-3

        origins = np.copy(centres)
        for _ in range(200):  # a damped iteration, other than the one under test
            origins += 0.5 * (centres - moved(motion, i, origins))
        assert np.abs(moved(motion, i, origins) - centres).max() < 1e-6
        matrix, mask = thing.placement[i].double().numpy(), thing.layers[i, 3:].double().numpy()

        def outline(places, matrix=matrix, mask=mask):
            at = places @ matrix[:, :2].T + matrix[:, 2]
            there = ((at > 0) & (at < mask.shape[-1])).all(1)
            return (1.6 * (bilinear(mask, at)[:, 0] - 0.5) + 0.42) * there

        before, after = outline(centres), outline(origins)
        inside = ((origins > 0) & (origins < SIZE)).all(1)
        expected = ((before > 0.5) & (after <= 0.5)) | ((after > 0.5) & ~inside)
        sure = (np.abs(before - 0.5) > 0.01) & (np.abs(after - 0.5) > 0.01)
        for edge in (0, SIZE):
            sure &= (np.abs(origins - edge) > 0.05).all(1)
        assert sure.mean() > 0.9
        assert np.array_equal((before > 0.5)[sure], region[sure])
        assert np.array_equal(expected[sure], batch.uncovered[i, 0].numpy().ravel()[sure] > 0)


def test_a_shift_by_whole_pixels_copies_pixels(staged):
    def shifted(motion: Motion):
        n = len(motion.shift)
        return dataclasses.replace(
            motion,
            turn=torch.eye(2).expand(n, -1, -1),
            shift=torch.tensor([[7.0, -4.0]]).expand(n, -1),
            bump_by=torch.zeros_like(motion.bump_by),
        )

    batch, _, _ = staged(PASTE, 4, shifted)
    region = batch.region[:, 0] > 0
    arrived = torch.roll(region, (-4, 7), (1, 2))
    middle = np.s_[:, 10:-10, 10:-10]
    assert torch.equal((batch.uncovered[:, 0] > 0)[middle], (region & ~arrived)[middle])
    solid = -torch.nn.functional.max_pool2d(-batch.region, 5, 1, 2) > 0
    error = torch.roll(batch.source, (-4, 7), (2, 3)) - batch.target
    landed = torch.roll(solid, (-4, 7), (2, 3)).expand_as(error)
    assert error[landed & _middle(error)].abs().max() < 1e-3


def test_a_sheet_tears_nowhere_and_bends_its_region(staged):
    batch, _, _ = staged(WARP, 8)
    assert (batch.flow.norm(dim=1).amax((1, 2)) > 0.5).all()
    across, down = batch.flow.diff(dim=-1), batch.flow.diff(dim=-2)
    assert max(across.norm(dim=1).max(), down.norm(dim=1).max()) < 0.76
    assert not batch.uncovered[..., 24:-24, 24:-24].any()
    outside = (batch.flow.norm(dim=1, keepdim=True) > 0) & (batch.region == 0)
    assert outside.any(), "what surrounds it gives way"


def test_a_cut_hole_is_filled_from_around(staged):
    batch, _, _ = staged(CUT, 8)
    hole = batch.uncovered.expand_as(batch.target) > 0
    assert hole.any()
    # The discs are bright and the ground is dark: the hole shows ground.
    assert batch.target[hole].mean() < batch.source[batch.region.expand_as(hole) > 0].mean() - 0.15


def test_nothing_is_laid_over_a_portrait():
    green = np.zeros((96, 96, 3), np.uint8)
    green[..., 1] = 250
    green[30:60, 30:60, 1] = 160
    pictures = [*(scene(i)[0] for i in range(3)), *[green] * 9]
    photos = photos_of(pictures, ["a"] * 3 + ["portrait"] * 9)
    batch = PairGenerator(photos, SIZE, seed=0)(60)
    is_green = (batch.source[:, 1] - batch.source[:, 0]).amax((1, 2)) > 0.45
    assert not is_green[batch.mode == 1].any()
    assert is_green[batch.mode == 0].any()


@pytest.mark.parametrize("families", [["a", "a"], ["portrait", "portrait"]])
def test_photos_without_a_thing_are_an_error(families):
    pictures = [np.full((96, 96, 3), 90, np.uint8)] * 2 if families[0] == "a" else [scene(0)[0], scene(1)[0]]
    with pytest.raises(InvalidRequest, match="None of the 2 photos shows a thing"):
        PairGenerator(photos_of(pictures, families), SIZE, seed=0)


def test_batches_are_joined_and_parted(batch):
    joined = DragBatch.joined([batch[:5], batch[5:]])
    assert torch.equal(joined.handles, batch.handles)
    assert len(batch[torch.tensor([3, 1])]) == 2
