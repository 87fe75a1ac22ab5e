"""Pins among the drags of training pairs: places that stay, as the editor gives them to the drag network."""

import torch
from torch import Tensor

from engine.networks.drag_motion import Drags
from engine.training.motions import pixel_centres
from engine.training.pairs import WARP, DragBatch

MOST_PINS = 3
_STILL = 0.5  # pixels; what moves less is taken to stay


def drags_with_pins(pairs: DragBatch, share: float, generator: torch.Generator) -> Drags:
    """The drags, and behind those of some pairs 1 to 3 drags of no length at places that stay.

    Only what bends is pinned: a thing that moves as a whole has nothing that stays.

    Args:
        share: of the pairs that bend, which are pinned.
        generator: on the CPU.
    """
    drawn = torch.rand(2, len(pairs), generator=generator).to(pairs.count.device)
    places, there = _still_places(pairs, generator)
    pinned = (pairs.kind == WARP) & (drawn[0] < share) & there
    number = torch.where(pinned, 1 + (MOST_PINS * drawn[1]).long().clamp(max=MOST_PINS - 1), 0)
    room = pairs.handles.new_zeros(len(pairs), MOST_PINS, 2)
    handles, targets = torch.cat([pairs.handles, room], 1), torch.cat([pairs.targets, room], 1)
    for pin in range(MOST_PINS):
        row = (pairs.count + pin)[:, None, None].expand(-1, 1, 2)
        place = torch.where((pin < number)[:, None, None], places[:, pin : pin + 1], 0.0)
        handles, targets = handles.scatter(1, row, place), targets.scatter(1, row, place)
    return Drags(handles, targets, pairs.count + number)


def _still_places(pairs: DragBatch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Places (b, 3, 2) in pixels that stay, and whether there are any, (b,)."""
    n, _, height, width = pairs.region.shape
    still = (pairs.flow.norm(dim=1) < _STILL).float().flatten(1)
    reached = still.cumsum(1)
    drawn = torch.rand(n, MOST_PINS, generator=generator).to(still.device) * reached[:, -1:]
    at = torch.searchsorted(reached, drawn, right=True).clamp(max=height * width - 1)
    centres = pixel_centres(width, still.device).expand(n, -1, -1, -1).flatten(2)
    return torch.gather(centres, 2, at[:, None].expand(-1, 2, -1)).transpose(1, 2), reached[:, -1] > 0
