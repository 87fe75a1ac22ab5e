"""Stage `fill`: the network that continues a picture into what a drag uncovers.

The holes are the regions of synthetic drags, laid over other pairs' pictures, whose pixels there are thus
known. The smooth fill that the network adds to is made here in batches, as `engine/push_pull.py` makes it.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.nn.utils.parametrizations import spectral_norm
from torch.optim import Optimizer

from engine.networks.fill import FillNet
from engine.paths import data_dir
from engine.settings import setting
from engine.training.drag_metrics import SEED
from engine.training.pairs import PairGenerator
from engine.training.photos import Photos, open_photos, working_side
from engine.training.stage import Batches, DrawnBatches, Stage, TrainingSettings, Turn, adamw

_RELAXATIONS = 3  # on each level, as in `engine/push_pull.py`
_MOST_FRINGE = 4  # pixels by which a hole is wider than what left it
_UNCOVERED = 0.3  # of the holes are only what the drag uncovers; the others are all of its region
_AT_ONCE = 16  # pictures measured


@dataclass(frozen=True, kw_only=True)
class FillSettings(TrainingSettings):
    """What the stage can be told."""

    steps: int = setting(30_000, 1, 100_000_000, help="Steps in all, over every resumed run")
    learning_rate: float = setting(5e-4, 1e-8, 1, help="The highest learning rate")
    size: int = setting(128, 32, 1024, 16, help="Side of the pictures in pixels")
    gradient_weight: float = setting(2.0, 0, 1e6, help="Weight of the error of the gradients")
    adversarial_weight: float = setting(0.02, 0, 1e6, help="Weight of the critic's verdict; 0 for no critic")
    adversarial_start: int = setting(3000, 0, 100_000_000, help="Steps without the critic's verdict")
    held_out: int = setting(64, 1, 100_000, help="Pictures to measure with")


class HoleBatch(NamedTuple):
    """Pictures with holes.

    Args:
        truth: (b, 3, h, w) from 0 to 1.
        smooth: the same with its holes filled smoothly.
        hole: (b, 1, h, w), 0 or 1.
    """

    truth: Tensor
    smooth: Tensor
    hole: Tensor


class Critic(nn.Module):
    """Tells filled pictures from whole ones, patch by patch (Isola et al. 2017; Miyato et al. 2018)."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        widths = [4, width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(before, after, 4, 2, 1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1)))

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """(b, 3, h, w) and (b, 1, h, w) → a verdict on each patch, (b, 1, h/8, w/8); high is whole."""
        return self.layers(torch.cat([2 * image - 1, hole], dim=1)).float()


class FillStage(Stage[HoleBatch]):
    """Trains a `FillNet`."""

    settings_type = FillSettings

    def __init__(self, settings: FillSettings, data: Path, device: torch.device) -> None:
        self._settings, self._data, self._device = settings, data, device
        self._photos = self._open(held_out=False)
        self.modules = {"fill": FillNet()}
        self.critics = {"critic": Critic()} if settings.adversarial_weight > 0 else {}

    def optimizers(self) -> Mapping[str, Optimizer]:
        settings = self._settings
        made: dict[str, Optimizer] = {"fill": adamw(self.modules["fill"], settings)}
        if self.critics:
            made["critic"] = adamw(self.critics["critic"], settings, betas=(0.5, 0.9))
        return made

    def batches(self, seed: int) -> Batches[HoleBatch]:
        pairs = PairGenerator(self._photos, self._settings.size, seed, self._device)
        return DrawnBatches(lambda _: draw_holes(pairs, self._settings.batch_size), pairs.generator)

    def update(self, batch: HoleBatch, turn: Turn) -> Mapping[str, Tensor]:
        settings, told = self._settings, dict[str, Tensor]()
        filled: Tensor = self.modules["fill"](batch.smooth, batch.hole)
        colour, gradient = errors(filled, batch)
        loss, verdict = colour + settings.gradient_weight * gradient, torch.zeros_like(colour)
        if self.critics and turn.step - turn.began >= settings.adversarial_start:
            critic = self.critics["critic"].requires_grad_(False)
            verdict = -_mean_in(critic(filled, batch.hole), batch.hole)
            loss = loss + settings.adversarial_weight * verdict
        turn.learn("fill", loss)
        if self.critics:
            critic = self.critics["critic"].requires_grad_(True)
            shown, holes = torch.cat([batch.truth, filled.detach()]), batch.hole.repeat(2, 1, 1, 1)
            real, fake = critic(shown, holes).chunk(2)
            hinge = _mean_in(F.relu(1 - real), batch.hole) + _mean_in(F.relu(1 + fake), batch.hole)
            turn.learn("critic", hinge)
            told = {"verdict": verdict.detach(), "critic": hinge.detach()}
        return {"loss": loss.detach(), "colour": colour.detach(), "gradient": gradient.detach(), **told}

    @torch.no_grad()
    def evaluate(self, modules: Mapping[str, nn.Module]) -> Mapping[str, float]:
        device = next(modules["fill"].parameters()).device
        scores: list[Tensor] = []
        for drawn in self._held_out:
            batch = HoleBatch(*(tensor.to(device) for tensor in drawn))
            filled = modules["fill"](batch.smooth, batch.hole).clamp(0, 1)
            decibels = [psnr(image, batch) for image in (filled, batch.smooth)]
            energies = [gradient_energy(image, batch.hole) for image in (filled, batch.smooth, batch.truth)]
            scores.append(torch.stack([*decibels, *energies], dim=-1).cpu())
        network, smooth, energy, smooth_energy, truth = torch.cat(scores).double().mean(0).tolist()
        return {
            "psnr": network,
            "psnr_push_pull": smooth,
            "gradient_energy": energy / truth,
            "gradient_energy_push_pull": smooth_energy / truth,
        }

    def export(self, modules: Mapping[str, nn.Module], folder: Path) -> None:
        network = modules["fill"]
        assert isinstance(network, FillNet)
        network.save(folder / "fill")

    @cached_property
    def _held_out(self) -> list[HoleBatch]:
        """Always the same pictures and holes, on the CPU."""
        pairs = PairGenerator(self._open(held_out=True), self._settings.size, SEED)
        wanted = self._settings.held_out
        return [
            HoleBatch(*(tensor[: wanted - first] for tensor in draw_holes(pairs, _AT_ONCE)))
            for first in range(0, wanted, _AT_ONCE)
        ]

    def _open(self, *, held_out: bool) -> Photos:
        cache = data_dir() / "cache" / "photos"
        return open_photos(self._data, working_side(self._settings.size), cache, held_out=held_out)


def draw_holes(pairs: PairGenerator, count: int) -> HoleBatch:
    """`count` pictures, each with a hole that the drag of another pair left."""
    batch = pairs(count + 1)
    drawn = torch.rand(2, count, generator=pairs.generator).to(batch.region.device)
    region, uncovered = batch.region[1:], batch.uncovered[1:]
    narrow = (drawn[0] < _UNCOVERED)[:, None, None, None] & (uncovered.amax((1, 2, 3), keepdim=True) > 0)
    left = torch.where(narrow, uncovered, region)
    hole, fringe = left, (drawn[1] * (_MOST_FRINGE + 1)).long()[:, None, None, None]
    for step in range(_MOST_FRINGE):
        hole = torch.where(fringe > step, F.max_pool2d(hole, 3, 1, 1), hole)
    truth = batch.source[:-1]
    return HoleBatch(truth, push_pull(truth, 1 - hole), hole)


def push_pull(values: Tensor, known: Tensor) -> Tensor:
    """Known values spread smoothly over unknown places: `engine.push_pull` in batches.

    Args:
        values: (b, c, h, w) of square pictures.
        known: (b, 1, h, w), 0 or 1; where nothing is known at all, the result is 0.
    """
    return _pull(values * known, known)


def _pull(sums: Tensor, weight: Tensor) -> Tensor:
    means = sums / weight.clamp_min(1e-6)
    size = weight.shape[-2:]
    if max(size) == 1:
        return means
    found = F.avg_pool2d(weight, 2, ceil_mode=True, count_include_pad=False)
    enough = (4 * found).clamp_max(1)
    smaller = F.avg_pool2d(sums, 2, ceil_mode=True, count_include_pad=False)
    coarse = _pull(smaller * (enough / found.clamp_min(1e-6)), enough)
    finer = F.interpolate(coarse, size, mode="bilinear", align_corners=False)
    full = torch.lerp(finer, means, weight)
    for _ in range(_RELAXATIONS):
        blurred = F.avg_pool2d(F.pad(full, (1, 1, 1, 1), mode="reflect"), 3, 1)
        full = torch.lerp(blurred, means, weight)
    return full


def errors(filled: Tensor, batch: HoleBatch) -> tuple[Tensor, Tensor]:
    """The mean absolute errors in the holes of colours and of their differences between neighbours."""
    wide = F.max_pool2d(batch.hole, 3, 1, 1)
    gradient = sum(
        _mean_in(torch.diff(filled - batch.truth, dim=axis).abs(), wide.narrow(axis, 1, wide.shape[axis] - 1))
        for axis in (2, 3)
    )
    return _mean_in((filled - batch.truth).abs(), batch.hole), torch.as_tensor(gradient)


def psnr(filled: Tensor, batch: HoleBatch) -> Tensor:
    """(b,) in dB, of what lies in the holes."""
    hole = batch.hole
    squared = ((filled - batch.truth).square() * hole).sum((1, 2, 3)) / (3 * hole.sum((1, 2, 3))).clamp_min(1)
    return -10 * torch.log10(squared.clamp_min(1e-6))


def gradient_energy(image: Tensor, hole: Tensor) -> Tensor:
    """(b,) the sum of squared differences between neighbours inside the holes."""
    inside = 1 - F.max_pool2d(1 - hole, 3, 1, 1)
    squared = torch.diff(image, dim=2)[..., :-1].square() + torch.diff(image, dim=3)[..., :-1, :].square()
    return (squared * inside[..., :-1, :-1]).sum((1, 2, 3))


def _mean_in(values: Tensor, weight: Tensor) -> Tensor:
    """The weighted mean over a batch; the weights are brought to the values' size."""
    if weight.shape[-2:] != values.shape[-2:]:
        weight = F.adaptive_max_pool2d(weight, values.shape[-2:])
    return (values * weight).sum() / (weight.sum() * values.shape[1]).clamp_min(1)
