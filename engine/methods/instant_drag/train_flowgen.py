"""Training FlowGen: a conditional GAN after Pix2Pix, from a picture and points of its flow to all of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.errors import InvalidRequest
from engine.methods.instant_drag.flow import FLOWGEN_SIDE, dense_flow, normalised
from engine.methods.instant_drag.flowgen import Discriminator, FlowGen
from engine.methods.instant_drag.point_sampling import PointSampling, drags_input, sample_points
from engine.settings import setting
from engine.training.motion_pairs import MotionBatch, MotionSettings, open_motion, salient_points
from engine.training.stage import Batches, Stage, Turn, adamw

_MEASURED = 16  # held-out pairs
_MEASURED_SEED = 20261121
_MOVING = 0.5  # pixels; what moves less stands still
_CORNERS = 200  # of a picture, at most
_PART = "flowgen_config2.safetensors"  # its name in the published folder


@dataclass(frozen=True, kw_only=True)
class FlowGenSettings(MotionSettings):
    """The paper publishes four generator updates for one of the discriminator; learning rate, betas and the
    two weights are those of Pix2Pix, and the rest is not established."""

    steps: int = setting(50_000, 1, 100_000_000, help="Steps in all: updates of the discriminator")
    learning_rate: float = setting(2e-4, 1e-8, 1, help="The highest learning rate")
    weight_decay: float = setting(0.0, 0, 1, help="Decoupled weight decay of AdamW")
    gradient_clip: float = setting(0.0, 0, 1e6, help="The largest norm of the gradient; 0 for any")
    width: int = setting(64, 8, 256, 8, help="Channels of the outermost layer; 64 in the paper")
    generator_updates: int = setting(4, 1, 16, help="Updates of the generator in a step; 4 in the paper")
    adversarial_weight: float = setting(1.0, 0, 1000, help="Of the discriminator's opinion in the loss")
    reconstruction_weight: float = setting(100.0, 0, 10_000, help="Of the distance to the true flow")
    grid: int = setting(16, 2, 128, help="Pixels between positions of the grid that drags prefer")
    grid_bonus: float = setting(0.5, 0, 10, help="How much drags prefer the grid; chance counts 0 to 1")
    salient_bonus: float = setting(0.5, 0, 10, help="How much drags prefer corners; chance counts 0 to 1")
    least_points: int = setting(1, 1, 1000, help="Drags on a picture, at least")
    most_points: int = setting(100, 1, 10_000, help="Drags on a picture, at most")


class FlowGenStage(Stage[MotionBatch]):
    """See `Stage`."""

    settings_type = FlowGenSettings

    def __init__(self, settings: FlowGenSettings, data: Path, device: torch.device) -> None:
        if settings.size != FLOWGEN_SIDE:
            raise InvalidRequest(f"FlowGen sees squares of {FLOWGEN_SIDE} pixels; leave size as it is.")
        if settings.least_points > settings.most_points:
            raise InvalidRequest("least_points is above most_points; lower it.")
        self._settings = settings
        self._pairs = open_motion(settings, data, device)
        self._sampling = PointSampling(
            grid=settings.grid,
            grid_bonus=settings.grid_bonus,
            salient_bonus=settings.salient_bonus,
            least=settings.least_points,
            most=settings.most_points,
        )
        self.modules: dict[str, nn.Module] = {"flowgen": FlowGen(settings.width)}
        self.critics: dict[str, nn.Module] = {"discriminator": Discriminator(settings.width)}

    def optimizers(self) -> Mapping[str, Optimizer]:
        networks = {"generator": self.modules["flowgen"], "discriminator": self.critics["discriminator"]}
        return {
            name: adamw(network, self._settings, betas=(0.5, 0.999)) for name, network in networks.items()
        }

    def batches(self, seed: int) -> Batches[MotionBatch]:
        return self._pairs.batches(self._settings.batch_size, seed)

    def update(self, batch: MotionBatch, turn: Turn) -> Mapping[str, Tensor]:
        salient = salient_points(batch.source, _CORNERS)
        truth, _ = normalised(batch.flow)
        for _ in range(self._settings.generator_updates - 1):
            self._update_generator(batch, salient, truth, turn)
        x, made, figures = self._update_generator(batch, salient, truth, turn)
        seen = torch.cat([torch.cat([x, flow], dim=1) for flow in (truth, made)])
        real, fake = self.critics["discriminator"](seen).chunk(2)
        loss = (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2
        turn.learn("discriminator", loss)
        return {**figures, "discriminator": loss.detach()}

    def evaluate(self, modules: Mapping[str, nn.Module]) -> Mapping[str, float]:
        """Mean endpoint errors in pixels of 256², everywhere and of what moves."""
        batch = self._pairs.held_out(_MEASURED)
        if batch is None:
            return {}
        generator = torch.Generator().manual_seed(_MEASURED_SEED)
        x, peak = self._input(batch, salient_points(batch.source, _CORNERS), generator)
        flow = dense_flow(modules["flowgen"](x), peak, None, (FLOWGEN_SIDE, FLOWGEN_SIDE))
        error = torch.linalg.vector_norm(flow - batch.flow, dim=1)
        moving = torch.linalg.vector_norm(batch.flow, dim=1) > _MOVING
        return {
            "endpoint_error": float(error.mean()),
            "endpoint_error_moving": float((error * moving).sum() / moving.sum().clamp_min(1)),
        }

    def export(self, modules: Mapping[str, nn.Module], folder: Path) -> None:
        weights: dict[str, Any] = modules["flowgen"].state_dict()
        save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / _PART)

    def _update_generator(
        self, batch: MotionBatch, salient: Tensor, truth: Tensor, turn: Turn
    ) -> tuple[Tensor, Tensor, Mapping[str, Tensor]]:
        """Once, with new drags; what the generator saw, what it made of it, and the parts of its loss."""
        settings = self._settings
        x, _ = self._input(batch, salient, turn.generator)
        made = self.modules["flowgen"](x)
        opinion = self.critics["discriminator"](torch.cat([x, made], dim=1))
        adversarial = F.softplus(-opinion).mean()  # −log D
        reconstruction = torch.linalg.vector_norm(made - truth, dim=1).mean()
        turn.learn(
            "generator",
            settings.adversarial_weight * adversarial + settings.reconstruction_weight * reconstruction,
        )
        figures = {"adversarial": adversarial.detach(), "reconstruction": reconstruction.detach()}
        return x, made.detach(), figures

    def _input(
        self, batch: MotionBatch, salient: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        points = sample_points(batch.front, salient, self._sampling, generator)
        return drags_input(batch.source * 2 - 1, batch.flow, points, generator)
