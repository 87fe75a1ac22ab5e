"""The exponential moving average of weights, which is what training is for."""

import copy
from collections.abc import Mapping

import torch
from torch import nn


class Average:
    """Averaged copies of modules.

    Early on the average forgets faster, so that it does not remember the random start: after n updates the
    decay is at most (1 + n) / (10 + n).

    Args:
        modules: to copy; their present weights are where the average begins.
        decay: of each update, 0 to 1.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        self.modules = {name: _copy(module) for name, module in modules.items()}
        self._decay = decay

    @torch.no_grad()
    def update(self, modules: Mapping[str, nn.Module], step: int) -> None:
        """Take the weights after `step` steps into account."""
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        for name, averaged in self.modules.items():
            for kept, weight in zip(averaged.parameters(), modules[name].parameters(), strict=True):
                kept.lerp_(weight, share)
            for kept, buffer in zip(averaged.buffers(), modules[name].buffers(), strict=True):
                kept.copy_(buffer)


def _copy(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).requires_grad_(False).eval()
