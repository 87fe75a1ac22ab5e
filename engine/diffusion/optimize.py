"""The gradient loop of fits to a single picture, what they learn from, and how they keep to memory."""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.progress import Progress

_SWITCHES = "gradient_checkpointing", "_gradient_checkpointing_func"  # of the library's modules
_ROOM = 3e9  # bytes that may wait for a backward pass
_WAITING = 320  # numbers that do, for each latent pixel and first channel of Stable Diffusion with a LoRA


def optimize(
    parameters: Sequence[Tensor],
    loss: Callable[[], Iterable[Tensor]],
    steps: int,
    learning_rate: float,
    progress: Progress,
    phase: str,
    *,
    halved: bool = False,
) -> None:
    """Adapt parameters by AdamW (Loshchilov, Hutter 2019), with the weight decay of 0.01 that torch takes.

    Args:
        loss: gives the parts whose sum is a step's loss; the gradient of each is taken before the next.
        phase: under which steps are reported.
        halved: whether gradients pass through float16, where small ones vanish unless the loss is scaled.

    Raises:
        Cancelled: the user asked to stop.
    """
    optimizer = torch.optim.AdamW(parameters, learning_rate)
    scaler = torch.amp.GradScaler(parameters[0].device.type, enabled=halved)
    with torch.enable_grad():
        for _ in progress.track(phase, range(steps)):
            for part in loss():
                scaler.scale(part).backward()
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()


class Noising:
    """How latents were noised for the training of a network, and what it learnt to tell from them.

    Args:
        config: of a diffusers scheduler.
    """

    def __init__(self, config: Mapping[str, object]) -> None:
        self._scheduler: Any = DDPMScheduler.from_config(dict(config))

    def draw(self, shape: Sequence[int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noise of a shape (b, c, h, w) and a timestep for each row, on the CPU whatever the device."""
        noise = torch.randn(*shape, generator=generator)
        return noise, torch.randint(len(self._scheduler.alphas_cumprod), (shape[0],), generator=generator)

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """√ᾱ·latents + √(1 − ᾱ)·noise."""
        return self._scheduler.add_noise(latents, noise, timesteps)

    def wanted(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network should answer: the noise, or the velocity."""
        if self._scheduler.config.prediction_type == "v_prediction":
            return self._scheduler.get_velocity(latents, noise, timesteps)
        return noise


def noise_prediction_loss(
    diffusion: LatentDiffusion,
    latents: Tensor,
    embedding: Tensor,
    noising: Noising,
    drawn: tuple[Tensor, Tensor],
) -> Tensor:
    """The mean squared error of what the network tells from noised latents (Ho et al. 2020, equation 14).

    Args:
        latents: (1 or b, c, h, w), clean.
        embedding: (1 or b, tokens, features).
        drawn: noise (b, c, h, w) and timesteps (b,).
    """
    noise, timesteps = (tensor.to(latents.device) for tensor in drawn)
    latents = latents.expand(len(noise), -1, -1, -1)
    told = diffusion.predict_noise(noising.noised(latents, noise, timesteps), timesteps, embedding)
    return F.mse_loss(told, noising.wanted(latents, noise, timesteps))


def mixed_precision(diffusion: LatentDiffusion) -> torch.autocast:
    """While this lasts, a network in half precision does in float32 what that would spoil."""
    dtype = diffusion.dtype
    low = dtype in (torch.float16, torch.bfloat16)
    return torch.autocast(diffusion.device.type, dtype if low else None, enabled=low)


def rows_at_once(diffusion: LatentDiffusion, latents: Tensor, rows: int) -> int:
    """How many of so many rows of latents (1, c, h, w) it pays to run, and to go back through, together."""
    fitting = int(_ROOM / _waiting(diffusion, latents))
    return max(1, min(fitting, diffusion.at_once(latents.expand(rows, -1, -1, -1))))


@contextmanager
def sparing_memory(diffusion: LatentDiffusion, latents: Tensor) -> Generator[None]:
    """While this lasts, what would take too much room until the backward pass is computed again there.

    Chen et al.: Training Deep Nets with Sublinear Memory Cost (2016). Small networks are left as they are.
    """
    if _waiting(diffusion, latents) <= _ROOM:
        yield
        return
    with checkpointed(diffusion.unet):
        yield


@contextmanager
def checkpointed(unet: UNet2DConditionModel) -> Generator[None]:
    """While this lasts, the parts of a noise predictor run once more in the backward pass."""
    states = [vars(module) for module in unet.modules() if hasattr(module, _SWITCHES[0])]
    before = [{name: state[name] for name in _SWITCHES if name in state} for state in states]
    unet.enable_gradient_checkpointing(partial(checkpoint, use_reentrant=False, preserve_rng_state=False))
    try:
        yield
    finally:
        for state, kept in zip(states, before, strict=True):
            for name in _SWITCHES:
                state.pop(name, None)
            state.update(kept)


def _waiting(diffusion: LatentDiffusion, latents: Tensor) -> float:
    """About how many bytes of a row of latents (b, c, h, w) wait for the backward pass."""
    config: Any = diffusion.unet.config
    height, width = latents.shape[-2:]
    size = max(3, diffusion.dtype.itemsize)  # of what is in half precision, a part is kept in float32
    return _WAITING * height * width * config["block_out_channels"][0] * size
