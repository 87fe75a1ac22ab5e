"""What a stage of training is: the seam between the one loop and everything that can be trained."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.settings import Settings, setting

B = TypeVar("B")
B_co = TypeVar("B_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Settings):
    """What every stage can be told; a stage inherits it and declares its own defaults."""

    steps: int = setting(100_000, 1, 100_000_000, help="Steps in all, over every resumed run")
    batch_size: int = setting(16, 1, 4096, help="Samples a step, on each device")
    learning_rate: float = setting(1e-4, 1e-8, 1, help="The highest learning rate")
    schedule: Literal["cosine", "constant"] = setting(
        "cosine", help="After the warm-up: cosine to zero at the last step, or constant"
    )
    warm_up: int = setting(200, 0, 1_000_000, help="Steps in which the learning rate rises from zero")
    weight_decay: float = setting(0.01, 0, 1, help="Decoupled weight decay of AdamW")
    gradient_clip: float = setting(1.0, 0, 1e6, help="The largest norm of the gradient; 0 for any")
    ema_decay: float = setting(0.999, 0, 0.999999, help="Decay of the averaged weights, which are the result")
    evaluate_every: int = setting(1000, 0, 1_000_000, help="Steps between measurements; 0 for none")
    seed: int = setting(0, 0, 2**31 - 1, help="What every random choice follows from")
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto", help="Of the networks' arithmetic; auto is bfloat16 on a GPU that has it, else float32"
    )


class Batches(Protocol[B_co]):
    """An endless source of batches. All its chance is drawn from `generator`, so that its place can be kept:
    whoever restores the generator's state gets the same batches on."""

    generator: torch.Generator

    def __next__(self) -> B_co: ...


class DrawnBatches(Generic[B]):
    """Batches that a function draws with a generator."""

    def __init__(self, draw: Callable[[torch.Generator], B], generator: torch.Generator) -> None:
        self.generator, self._draw = generator, draw

    def __next__(self) -> B:
        return self._draw(self.generator)


class Turn(Protocol):
    """One step of the loop, as `Stage.update` sees it.

    Attributes:
        step: how many steps were done before.
        began: at how many the weights came without critics and optimizers' states; 0 for a run begun anew.
        generator: on the device; for noise and dropout of conditions that the update itself draws.
    """

    step: int
    began: int
    generator: torch.Generator

    def learn(self, optimizer: str, loss: Tensor) -> None:
        """Follow the gradient of a scalar loss once: zero, backward, clip, step of the named optimizer."""
        ...


class Stage(ABC, Generic[B]):
    """A training task. `__init__(settings, data, device)` builds its networks (on any device; the loop moves
    them) and opens its data.

    The loop replaces the values of `modules` and `critics` by what Accelerate makes of them: look networks up
    there in `update`, by name, and keep them nowhere else.

    Attributes:
        settings_type: a TrainingSettings with what this stage can be told beside.
        modules: what is trained, averaged, saved and exported.
        critics: what is trained along and kept for resuming, but neither averaged nor exported.
    """

    settings_type: ClassVar[type[TrainingSettings]]
    modules: dict[str, nn.Module]
    critics: dict[str, nn.Module]

    @classmethod
    def going_on(cls, settings: TrainingSettings, folder: Path) -> TrainingSettings:
        """The settings of a run that goes on from weights, with whatever else lies in their folder."""
        del folder
        return settings

    def accompany(self, folder: Path) -> None:
        """Write beside averaged weights what else belongs to them; raises OSError."""

    @abstractmethod
    def __init__(self, settings: Any, data: Path, device: torch.device) -> None:  # noqa: ANN401 - its own type
        """Raises: InvalidRequest: the data, or a file that a setting names, cannot be used."""

    @abstractmethod
    def optimizers(self) -> Mapping[str, Optimizer]:
        """By name, each over the parameters it updates, with the highest learning rate. Called once, after
        the networks have been moved."""

    @abstractmethod
    def batches(self, seed: int) -> Batches[B]:
        """Training data; another seed for each process and each warm restart."""

    @abstractmethod
    def update(self, batch: B, turn: Turn) -> Mapping[str, Tensor]:
        """Learn from a batch.

        Returns:
            detached scalars to log, on the device: fetching them is the loop's affair.
        """

    def evaluate(self, modules: Mapping[str, nn.Module]) -> Mapping[str, float]:
        """Held-out figures of the averaged modules, which are in eval mode; always from the same samples."""
        del modules
        return {}

    @abstractmethod
    def export(self, modules: Mapping[str, nn.Module], folder: Path) -> None:
        """Write the averaged modules, on the CPU, into an existing folder as the product's loaders read them.

        Raises:
            OSError: it cannot be written.
        """


def adamw(module: nn.Module, settings: TrainingSettings, **changes: Any) -> torch.optim.AdamW:  # noqa: ANN401
    """AdamW over what of a module is trained, with the settings' learning rate and weight decay."""
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    options: dict[str, Any] = {"lr": settings.learning_rate, "weight_decay": settings.weight_decay, **changes}
    return torch.optim.AdamW(trained, **options)
