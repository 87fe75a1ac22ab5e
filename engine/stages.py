"""STAGES: the one table of what can be trained. Torch loads when a stage is opened, not before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.training.stage import Stage


@dataclass(frozen=True, kw_only=True)
class TrainingStage:
    """A stage by its word on the command line.

    Args:
        title: one line of what is trained.
        open: the class; torch may load here and not before.
    """

    name: str
    title: str
    open: Callable[[], "type[Stage[Any]]"]


def _flowgen() -> "type[Stage[Any]]":
    from engine.methods.instant_drag.train_flowgen import FlowGenStage  # noqa: PLC0415

    return FlowGenStage


def _flowdiffusion() -> "type[Stage[Any]]":
    from engine.methods.instant_drag.train_flowdiffusion import FlowDiffusionStage  # noqa: PLC0415

    return FlowDiffusionStage


def _drag() -> "type[Stage[Any]]":
    from engine.training.drag_stage import DragStage  # noqa: PLC0415

    return DragStage


def _fill() -> "type[Stage[Any]]":
    from engine.training.fill_stage import FillStage  # noqa: PLC0415

    return FillStage


def _vae() -> "type[Stage[Any]]":
    from engine.training.vae_stage import VaeStage  # noqa: PLC0415

    return VaeStage


def _backbone() -> "type[Stage[Any]]":
    from engine.training.backbone_stage import BackboneStage  # noqa: PLC0415

    return BackboneStage


_ALL = (
    TrainingStage(name="drag", title="what a drag moves and how, from photos", open=_drag),
    TrainingStage(name="fill", title="what to show where nothing is known, from photos", open=_fill),
    TrainingStage(name="vae", title="between photos and the latents of diffusion models", open=_vae),
    TrainingStage(
        name="backbone", title="a small Stable Diffusion, from photos and captions", open=_backbone
    ),
    TrainingStage(name="flowgen", title="from drags to a dense flow, for InstantDrag", open=_flowgen),
    TrainingStage(
        name="flowdiffusion",
        title="from a dense flow to the next picture, for InstantDrag",
        open=_flowdiffusion,
    ),
)

STAGES: dict[str, TrainingStage] = {stage.name: stage for stage in _ALL}
