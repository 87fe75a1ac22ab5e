"""The gradient loop of fits to a single picture, what they learn from, and how they keep to memory."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.progress import Cancelled, Progress

_SWITCHES = "gradient_checkpointing", "_gradient_checkpointing_func"  # of the library's modules
_ROOM = 3e9  # bytes that may wait for a backward pass
_KEPT_EVERY = 20.0  # seconds of a fit, which is all that is lost of it with its process
_WAITING = 320  # numbers that do, for each latent pixel and first channel of Stable Diffusion with a LoRA


class Descent:
    """Steps of an optimizer down gradients that may pass through float16, where small ones vanish.

    Args:
        halved: whether they do; then the loss is scaled.
        scale: by how much at first; it halves whenever a gradient overflows, and that step is left out.
    """

    def __init__(self, device: torch.device, *, halved: bool, scale: float = 2.0**16) -> None:
        self._scaler = torch.amp.GradScaler(device.type, init_scale=scale, enabled=halved)

    @classmethod
    def of_latents(cls, diffusion: LatentDiffusion) -> Self:
        """For latents that are optimised through a network."""
        return cls(diffusion.device, halved=diffusion.dtype == torch.float16, scale=2.0**10)

    def step(self, optimizer: torch.optim.Optimizer, loss: Iterable[Tensor]) -> None:
        """One step.

        Args:
            loss: the parts of the loss; the gradient of each is taken before the next is asked for.
        """
        for part in loss:
            self._scaler.scale(part).backward()
        self._scaler.step(optimizer)
        self._scaler.update()
        optimizer.zero_grad()

    @property
    def scale(self) -> Tensor:
        """By how much the loss is scaled now, 0-dimensional."""
        return torch.tensor(self._scaler.get_scale())

    @scale.setter
    def scale(self, scale: Tensor) -> None:
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(self._scaler.state_dict() | {"scale": float(scale)})


class Fit:
    """Adapts parameters by AdamW (Loshchilov, Hutter 2019), with the weight decay of 0.01 that torch takes.

    What was broken off can be taken up again, and ends as if it had never been.

    Args:
        generator: from which the loss is drawn.
        halved: whether gradients pass through float16.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        learning_rate: float,
        generator: torch.Generator,
        *,
        halved: bool = False,
    ) -> None:
        self._parameters, self._generator = parameters, generator
        self._optimizer = torch.optim.AdamW(parameters, learning_rate)
        self._descent = Descent(parameters[0].device, halved=halved)
        self._done, self._drawn = 0, generator.get_state()

    def run(
        self,
        loss: Callable[[], Iterable[Tensor]],
        steps: int,
        progress: Progress,
        phase: str,
        keep: Callable[[Mapping[str, Tensor]], object] = lambda state: None,
    ) -> None:
        """Go on until so many steps are done.

        Args:
            loss: gives the parts whose sum is a step's loss; the gradient of each is taken before the next.
            phase: under which steps are reported.
            keep: called every 20 seconds, and before `Cancelled` is raised, with what `restore` takes.

        Raises:
            Cancelled: the user asked to stop.
        """
        due = time.monotonic() + _KEPT_EVERY
        try:
            with torch.enable_grad():
                for _ in progress.track(phase, range(self._done, steps)):
                    self._descent.step(self._optimizer, loss())
                    self._done, self._drawn = self._done + 1, self._generator.get_state()
                    if time.monotonic() >= due and self._done < steps:
                        keep(self._state())
                        due = time.monotonic() + _KEPT_EVERY
        except Cancelled:
            keep(self._state())
            raise

    def _state(self) -> dict[str, Tensor]:
        """All that `restore` needs, as it was after the last whole step."""
        state = {"done": torch.tensor(self._done), "drawn": self._drawn, "scale": self._descent.scale}
        for i, parameter in enumerate(self._parameters):
            state[f"{i}"] = parameter.detach()
            known: Mapping[str, Tensor] = self._optimizer.state[parameter]
            state |= {f"{i}.{name}": tensor for name, tensor in known.items()}
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Begin where a fit of parameters of the same shapes was broken off."""
        self._done = int(state["done"])
        self._generator.set_state(state["drawn"])
        self._drawn = state["drawn"]
        self._descent.scale = state["scale"]
        for i, parameter in enumerate(self._parameters):
            parameter.detach().copy_(state[f"{i}"])
            known = {name.partition(".")[2]: name for name in state if name.startswith(f"{i}.")}
            self._optimizer.state[parameter] = {
                name: state[full] if name == "step" else state[full].to(parameter.device, copy=True)
                for name, full in known.items()
            }


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
def sparing_memory(diffusion: LatentDiffusion, latents: Tensor, rows: int = 1) -> Generator[None]:
    """While this lasts, what would take too much room until the backward pass is computed again there.

    Chen et al.: Training Deep Nets with Sublinear Memory Cost (2016). Small networks are left as they are.

    Args:
        latents: (b, c, h, w).
        rows: of their size, how many a backward pass goes through.
    """
    if rows * _waiting(diffusion, latents) <= _ROOM:
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
