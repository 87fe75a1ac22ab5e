"""What a user would paint for a synthetic drag: a coarse subject, or where the picture may change."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from engine.training.motions import pixel_centres, sample
from engine.training.pairs import DragBatch
from engine.training.scenes import Draws

_GROWTH = 0.1  # of a region's diameter, by which it is painted too large or too small
_JITTER = 3.0  # pixels at most, by which it is painted beside its place
_ROOM = 0.05, 0.2  # of the diameter, around what changes


def coarse_subjects(region: Tensor, generator: torch.Generator) -> Tensor:
    """Regions (b, 1, h, w) dilated or eroded by up to a tenth of their diameter, and up to 3 pixels astray.

    Where nothing would be left, the region is neither eroded nor shifted.
    """
    draws = Draws(generator, region.device)
    n, size = len(region), region.shape[-1]
    growth = draws.uniform(n, low=-_GROWTH, high=_GROWTH) * _diameter(region)
    shift = draws.uniform(n, 2, low=-_JITTER, high=_JITTER)
    grown = _dilated(region, growth.clamp(min=0))
    shrunk = 1 - _dilated(1 - region, (-growth).clamp(min=0))
    painted = torch.where((growth > 0)[:, None, None, None], grown, shrunk)
    places = pixel_centres(size, region.device) - shift[:, :, None, None]
    painted = (sample(painted, places, beyond="zeros") > 0.5).float()
    return torch.where(painted.any(-1).any(-1)[..., None, None], painted, region)


def editable_masks(batch: DragBatch, generator: torch.Generator) -> Tensor:
    """(b, 1, h, w), 1 where the picture may change: the region, where it goes, what it uncovers, room."""
    draws = Draws(generator, batch.region.device)
    changed = torch.maximum(torch.maximum(batch.region, batch.uncovered), _arrived(batch.region, batch.flow))
    room = draws.uniform(len(changed), low=_ROOM[0], high=_ROOM[1])
    return _dilated(changed, room * _diameter(batch.region))


def _arrived(region: Tensor, flow: Tensor) -> Tensor:
    """Where the pixels of regions (b, 1, h, w) go, (b, 1, h, w), without the gaps between them."""
    size = region.shape[-1]
    ends = (pixel_centres(size, region.device) + flow).floor().long()
    inside = ((ends >= 0) & (ends < size)).all(1, keepdim=True) & (region > 0)
    index = (ends[:, 1] * size + ends[:, 0]).clamp(0, size * size - 1).flatten(1)
    hit = torch.zeros_like(region).flatten(1).scatter_reduce(1, index, inside.float().flatten(1), "amax")
    hit = hit.view_as(region)
    wide = functional.max_pool2d(hit, 3, 1, 1)
    return -functional.max_pool2d(-wide, 3, 1, 1)


def _diameter(region: Tensor) -> Tensor:
    """(b,) pixels, of a disc as large as each region."""
    return 2 * (region.sum((1, 2, 3)) / math.pi).sqrt()


def _dilated(region: Tensor, radius: Tensor) -> Tensor:
    """Regions (b, 1, h, w) grown by a radius (b,) in whole pixels; crosses and squares in turn: octagons."""
    grown = region
    whole = radius.round()[:, None, None, None]
    for step in range(int(whole.max())):
        if step % 2:
            wider = functional.max_pool2d(grown, 3, 1, 1)
        else:
            tall = functional.max_pool2d(grown, (3, 1), 1, (1, 0))
            wider = torch.maximum(tall, functional.max_pool2d(grown, (1, 3), 1, (0, 1)))
        grown = torch.where(step < whole, wider, grown)
    return grown
