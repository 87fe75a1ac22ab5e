"""Schedulers: any that diffusers runs in its Stable Diffusion pipelines, built from a pack's config."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from diffusers import schedulers
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from torch import Tensor


class Schedule:
    """One sampling run: its timesteps, and the step from one latent to the next. Made anew for each run.

    What steps do is decided on the CPU; latents stay on their device, and nothing is fetched from there.

    Args:
        config: of a diffusers scheduler, with its `_class_name`.
        steps: how many denoising steps; some schedulers evaluate the network more often than that.

    Raises:
        ValueError: the scheduler is unknown, or cannot run that many steps.
    """

    def __init__(self, config: Mapping[str, object], steps: int) -> None:
        name = str(config.get("_class_name"))
        if name not in KarrasDiffusionSchedulers.__members__ or not hasattr(schedulers, name):
            raise ValueError(f"there is no scheduler {name}")
        kind = getattr(schedulers, name)
        self._scheduler: Any = kind.from_config(dict(config))
        self._scheduler.set_timesteps(steps)
        self._takes_generator = "generator" in inspect.signature(kind.step).parameters
        self.timesteps: tuple[Tensor, ...] = tuple(self._scheduler.timesteps)  # on the CPU, 0-dimensional

    def start(self, noise: Tensor) -> Tensor:
        """The first latent, from unit noise (b, c, h, w)."""
        return noise * self._scheduler.init_noise_sigma

    def input(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """What the network is given for `latents`."""
        return self._scheduler.scale_model_input(latents, timestep)

    def step(
        self, noise: Tensor, timestep: Tensor, latents: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The next latent from the predicted noise; `generator` is for schedulers that add some."""
        more = {"generator": generator} if self._takes_generator else {}
        return self._scheduler.step(noise, timestep, latents, return_dict=False, **more)[0]

    def predicted(self, noise: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
        """The finished latent as `noise` predicts it from `latents` at `timestep`; call it before `step`."""
        if hasattr(self._scheduler, "sigmas") and self._scheduler.init_noise_sigma != 1:
            index = self.timesteps.index(timestep)  # the latents of such schedulers are x₀ + σ·ε
            return latents - self._scheduler.sigmas[index] * noise
        alpha = float(self._scheduler.alphas_cumprod[int(timestep)])
        return (latents - (1 - alpha) ** 0.5 * noise) / alpha**0.5
