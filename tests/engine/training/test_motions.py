"""Motions and their inverses, against float64 arithmetic of our own."""

import numpy as np
import pytest
import torch

from engine.training.motions import (
    STEEPEST_SHEET,
    Motion,
    held_together,
    pixel_centres,
    sample,
    sheet_inverse,
    steepest_push,
)

CPU = torch.device("cpu")


def random_motion(n=8, size=64, seed=0):
    g = torch.Generator().manual_seed(seed)
    angle, scale = torch.randn(n, generator=g) * 0.3, (torch.randn(n, generator=g) * 0.1).exp()
    c, s = angle.cos() * scale, angle.sin() * scale
    width = 4 + size / 4 * torch.rand(n, 3, generator=g)
    push = torch.randn(n, 3, 2, generator=g)
    return Motion(
        centre=size * torch.rand(n, 2, generator=g),
        turn=torch.stack([torch.stack([c, -s], 1), torch.stack([s, c], 1)], 1),
        shift=size / 5 * torch.randn(n, 2, generator=g),
        bump_at=size * torch.rand(n, 3, 2, generator=g),
        bump_by=push / push.norm(dim=-1, keepdim=True) * steepest_push(width)[..., None],
        bump_width=width,
    )


def moved(motion, i, places):
    """Where float64 places (m, 2) go by the i-th motion."""
    centre, turn, shift, at, by, width = (
        getattr(motion, name)[i].double().numpy()
        for name in ("centre", "turn", "shift", "bump_at", "bump_by", "bump_width")
    )
    away = np.square(places[:, None] - at).sum(-1)
    bent = places + np.exp(-away / (2 * width**2)) @ by
    return (bent - centre) @ turn.T + centre + shift


def bilinear(field, places):
    """Values (m, c) of field (c, s, s) at places (m, 2), its edge going on."""
    size = field.shape[-1]
    x, y = np.clip(places - 0.5, 0, size - 1).T
    j, i = np.minimum(x.astype(int), size - 2), np.minimum(y.astype(int), size - 2)
    fx, fy = x - j, y - i
    upper = field[:, i, j] * (1 - fx) + field[:, i, j + 1] * fx
    lower = field[:, i + 1, j] * (1 - fx) + field[:, i + 1, j + 1] * fx
    return (upper * (1 - fy) + lower * fy).T


def rows(places):
    """(2, h, w) → (h·w, 2) float64."""
    return places.double().flatten(1).T.numpy()


def test_a_motion_is_its_formula():
    motion, size = random_motion(), 64
    ends = motion(pixel_centres(size, CPU))
    start = rows(pixel_centres(size, CPU)[0])
    for i in range(8):
        assert np.abs(rows(ends[i]) - moved(motion, i, start)).max() < 1e-3


@pytest.mark.parametrize("size", [32, 64, 128])
def test_an_inverse_leads_back_to_the_pixels(size):
    motion = random_motion(size=size, seed=size)
    origins = motion.inverse(size)
    wanted = rows(pixel_centres(size, CPU)[0])
    for i in range(8):
        assert np.abs(moved(motion, i, rows(origins[i])) - wanted).max() < 0.02


def test_a_sheet_that_would_fold_is_made_smaller_and_another_one_is_left():
    size = 48
    x = pixel_centres(size, CPU)[0, 0]
    bump = torch.exp(-(((x - 24) / 5) ** 2)) * 0.2
    gentle, steep = (torch.stack([amount * bump, 0 * bump]) for amount in (1, 100))
    held = held_together(torch.stack([gentle, steep]))
    assert torch.equal(held[0], gentle)
    slopes = held[1, 0].diff(dim=-1).abs().max().item()
    assert slopes == pytest.approx(STEEPEST_SHEET, rel=1e-5)
    assert torch.allclose(held[1] / held[1].max(), steep / steep.max(), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_inverse_of_a_sheet_leads_back_to_the_pixels(seed):
    size, g = 64, torch.Generator().manual_seed(seed)
    rough = torch.randn(4, 2, 8, 8, generator=g) * 12
    smooth = torch.nn.functional.interpolate(rough, (size, size), mode="bicubic", align_corners=False)
    flow = held_together(smooth)
    assert flow.norm(dim=1).max() > 3
    origins = sheet_inverse(flow)
    wanted = rows(pixel_centres(size, CPU)[0])
    for i in range(4):
        start = rows(origins[i])
        assert np.abs(start + bilinear(flow[i].double().numpy(), start) - wanted).max() < 0.03


def test_a_picture_sampled_at_its_pixels_is_itself():
    picture = torch.rand(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(sample(picture, pixel_centres(20, CPU).expand(2, -1, -1, -1)), picture, atol=1e-5)


def test_beyond_a_picture_is_its_edge_or_nothing():
    picture = torch.ones(1, 1, 8, 8)
    outside = torch.full((1, 2, 1, 1), -3.0)
    assert sample(picture, outside).item() == 1
    assert sample(picture, outside, beyond="zeros").item() == 0
