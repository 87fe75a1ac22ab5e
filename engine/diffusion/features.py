"""What a decoder block of a noise predictor makes of latents: the features that points are known by."""

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from engine.diffusion.latent_diffusion import LatentDiffusion, at_least_float32
from engine.errors import InvalidRequest


def blocks(unet: nn.Module) -> tuple[nn.Module, ...]:
    """The middle block and the decoder blocks, which a feature block counts from 0: the papers' 3 is the
    third decoder block."""
    net: Any = unet
    return net.mid_block, *net.up_blocks


def require_block(unet: nn.Module, block: int) -> None:
    """Raises: InvalidRequest: the noise predictor has no such feature block."""
    last = len(blocks(unet)) - 1
    if block > last:
        raise InvalidRequest(
            f"The pack's network has the blocks 0 to {last}; set feature_block to one of them, not {block}."
        )


def noise_and_features(
    diffusion: LatentDiffusion, latents: Tensor, timestep: Tensor, embedding: Tensor, block: int
) -> tuple[Tensor, Tensor]:
    """The predicted noise, and what a block made on the way.

    Args:
        latents, timestep, embedding: as for `LatentDiffusion.predict_noise`.
        block: as `blocks` counts them.

    Returns:
        (b, 4, h, w) and (b, c, h′, w′), both float32 or finer.
    """
    with _heard(blocks(diffusion.unet)[block]) as heard:
        noise = diffusion.predict_noise(latents, timestep, embedding)
    return noise, torch.cat(heard)  # large ones are run one by one


def features_alone(
    diffusion: LatentDiffusion, latents: Tensor, timestep: Tensor, embedding: Tensor, block: int
) -> Tensor:
    """What a block makes, as `noise_and_features`; of the network, no more is run than that."""
    parts = list[Tensor]()
    embeddings = embedding.expand(len(latents), -1, -1)
    at_once = diffusion.at_once(latents)
    for part, text in zip(latents.split(at_once), embeddings.split(at_once), strict=True):
        with _heard(blocks(diffusion.unet)[block], stop=True) as heard:
            diffusion.predict_noise(part, timestep, text)
        parts += heard
    return torch.cat(parts)


class _Enough(Exception):  # noqa: N818 - not an error: what was wanted is there
    """Ends a forward pass."""


@contextmanager
def _heard(block: nn.Module, *, stop: bool = False) -> Generator[list[Tensor]]:
    """What `block` returns while this lasts; with `stop`, the first time ends all that lies inside."""
    heard = list[Tensor]()

    def hear(module: nn.Module, inputs: object, output: Any) -> None:  # noqa: ANN401 - a decoder's or the middle's
        heard.append(at_least_float32(output))
        if stop:
            raise _Enough

    hook = block.register_forward_hook(hear)
    try:
        yield heard
    except _Enough:
        pass
    finally:
        hook.remove()


class Reach(NamedTuple):
    """How many pixels a patch extends from its middle; up and left count as negative."""

    top: int
    bottom: int
    left: int
    right: int

    def common(self, other: "Reach") -> "Reach":
        """What both reach."""
        return Reach(
            max(self.top, other.top),
            min(self.bottom, other.bottom),
            max(self.left, other.left),
            min(self.right, other.right),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """A feature map as if bilinearly enlarged to a grid, and made only where it is asked for.

    Corners are not aligned. Places are (row, column) of the grid, whose pixels have whole coordinates.

    Args:
        values: (c, h, w) as the network made them.
        size: (rows, columns) of the grid.
    """

    values: Tensor
    size: tuple[int, int]

    def detach(self) -> "Features":
        return Features(values=self.values.detach(), size=self.size)

    def reach(self, place: Sequence[float], radius: int) -> Reach:
        """How far a patch around a place of the grid extends: `radius`, or less where the grid ends."""
        rows, columns = (
            (max(-radius, -math.floor(at)), min(radius, length - 1 - math.ceil(at)))
            for at, length in zip(place, self.size, strict=True)
        )
        return Reach(*rows, *columns)

    def patch(self, place: Sequence[float], reach: Reach) -> Tensor:
        """The pixels around a place, bilinear between those of the grid where it lies between them.

        Args:
            reach: no further than `self.reach` says.

        Returns:
            (c, bottom − top + 1, right − left + 1).
        """
        row, column = place
        across, down = _Axis(self.values.shape[2], self.size[1]), _Axis(self.values.shape[1], self.size[0])
        top, below, rows = down.weights(row, reach.top, reach.bottom)
        left, right, columns = across.weights(column, reach.left, reach.right)
        native = self.values[:, top:below, left:right]
        rows, columns = (weights.to(native) for weights in (rows, columns))
        return rows @ native @ columns.T

    def at(self, place: Sequence[float]) -> Tensor:
        """The (c,) values at a place."""
        return self.patch(place, Reach(0, 0, 0, 0))[:, 0, 0]


class _Axis(NamedTuple):
    """One direction of an enlargement.

    Args:
        native: pixels of the map.
        enlarged: pixels of the grid.
    """

    native: int
    enlarged: int

    def weights(self, middle: float, low: int, high: int) -> tuple[int, int, Tensor]:
        """Of which native pixels the grid from `low` to `high` around `middle` is mixed.

        Returns:
            The first native pixel, the one behind the last, and (points, native pixels) how much of each.
        """
        base = math.floor(middle)
        share = middle - base
        between = share > 0
        assert base + low >= 0 and base + high + between < self.enlarged, "a patch leaves the grid"
        grid = torch.arange(base + low, base + high + between + 1, dtype=torch.float64)
        source = ((grid + 0.5) * (self.native / self.enlarged) - 0.5).clamp(min=0)
        lower = source.floor().clamp(max=self.native - 1)
        upper = (lower + 1).clamp(max=self.native - 1)
        start, stop = int(lower[0]), int(upper[-1]) + 1
        pixels = torch.arange(start, stop)
        mixed = (lower[:, None] == pixels) * (1 - (source - lower))[:, None]
        mixed = mixed + (upper[:, None] == pixels) * (source - lower)[:, None]
        if between:
            mixed = (1 - share) * mixed[:-1] + share * mixed[1:]
        return start, stop, mixed
