"""Stage `drag`: the network that says what a drag moves, on synthetic pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.optim import Optimizer

from engine.networks.drag_flow import UNKNOWN, DragFlow, DragMotion
from engine.networks.drag_motion import Drags
from engine.paths import data_dir
from engine.settings import setting
from engine.training.drag_metrics import PAIRS, DragTask, FlowMethod, HeldOut, held_out, measure
from engine.training.pairs import DragBatch, PairGenerator
from engine.training.photos import open_photos, working_side
from engine.training.pins import drags_with_pins
from engine.training.stage import Batches, DrawnBatches, Stage, TrainingSettings, Turn, adamw
from engine.training.subjects import coarse_subjects

_MOVING = 4.0  # times what still pixels weigh
_TOLD: dict[str, dict[str, bool]] = {
    "": {},
    "_with_subject": {"subject": True},
    "_with_mask": {"editable": True},
}
_STILL = 0.5  # pixels; what moves less stays
_SOFTEST = 1e-2  # squared pixels: below about a tenth of one the error is squared instead of its length


@dataclass(frozen=True, kw_only=True)
class DragSettings(TrainingSettings):
    """What the stage can be told."""

    steps: int = setting(20_000, 1, 100_000_000, help="Steps in all, over every resumed run")
    batch_size: int = setting(32, 1, 4096, help="Samples a step, on each device")
    learning_rate: float = setting(1.5e-3, 1e-8, 1, help="The highest learning rate")
    size: int = setting(128, 32, 1024, 16, help="Side of the pictures in pixels")
    flow_weight: float = setting(25.0, 0, 1e6, help="Weight of the endpoint error, in shares of the side")
    region_weight: float = setting(1.0, 0, 1e6, help="Weight of the cross-entropy of the region")
    subject_share: float = setting(0.5, 0, 1, help="Share of the samples with a coarse subject")
    pinned_share: float = setting(0.3, 0, 1, help="Share of the samples that bend which are pinned somewhere")
    held_out: int = setting(100, 2, PAIRS, help="Pairs to measure with, of the held-out set")


class DragStage(Stage[DragBatch]):
    """Trains a `DragFlow`."""

    settings_type = DragSettings

    def __init__(self, settings: DragSettings, data: Path, device: torch.device) -> None:
        self._settings, self._device = settings, device
        self._data = data
        self._photos = open_photos(data, working_side(settings.size), _cache(), held_out=False)
        self.modules = {"drag_flow": DragFlow(settings.size)}
        self.critics = {}

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"drag_flow": adamw(self.modules["drag_flow"], self._settings)}

    def batches(self, seed: int) -> Batches[DragBatch]:
        pairs = PairGenerator(self._photos, self._settings.size, seed, self._device)
        return DrawnBatches(lambda _: pairs(self._settings.batch_size), pairs.generator)

    def update(self, batch: DragBatch, turn: Turn) -> Mapping[str, Tensor]:
        # Painting and pins are drawn on the CPU.
        seed = torch.randint(2**31, (1,), generator=turn.generator, device=turn.generator.device)
        chance = torch.Generator().manual_seed(int(seed))
        subject = self._subjects(batch, chance)
        drags = drags_with_pins(batch, self._settings.pinned_share, chance)
        answer: DragMotion = self.modules["drag_flow"](batch.source, drags, subject, batch.mode.float())
        flow, region = losses(answer, batch)
        loss = self._settings.flow_weight * flow + self._settings.region_weight * region
        turn.learn("drag_flow", loss)
        return {"loss": loss.detach(), "flow": flow.detach(), "region": region.detach()}

    @torch.no_grad()
    def evaluate(self, modules: Mapping[str, nn.Module]) -> Mapping[str, float]:
        method, found = flow_method(modules["drag_flow"]), dict[str, float]()
        for suffix, told in _TOLD.items():
            figures = measure(method, self._held_out, **told)
            found |= {name + suffix: value for name, value in figures._asdict().items()}
        return found

    @cached_property
    def _held_out(self) -> HeldOut:
        settings = self._settings
        photos = open_photos(self._data, working_side(settings.size), _cache(), held_out=True)
        return held_out(photos, settings.held_out, settings.size)

    def export(self, modules: Mapping[str, nn.Module], folder: Path) -> None:
        network = modules["drag_flow"]
        assert isinstance(network, DragFlow)
        network.save(folder / "drag_flow")

    def _subjects(self, batch: DragBatch, generator: torch.Generator) -> Tensor:
        """A coarse subject for some of the pairs, and none for the others, (b, 1, h, w)."""
        drawn = torch.rand(len(batch), generator=generator).to(batch.region.device)
        coarse = coarse_subjects(batch.region, generator)
        given = (drawn < self._settings.subject_share)[:, None, None, None]
        return torch.where(given, coarse, UNKNOWN)


def flow_method(network: nn.Module) -> FlowMethod:
    """A `DragFlow` as the held-out figures measure it: what may not change does not move."""
    device = next(network.parameters()).device

    def flow(task: DragTask) -> Tensor:
        subject = torch.full_like(task.image[:, :1], UNKNOWN) if task.subject is None else task.subject
        drags = Drags(*(tensor.to(device) for tensor in task.drags))
        answer: DragMotion = network(task.image.to(device), drags, subject.to(device), task.move.to(device))
        return answer.flow if task.editable is None else answer.flow * task.editable.to(device)

    return flow


def losses(answer: DragMotion, batch: DragBatch) -> tuple[Tensor, Tensor]:
    """The weighted endpoint error as a share of the side, and the cross-entropy of the region in nats."""
    moving = torch.maximum(batch.region, (batch.flow.norm(dim=1, keepdim=True) > _STILL).float())
    weight = 1 + (_MOVING - 1) * moving
    squared = (answer.flow - batch.flow).square().sum(1, keepdim=True)
    error = (squared + _SOFTEST).sqrt() - _SOFTEST**0.5
    flow = (weight * error).sum() / weight.sum() / max(batch.flow.shape[-2:])
    return flow, F.binary_cross_entropy_with_logits(answer.logits, moved_share(batch))


def moved_share(batch: DragBatch) -> Tensor:
    """The share of the motion by which each pixel moves, (b, 1, h, w): what the soft region is to be.

    A thing moves as a whole; a sheet that bends moves less and less away from where it is pulled.
    """
    length = batch.flow.norm(dim=1, keepdim=True)
    bent = length / length.amax((1, 2, 3), keepdim=True).clamp_min(1e-3)
    return torch.where((batch.mode == 1)[:, None, None, None], batch.region, bent)


def _cache() -> Path:
    return data_dir() / "cache" / "photos"
