"""Teaches features to be found again: what tracking in a drag asks of a noise predictor's decoder.

Of each pair of pictures whose exact motion is known, features at points that move are compared, by L1 as the
tracker does, with those at many places of the second picture; a softmax of the nearness is to be highest
where the point went (as in Tang et al.: Emergent Correspondence from Image Diffusion (2023), where features
are compared, but here they are trained for it).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from engine.training.motions import pixel_centres
from engine.training.pairs import DragBatch

POINTS = 24  # of a pair
_NEAR, _STRIDE = 12, 2  # pixels: how far around its place, and how closely, a point is looked for
_FAR = 12  # places along each side of the picture where it is looked for beside
_SPREAD = 1.5  # pixels: σ of where it may be found
_SHARPNESS = 12.0  # of the softmax, in mean distances


class Followed(NamedTuple):
    """Points in pixels x, y whose way from one picture to another is known, and where they are looked for.

    Args:
        before, after: (b, k, 2), in the first pictures and in the second.
        places: (b, k, m, 2), in the second pictures.
    """

    before: Tensor
    after: Tensor
    places: Tensor


def draw_points(pairs: DragBatch, generator: torch.Generator, number: int = POINTS) -> Followed:
    """Points of what moves that stay in the picture; a pair without any repeats its first handle.

    Args:
        generator: on the CPU.
    """
    n, _, height, width = pairs.region.shape
    device = pairs.region.device
    origins = pixel_centres(width, device)
    ends = origins + pairs.flow
    stays = ((ends > 0) & (ends < width)).all(1, keepdim=True)
    reached = (pairs.region * stays).flatten(1).cumsum(1)
    drawn = torch.rand(n, number, generator=generator).to(device) * reached[:, -1:]
    at = torch.searchsorted(reached, drawn, right=True).clamp(max=height * width - 1)
    chosen = at[:, None].expand(-1, 2, -1)
    before = torch.gather(origins.expand(n, -1, -1, -1).flatten(2), 2, chosen).transpose(1, 2)
    after = torch.gather(ends.flatten(2), 2, chosen).transpose(1, 2)
    nothing = (reached[:, -1] == 0)[:, None, None]
    before = torch.where(nothing, pairs.handles[:, :1], before)
    after = torch.where(nothing, pairs.targets[:, :1], after)
    return Followed(before, after, _places(after, width, generator))


def correspondence_loss(before: Tensor, after: Tensor, points: Followed, size: int) -> Tensor:
    """The mean cross-entropy, in nats, of where the points are found by their features.

    Args:
        before, after: features (b, c, h, w) of the two pictures.
        size: side of the pictures in pixels.
    """
    sought = _sampled(before, points.before, size)[..., None]
    found = _sampled(after, points.places.flatten(1, 2), size).unflatten(2, points.places.shape[1:3])
    distance = (found - sought).abs().mean(1)
    logits = -_SHARPNESS * distance / distance.detach().mean(-1, keepdim=True).clamp_min(1e-6)
    squared = (points.places - points.after[:, :, None]).square().sum(-1)
    truth = torch.softmax(-squared / (2 * _SPREAD**2), -1)
    return -(truth * F.log_softmax(logits, -1)).sum(-1).mean()


def _places(middles: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Where points (b, k, 2) are looked for: there, all around off centre, and all over the picture."""
    around = torch.arange(-_NEAR, _NEAR + 1, _STRIDE, dtype=torch.float32)
    window = torch.stack(torch.meshgrid(around, around, indexing="xy"), -1).reshape(-1, 2)
    cells = (torch.arange(_FAR) + 0.5) * (size / _FAR)
    whole = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), -1).reshape(-1, 2)
    b, k = middles.shape[:2]
    off = (torch.rand(b, k, 1, 2, generator=generator) - 0.5) * _NEAR
    near = middles[:, :, None] + (window + off).to(middles.device)
    moved = (torch.rand(b, k, 1, 2, generator=generator) - 0.5) * (size / _FAR)
    far = (whole + moved).to(middles.device)
    return torch.cat([near, far, middles[:, :, None]], 2).clamp(0.5, size - 0.5)


def _sampled(features: Tensor, places: Tensor, size: int) -> Tensor:
    """Features (b, c, h, w) bilinearly at places (b, n, 2) in pixels of a square, (b, c, n)."""
    grid = (places / size * 2 - 1)[:, :, None]
    sampled = F.grid_sample(features, grid, padding_mode="border", align_corners=False)
    return sampled[..., 0]
