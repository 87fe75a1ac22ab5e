"""What both drag optimisers are asked to do, and what their network makes of latents on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from engine.diffusion.features import Features

# Takes clean latents as far as they can be told yet, edited and unedited, and the handles.
Show = Callable[[Tensor, Tensor, Tensor], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class DragTask:
    """What shall be dragged.

    Args:
        noisy: (1, c, h, w), the picture turned back to noise.
        mask: (1, 1, h, w), 1 where it may change.
        handles, targets: (n, 2) float32 pixels (row, column) of the grid, on the CPU.
        grid: (rows, columns) of the features' grid.
    """

    noisy: Tensor
    mask: Tensor
    handles: Tensor
    targets: Tensor
    grid: tuple[int, int]


class Seen(NamedTuple):
    """What the network makes of latents; the noise is None where nobody needs it."""

    noise: Tensor | None
    features: Features

    def detach(self) -> "Seen":
        return Seen(None if self.noise is None else self.noise.detach(), self.features.detach())
