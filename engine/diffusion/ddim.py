"""DDIM: the deterministic steps from noise to a picture, and back up from a picture to its noise.

Song, Meng, Ermon: Denoising Diffusion Implicit Models (2021), equation 12 with σ = 0.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor

from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.progress import Progress

_PREDICTIONS = ("epsilon", "v_prediction")


class Ddim:
    """The timesteps of a run and the formulas between them, in the precision of the latents.

    Latents "at" a timestep hold as much noise as the network expects there. What stands below the last
    timestep counts as clean. Networks predict the noise ε or, as the configuration says, the velocity
    v = √ᾱ·ε − √(1−ᾱ)·x₀; whatever they predicted is called `noise` here.

    Args:
        config: of any diffusers scheduler of Stable Diffusion; its betas, spacing and prediction type count.
        steps: of the whole way from pure noise to a picture.

    Attributes:
        timesteps: descending: 981, 961, …, 1 for 50 steps of Stable Diffusion.

    Raises:
        ValueError: more steps than the network has timesteps, or it predicts neither ε nor v.
    """

    def __init__(self, config: Mapping[str, object], steps: int) -> None:
        # Both drag editors end at ᾱ of the first timestep, as Stable Diffusion's own configuration does.
        given = {"set_alpha_to_one": False, **config}
        scheduler: Any = DDIMScheduler.from_config(given)
        predicts = scheduler.config.prediction_type
        if predicts not in _PREDICTIONS:
            raise ValueError(f"prediction_type is {predicts}, and {' or '.join(_PREDICTIONS)} is needed")
        scheduler.set_timesteps(steps)
        self.steps = steps
        self.timesteps: tuple[int, ...] = tuple(scheduler.timesteps.tolist())
        self._velocity = predicts == "v_prediction"
        alphas: list[float] = scheduler.alphas_cumprod.double().tolist()
        if self.timesteps[0] >= len(alphas):
            raise ValueError(f"the network knows noise up to timestep {len(alphas) - 1}")
        levels = [*(alphas[t] for t in self.timesteps), float(scheduler.final_alpha_cumprod)]
        self._levels = dict(zip(self.timesteps, itertools.pairwise(levels), strict=True))

    def depth(self, strength: float) -> int:
        """How many steps an inversion of that strength, 0 to 1, takes: at least one, half rounded to even."""
        return min(max(1, round(self.steps * strength)), self.steps)

    def step(self, noise: Tensor, t: int, latents: Tensor) -> Tensor:
        """Latents (b, c, h, w) at timestep `t`, one denoising step on."""
        _, below = self._levels[t]
        clean, noise = self.clean(noise, t, latents), self._epsilon(noise, t, latents)
        return below**0.5 * clean + (1 - below) ** 0.5 * noise

    def invert_step(self, noise: Tensor, t: int, latents: Tensor) -> Tensor:
        """Latents (b, c, h, w) of the timestep below `t`, one step up to it.

        Args:
            noise: predicted from `latents` at `t`, as if they were there already.
        """
        level, below = self._levels[t]
        noise = self._epsilon(noise, t, latents)
        clean = (latents - (1 - below) ** 0.5 * noise) / below**0.5
        return level**0.5 * clean + (1 - level) ** 0.5 * noise

    def clean(self, noise: Tensor, t: int, latents: Tensor) -> Tensor:
        """The finished latents x₀ that `noise` foretells of `latents` at `t`."""
        level, _ = self._levels[t]
        if self._velocity:
            return level**0.5 * latents - (1 - level) ** 0.5 * noise
        return (latents - (1 - level) ** 0.5 * noise) / level**0.5

    def _epsilon(self, noise: Tensor, t: int, latents: Tensor) -> Tensor:
        level, _ = self._levels[t]
        return level**0.5 * noise + (1 - level) ** 0.5 * latents if self._velocity else noise


def invert(
    diffusion: LatentDiffusion,
    latents: Tensor,
    embedding: Tensor,
    schedule: Ddim,
    depth: int,
    progress: Progress,
) -> list[Tensor]:
    """The noise from which denoising leads back to `latents`, without guidance.

    Args:
        latents: (b, c, h, w), clean.
        embedding: (1 or b, tokens, features).
        depth: steps, 1 to those of the schedule.

    Returns:
        What each step arrived at, the noisiest last: at timesteps[-1] … timesteps[-depth].

    Raises:
        Cancelled: the user asked to stop.
    """
    path = list[Tensor]()
    for t in progress.track("Invert", schedule.timesteps[: -depth - 1 : -1]):
        noise = diffusion.predict_noise(latents, torch.tensor(t), embedding)
        latents = schedule.invert_step(noise, t, latents)
        path.append(latents)
    return path


def sample(
    diffusion: LatentDiffusion,
    latents: Tensor,
    embedding: Tensor,
    schedule: Ddim,
    depth: int,
    progress: Progress,
) -> Tensor:
    """Latents (b, c, h, w) at timesteps[-depth], denoised to the end without guidance.

    Raises:
        Cancelled: the user asked to stop.
    """
    for t in progress.track("Denoise", schedule.timesteps[-depth:]):
        noise = diffusion.predict_noise(latents, torch.tensor(t), embedding)
        latents = schedule.step(noise, t, latents)
    return latents
