"""Tracking by features: where it is exact, what it costs to rest, and what a noise predictor is asked."""

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.training.backbone_networks import SCHEDULE, noise_predictor
from engine.training.tracking import (
    FAR,
    INVERSION,
    NEAR,
    colours,
    diffusion_features,
    enlarged,
    last_seen,
    measure_tracking,
    resting,
    track,
    tracking_pairs,
)
from tests.engine.training.photo_files import photos_of, scene

SIZE, SIDE = 64, 96
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def pairs():
    pictures = [scene(seed, SIDE)[0] for seed in range(4)]
    return tracking_pairs(photos_of(pictures, "aabb"), 10, SIZE)


@pytest.fixture(scope="module")
def diffusion():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = noise_predictor((32, 64), layers=1, text=64, channels=4).eval()
        vae = AutoencoderTiny(
            encoder_block_out_channels=(8,) * 4,
            decoder_block_out_channels=(8,) * 4,
            num_encoder_blocks=(1,) * 4,
            num_decoder_blocks=(1,) * 4,
        )
    return LatentDiffusion(unet, vae.eval())


def places():
    """Features that tell every pixel of 40 × 30 from every other: its own place."""
    y, x = torch.meshgrid(torch.arange(30.0), torch.arange(40.0), indexing="ij")
    return torch.stack([x, y]) + 0.5


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (5, -3), (-7, 7)])
def test_what_has_moved_is_found_where_it_went(dx, dy):
    before = places()
    after = before - torch.tensor([dx, dy])[:, None, None]  # what was at p is now at p + d
    handles = torch.tensor([[20.5, 14.5], [11.5, 9.5]])
    found = track(before, after, handles, handles, 8)
    assert torch.equal(found, handles + torch.tensor([dx, dy]))


def test_nothing_is_found_outside_the_window_or_the_picture():
    before, handle = places(), torch.tensor([[20.5, 14.5]])
    shifted = before - 10
    assert torch.equal(track(before, shifted, handle, handle, 4), handle + 4)
    corner = torch.tensor([[38.5, 28.5]])
    assert torch.equal(track(before, shifted, corner, corner, 50), torch.tensor([[39.5, 29.5]]))


def test_between_pixels_features_are_interpolated():
    handle = torch.tensor([[20.0, 14.0]])  # the corner of four pixels, all equally near
    found = track(places(), places(), handle, handle, 5)
    assert (found - handle).abs().max() == 0.5
    assert torch.equal(enlarged(torch.ones(3, 4, 4), 8), torch.ones(3, 8, 8))


def test_a_followed_point_was_at_most_a_window_away():
    random = torch.Generator().manual_seed(0)
    handles, targets = torch.rand(2, 50, 2, generator=random) * 100
    start = last_seen(handles, targets, 12)
    assert (start - targets).abs().max() <= 11 + 1e-4
    cross = (start - targets)[:, 0] * (handles - targets)[:, 1] - (start - targets)[:, 1] * (
        handles - targets
    )[:, 0]
    assert cross.abs().max() < 1e-2  # on the straight way
    close = (handles - targets).abs().amax(1) < 11
    assert torch.equal(start[close], handles[close])


def test_resting_is_the_mean_of_the_ways(pairs):
    moved = np.concatenate(
        [(pairs.targets - pairs.handles)[i, :n].numpy() for i, n in enumerate(pairs.count.tolist())]
    )
    way, longest = np.hypot(*moved.T), np.abs(moved).max(1)
    still = resting(pairs)
    assert still.near == pytest.approx((way * np.minimum(1, (NEAR - 1) / longest)).mean(), rel=1e-5)
    assert still.far == pytest.approx((way * np.minimum(1, (FAR - 1) / longest)).mean(), rel=1e-5)


def test_true_places_track_exactly_and_blind_features_do_not(pairs):
    """Features that carry the truth, laid out by an oracle, end at most half a pixel's diagonal away."""
    y, x = torch.meshgrid(*(torch.arange(float(SIZE)) + 0.5,) * 2, indexing="ij")
    grid = torch.stack([x, y])

    def oracle(pictures):
        if torch.equal(pictures, part.source):
            return (grid + part.flow[0])[None]
        return grid[None]

    errors = []
    for i in range(len(pairs)):
        part = pairs[i : i + 1]
        errors.append(measure_tracking(oracle, part, CPU).far)
    assert max(errors) <= 0.5**0.5 + 1e-4
    blind = measure_tracking(lambda pictures: torch.zeros(len(pictures), 1, 8, 8), pairs, CPU)
    assert blind.far > 5


def test_colours_find_more_than_resting(pairs):
    patches = measure_tracking(colours, pairs, CPU)
    assert patches.near < 0.7 * resting(pairs).near
    assert patches == measure_tracking(colours, pairs, CPU)


def test_pairs_are_always_the_same():
    photos = photos_of([scene(seed, SIDE)[0] for seed in range(4)], "aabb")
    first, again = tracking_pairs(photos, 9, SIZE), tracking_pairs(photos, 9, SIZE)
    assert torch.equal(first.source, again.source)
    assert len(first) == 9


def test_features_are_of_the_block_that_is_asked_for(diffusion):
    pictures = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    prompt = torch.zeros(1, 5, 64)
    last, first = (
        diffusion_features(diffusion, prompt, SCHEDULE, block=block)(pictures) for block in (-1, 1)
    )
    assert last.shape == (3, 32, 8, 8)
    assert first.shape == (3, 64, 8, 8)
    assert not last.requires_grad
    assert not diffusion.unet.up_blocks[0]._forward_hooks, "it leaves nothing behind"


def test_features_of_a_picture_do_not_depend_on_its_neighbours_order_or_global_chance(diffusion):
    pictures = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    featured = diffusion_features(diffusion, torch.zeros(1, 5, 64), SCHEDULE)
    once = featured(pictures)
    torch.rand(1)
    assert torch.equal(featured(pictures), once)


def test_features_are_taken_at_the_timestep_that_is_asked_for(diffusion):
    pictures = torch.rand(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    times = list[int]()
    hook = diffusion.unet.register_forward_pre_hook(lambda module, inputs: times.append(int(inputs[1])))
    try:
        diffusion_features(diffusion, torch.zeros(1, 5, 64), SCHEDULE, timestep=0.4)(pictures)
    finally:
        hook.remove()
    assert times[-1] == times[-2] == 351
    assert len(times) == round(0.4 * INVERSION) + 1
    assert times == sorted(times)
