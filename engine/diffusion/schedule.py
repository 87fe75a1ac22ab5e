"""Schedulers: any that diffusers runs in its Stable Diffusion pipelines, built from a pack's config."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from diffusers import schedulers
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers
from torch import Tensor

_PREDICTIONS = ("epsilon", "v_prediction")
_UNSEEDED = ("DPMSolverSDEScheduler",)  # it draws its noise from a seed of its own, or from torch's


class Schedule:
    """One sampling run: its timesteps, and the step from one latent to the next. Made anew for each run.

    The network predicts the noise ε, or as its configuration says the velocity v = √ᾱ·ε − √(1−ᾱ)·x₀
    (Salimans, Ho: Progressive Distillation for Fast Sampling of Diffusion Models (2022), appendix D). What
    steps do is decided on the CPU; latents stay on their device, and nothing is fetched from there.

    Args:
        config: of a diffusers scheduler, with its `_class_name`.
        steps: how many denoising steps; some schedulers evaluate the network more often than that.

    Raises:
        ValueError: the scheduler is unknown, cannot run that many steps, is not for such networks, or its
            results could not be repeated.
    """

    def __init__(self, config: Mapping[str, object], steps: int) -> None:
        name = str(config.get("_class_name"))
        if name not in KarrasDiffusionSchedulers.__members__ or not hasattr(schedulers, name):
            raise ValueError(f"there is no scheduler {name}")
        if name in _UNSEEDED:
            raise ValueError(f"{name} takes no seed")
        kind = getattr(schedulers, name)
        try:
            self._scheduler: Any = kind.from_config(dict(config))
        except ImportError:
            raise ValueError(f"{name} needs a library that Pliant does not come with") from None
        self._velocity = self._predicts_velocity(name)
        self._scheduler.set_timesteps(steps)
        self._takes_generator = "generator" in inspect.signature(kind.step).parameters
        self.timesteps: tuple[Tensor, ...] = tuple(self._scheduler.timesteps)  # on the CPU, 0-dimensional

    def start(self, noise: Tensor) -> Tensor:
        """The first latent, from unit noise (b, c, h, w)."""
        return noise * self._scheduler.init_noise_sigma

    def input(self, latents: Tensor, timestep: Tensor) -> Tensor:
        """What the network is given for `latents`."""
        return self._scheduler.scale_model_input(latents, timestep)

    def _predicts_velocity(self, name: str) -> bool:
        if not hasattr(self._scheduler, "alphas_cumprod"):
            raise ValueError(f"{name} is not for Stable Diffusion")
        predicts = self._scheduler.config.get("prediction_type", "epsilon")
        if predicts not in _PREDICTIONS:
            raise ValueError(f"prediction_type is {predicts}, and {' or '.join(_PREDICTIONS)} is needed")
        return predicts == "v_prediction"

    def timesteps_on(self, device: torch.device) -> tuple[Tensor, ...]:
        """The timesteps, 0-dimensional, where a network takes them; brought there all at once."""
        return torch.stack(self.timesteps).to(device).unbind()

    def step(
        self, noise: Tensor, timestep: Tensor, latents: Tensor, generator: torch.Generator | None = None
    ) -> Tensor:
        """The next latent from the predicted noise; `generator` is for schedulers that add some."""
        more = {"generator": generator} if self._takes_generator else {}
        return self._scheduler.step(noise, timestep, latents, return_dict=False, **more)[0]

    def predicted(self, noise: Tensor, timestep: Tensor, latents: Tensor) -> Tensor:
        """The finished latent as `noise` predicts it from `latents` at `timestep`; call it before `step`."""
        if hasattr(self._scheduler, "sigmas") and self._scheduler.init_noise_sigma != 1:
            sigma = float(self._scheduler.sigmas[self.timesteps.index(timestep)])
            alpha = 1 / (sigma**2 + 1)
            latents = latents * alpha**0.5  # the latents of such schedulers are x₀ + σ·ε
        else:
            alpha = float(self._scheduler.alphas_cumprod[int(timestep)])
        if self._velocity:
            return alpha**0.5 * latents - (1 - alpha) ** 0.5 * noise
        return (latents - (1 - alpha) ** 0.5 * noise) / alpha**0.5
