"""FlowGen: a Pix2Pix generator from a picture and a sparse flow to a dense flow, and its discriminator.

Isola, Zhu, Zhou, Efros: Image-to-Image Translation with Conditional Adversarial Networks (2017), with group
normalisation. Modules are nested as in the published weights, whose keys are thus theirs.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.networks.folder import take_weights
from engine.runtime.loaders import placed, read_tensors

_DEPTH = 8  # halvings: 256 → 1 pixel
_WIDEST = 8  # times the base width
_GROUPS = 32
_IN, _OUT = 5, 2  # colours and sparse flow; dense flow
_FIRST = "model.model.0.weight"  # (width, 5, 4, 4)


class FlowGen(nn.Module):
    """The generator.

    Args:
        width: channels of the outermost layer; 64 in the published networks.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [_IN, *(min(2**k, _WIDEST) * width for k in range(_DEPTH))]
        block = _innermost(widths[-2], widths[-1])
        for depth in range(_DEPTH - 2, 0, -1):
            dropout = depth >= 4  # only while training
            block = _middle(widths[depth], widths[depth + 1], block, dropout=dropout)
        self.model = _Block(
            nn.Conv2d(_IN, width, 4, 2, 1),
            block,
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, _OUT, 4, 2, 1),
            nn.Tanh(),
            skip=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        """(b, 5, h, w): colours from −1 to 1 and a sparse flow, sides multiples of 256 → (b, 2, h, w), ±1."""
        return self.model(x)


class Discriminator(nn.Module):
    """Tells dense flows of real motion from generated ones, patch by patch.

    Args:
        width: channels of the outermost layer; 64 in the published design.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [width * min(2**k, _WIDEST) for k in range(6)]
        layers: list[nn.Module] = [nn.Conv2d(_IN + _OUT, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for before, after, stride in zip(widths, [*widths[1:], widths[-1]], [2] * 5 + [1], strict=True):
            layers += [nn.Conv2d(before, after, 4, stride, 1), _norm(after), nn.LeakyReLU(0.2)]
        self.model = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(b, 7, 256, 256): colours, sparse flow, dense flow → logits (b, 1, 2, 2)."""
        return self.model(x)


def load_flowgen(path: Path, device: torch.device, dtype: torch.dtype) -> FlowGen:
    """The generator with weights from a safetensors file; always in float32, in which it is fast enough.

    Raises:
        OSError, SafetensorError: the file cannot be read.
        ValueError: it does not hold a FlowGen.
    """
    weights = read_tensors(path)
    first = weights.get(_FIRST)
    if first is None or first.ndim != 4:
        raise ValueError(f"it lacks {_FIRST}")
    return filled(weights, first.shape[0], device)


def filled(weights: Mapping[str, Tensor], width: int, device: torch.device) -> FlowGen:
    """A FlowGen of `width` with these weights.

    Raises:
        ValueError: a weight is missing, unknown or misshapen.
    """
    with torch.device("meta"):  # nothing is initialised only to be thrown away
        network = FlowGen(width)
    take_weights(network, weights)
    placed(network, device)
    return network


class _Block(nn.Module):
    """Layers around the next deeper block; with `skip`, the input goes on beside what they make of it."""

    def __init__(self, *layers: nn.Module, skip: bool = True) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)
        self._skip = skip

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.model(x)], dim=1) if self._skip else self.model(x)


def _middle(outer: int, inner: int, block: _Block, *, dropout: bool) -> _Block:
    return _Block(
        nn.LeakyReLU(0.2),
        nn.Conv2d(outer, inner, 4, 2, 1),
        _norm(inner),
        block,
        nn.ReLU(),
        nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1),
        _norm(outer),
        *([nn.Dropout(0.5)] if dropout else []),
    )


def _innermost(outer: int, inner: int) -> _Block:
    return _Block(
        nn.LeakyReLU(0.2),
        nn.Conv2d(outer, inner, 4, 2, 1),
        nn.ReLU(),
        nn.ConvTranspose2d(inner, outer, 4, 2, 1),
        _norm(outer),
    )


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(_GROUPS if channels % _GROUPS == 0 else channels, channels)
