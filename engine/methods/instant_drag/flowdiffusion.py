"""FlowDiffusion: samples a picture from the picture before, and the dense flow between the two."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from engine.diffusion.guidance import two_scale_guidance
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.schedule import Schedule
from engine.progress import Progress

CONDITIONS = 6  # channels behind the noisy latent: the picture's latent and the flow


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to sample.

    Args:
        scheduler: configuration of a diffusers scheduler.
        steps: denoising steps.
        image_scale, flow_scale: the two guidance scales. If neither is above 1, there is no guidance.
    """

    scheduler: Mapping[str, object]
    steps: int
    image_scale: float
    flow_scale: float

    @property
    def guided(self) -> bool:
        return self.image_scale > 1 or self.flow_scale > 1


def conditions(image_latent: Tensor, flow: Tensor, *, guided: bool) -> Tensor:
    """The channels behind the noisy latent.

    Args:
        image_latent: (1, 4, h, w), not scaled.
        flow: (1, 2, h, w), in fractions of the side of the square that the networks were trained at.

    Returns:
        (3, 6, h, w): picture and flow, the picture alone, neither; without guidance the first, (1, 6, h, w).
    """
    both = torch.cat([image_latent, flow], dim=1)
    if not guided:
        return both
    image = torch.cat([image_latent, torch.zeros_like(flow)], dim=1)
    return torch.cat([both, image, torch.zeros_like(both)])


class FlowDiffusion:
    """The sampler.

    Args:
        sd: whose noise predictor takes the six condition channels beside the noisy latent.
        null_prompt: (1, 77, 768), the embedding of no words.
    """

    def __init__(self, sd: LatentDiffusion, null_prompt: Tensor) -> None:
        self.sd, self._null_prompt = sd, null_prompt

    def sample(
        self,
        condition: Tensor,
        noise: Tensor,
        sampling: Sampling,
        progress: Progress,
        generator: torch.Generator | None = None,
        look: Callable[[Callable[[], Tensor]], None] = lambda latents: None,
    ) -> Tensor:
        """Denoise from pure noise.

        Args:
            condition: as `conditions` makes it.
            noise: (1, 4, h, w) of unit variance.
            generator: for schedulers that add noise of their own.
            look: called before each step with what gives the finished latent as the step predicts it.

        Returns:
            (1, 4, h, w) float32, scaled.
        """
        schedule = Schedule(sampling.scheduler, sampling.steps)
        latents = schedule.start(noise.to(condition.device))
        steps = list(zip(schedule.timesteps, schedule.timesteps_on(condition.device), strict=True))
        for t, there in progress.track("Denoise", steps):
            noisy = schedule.input(latents, t).expand(len(condition), -1, -1, -1)
            noise = self.sd.predict_noise(torch.cat([noisy, condition], dim=1), there, self._null_prompt)
            if sampling.guided:
                noise = two_scale_guidance(noise, sampling.image_scale, sampling.flow_scale)
            look(partial(schedule.predicted, noise, t, latents))
            latents = schedule.step(noise, t, latents, generator)
        return latents
