"""LoRA: a small addition to a noise predictor's attentions, fitted to one picture so that it keeps to it.

Hu et al.: LoRA: Low-Rank Adaptation of Large Language Models (2022); Shi et al.: DragDiffusion (2023),
section 3.3, fits it before dragging. The published code crops squares from a picture that is not square, and
draws its latents from the autoencoder's posterior; here the network sees the whole picture, as it will when
it edits it, and the posterior's mode.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.optimize import (
    Fit,
    Noising,
    mixed_precision,
    noise_prediction_loss,
    rows_at_once,
    sparing_memory,
)
from engine.progress import Progress

_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
_ADAPTER = "picture"


class Fitting(Protocol):
    """Settings of a method that fits one."""

    @property
    def lora_steps(self) -> int: ...
    @property
    def lora_learning_rate(self) -> float: ...
    @property
    def lora_batch(self) -> int: ...
    @property
    def lora_rank(self) -> int: ...


class LoraSettings(NamedTuple):
    """How a LoRA is fitted; the defaults are the published ones of DragDiffusion."""

    steps: int = 80
    learning_rate: float = 5e-4
    batch: int = 4
    rank: int = 16

    @classmethod
    def of(cls, settings: Fitting) -> Self:
        """As a method's settings say."""
        return cls(settings.lora_steps, settings.lora_learning_rate, settings.lora_batch, settings.lora_rank)


@dataclass(frozen=True, kw_only=True, eq=False)
class Lora:
    """y = W·x + up·down·x in every projection of every attention.

    Args:
        tensors: float32 on the CPU, under the names of the published files:
            "unet.<projection>.lora.down.weight" (rank, in) and "….up.weight" (out, rank).
    """

    tensors: Mapping[str, Tensor]

    @staticmethod
    def of(unet: nn.Module, rank: int, generator: torch.Generator) -> "Lora":
        """One that changes nothing yet: up is 0, and down is drawn with a spread of 1/rank."""
        tensors = dict[str, Tensor]()
        for name, layer in _projections(unet).items():
            down = torch.randn(rank, layer.in_features, generator=generator) / rank
            tensors[_key(name, "down")] = down
            tensors[_key(name, "up")] = torch.zeros(layer.out_features, rank)
        return Lora(tensors=tensors)

    @contextmanager
    def attached(self, unet: nn.Module, *, trained: bool = False) -> Generator[tuple[nn.Parameter, ...]]:
        """While this lasts, the noise predictor works with it; afterwards it is as it was, bit for bit.

        Args:
            trained: whether gradients are wanted.

        Yields:
            Copies of the tensors in their order, float32 on the network's device.
        """
        layers = _projections(unet)
        assert layers, "one LoRA at a time"
        with _restored(unet, layers):
            rank = len(self.tensors[_key(next(iter(layers)), "down")])
            how = LoraConfig(r=rank, lora_alpha=rank, target_modules=list(_PROJECTIONS))
            # Without memory for weights none are drawn, so that torch's own generator stays as it was.
            inject_adapter_in_model(how, unet, _ADAPTER, low_cpu_mem_usage=True)
            with torch.inference_mode(False):
                weights = tuple(self._filled(unet, layers))
            for weight in weights:
                weight.requires_grad_(trained)
            yield weights

    def _filled(self, unet: nn.Module, layers: Mapping[str, nn.Linear]) -> Iterator[nn.Parameter]:
        for name, layer in layers.items():
            adapter: Any = unet.get_submodule(name)
            for part, side in ((adapter.lora_A, "down"), (adapter.lora_B, "up")):
                tensor = self.tensors[_key(name, side)].to(layer.weight.device, torch.float32, copy=True)
                part[_ADAPTER].weight = nn.Parameter(tensor)
                yield part[_ADAPTER].weight


def fit_lora(
    diffusion: LatentDiffusion,
    latents: Tensor,
    embedding: Tensor,
    config: Mapping[str, object],
    settings: LoraSettings,
    generator: torch.Generator,
    progress: Progress,
    *,
    begun: Mapping[str, Tensor] | None = None,
    keep: Callable[[Mapping[str, Tensor]], object] = lambda state: None,
) -> Lora:
    """A LoRA by which the network knows one picture.

    Args:
        latents: (1, c, h, w) of the picture, scaled.
        embedding: (1, tokens, features) of what it shows.
        config: of the scheduler that the network was trained with.
        generator: on the CPU; torch's own is not touched.
        begun: what `keep` was given last of the same fit.
        keep: now and then, and when it is cancelled, takes what is needed to go on another time.

    Raises:
        Cancelled: the user asked to stop; the network is as it was.
    """
    noising = Noising(config)

    def loss() -> Iterator[Tensor]:
        drawn = noising.draw((settings.batch, *latents.shape[1:]), generator)
        return _loss_in_parts(diffusion, latents, embedding, noising, drawn)

    lora = Lora.of(diffusion.unet, settings.rank, generator)
    with lora.attached(diffusion.unet, trained=True) as weights, sparing_memory(diffusion, latents):
        fit = Fit(weights, settings.learning_rate, generator, halved=diffusion.dtype == torch.float16)
        if begun is not None:
            fit.restore(begun)
        fit.run(loss, settings.steps, progress, phase="Adapt", keep=keep)
        fitted = [weight.detach().cpu() for weight in weights]
    return Lora(tensors=dict(zip(lora.tensors, fitted, strict=True)))


def _loss_in_parts(
    diffusion: LatentDiffusion,
    latents: Tensor,
    embedding: Tensor,
    noising: Noising,
    drawn: tuple[Tensor, Tensor],
) -> Iterator[Tensor]:
    batch = len(drawn[0])
    rows = rows_at_once(diffusion, latents, batch)
    for part in zip(*(tensor.split(rows) for tensor in drawn), strict=True):
        # Autocast keeps halved copies of weights until it ends: it must not outlast a step of these.
        with mixed_precision(diffusion):
            error = noise_prediction_loss(diffusion, latents, embedding, noising, part)
        yield error * (len(part[0]) / batch)


def _key(projection: str, side: str) -> str:
    return f"unet.{projection}.lora.{side}.weight"


def _projections(unet: nn.Module) -> dict[str, nn.Linear]:
    """The linear layers of attentions, self and cross, by their names."""
    return {
        name: module
        for name, module in unet.named_modules()
        if isinstance(module, nn.Linear) and name.endswith(tuple(f".{end}" for end in _PROJECTIONS))
    }


@contextmanager
def _restored(unet: nn.Module, layers: Mapping[str, nn.Linear]) -> Generator[None]:
    """Afterwards the network holds these layers again, and nothing of the library's."""
    learnt = [(parameter, parameter.requires_grad) for parameter in unet.parameters()]
    try:
        yield
    finally:
        for name, layer in layers.items():
            unet.set_submodule(name, layer)
        vars(unet).pop("peft_config", None)
        for parameter, needed in learnt:
            parameter.requires_grad_(needed)
