"""Drags to train FlowGen with: a few points of a dense flow, chosen at random where users would put them.

InstantDrag: every pixel in front has a random score, positions of a grid and salient points have a bonus, and
the best k are taken, k at random. The paper's salient points are those of faces; corners stand in for them.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.methods.instant_drag.flow import flowgen_input


@dataclass(frozen=True, kw_only=True)
class PointSampling:
    """Args:
    grid: pixels between neighbouring positions of the grid.
    grid_bonus, salient_bonus: what is added to a score between 0 and 1.
    least, most: k is anything from the one to the other.
    """

    grid: int
    grid_bonus: float
    salient_bonus: float
    least: int
    most: int


def sample_points(
    front: Tensor, salient: Tensor, sampling: PointSampling, generator: torch.Generator
) -> Tensor:
    """Where drags begin.

    Args:
        front, salient: (b, 1, h, w) bool.

    Returns:
        (b, 1, h, w) bool; in each sample k points, or all that is in front where that is fewer.
    """
    b, _, h, w = front.shape
    score = torch.rand(front.shape, generator=generator, device=generator.device).to(front.device)
    offset = sampling.grid // 2
    score[..., offset :: sampling.grid, offset :: sampling.grid] += sampling.grid_bonus
    score = torch.where(front, score + sampling.salient_bonus * salient, -torch.inf).flatten(1)
    most = min(sampling.most, h * w)
    best, places = score.topk(most)
    k = torch.randint(sampling.least, most + 1, (b, 1), generator=generator, device=generator.device)
    chosen = (torch.arange(most, device=front.device) < k.to(front.device)) & (best > -torch.inf)
    return torch.zeros_like(score, dtype=torch.bool).scatter(1, places, chosen).view(b, 1, h, w)


def drags_input(
    image: Tensor, flow: Tensor, points: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """What FlowGen reads of pictures that were dragged at some points, as an edit prepares it.

    An edit puts its drags on a square of twice FlowGen's side, where each is one pixel, and scales that down.

    Args:
        image: (b, 3, s, s) from −1 to 1.
        flow: (b, 2, s, s) in pixels.
        points: (b, 1, s, s) bool, as `sample_points` chooses them.

    Returns:
        (b, 5, 256, 256), and the largest motion along each axis, (b, 2, 1, 1) in pixels.
    """
    column, row = torch.randint(2, (2,), generator=generator, device=generator.device).tolist()
    fine = flow.new_zeros(*flow.shape[:2], 2 * flow.shape[2], 2 * flow.shape[3])
    fine[..., row::2, column::2] = flow * points
    return flowgen_input(image, fine)
