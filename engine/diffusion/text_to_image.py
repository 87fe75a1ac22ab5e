"""From noise to a picture that words describe; the way there is repeated by its seed."""

from collections.abc import Callable

import torch
from torch import Tensor

from engine.diffusion.ddim import Ddim
from engine.diffusion.guidance import classifier_free_guidance
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.origin import Origin
from engine.progress import Progress


def text_to_image(
    diffusion: LatentDiffusion,
    origin: Origin,
    words: Tensor,
    schedule: Ddim,
    progress: Progress,
    *,
    steps: int | None = None,
    phase: str = "Denoise",
    look: Callable[[Callable[[], Tensor]], None] | None = None,
) -> Tensor:
    """The latents of a generated picture, or those on the way to it.

    Args:
        origin: says seed, size and guidance; with a guidance of 1 the network is evaluated once a step.
        words: (2, tokens, features), of no words and of the prompt.
        schedule: of as many steps as the origin says.
        steps: stop after so many, at timesteps[steps]; None for all.
        phase: under which steps are reported.
        look: given, after each step, what renders the clean latents foretold there.

    Returns:
        (1, c, h, w) float32, scaled as the autoencoder's `encode` scales them.

    Raises:
        Cancelled: the user asked to stop.
    """
    assert schedule.steps == origin.steps, "the way belongs to the number of its steps"
    latents = _noise(diffusion, origin)
    words = words if origin.guidance != 1 else words[1:]
    for t in progress.track(phase, schedule.timesteps[:steps]):
        rows = latents.expand(len(words), -1, -1, -1)
        noise = diffusion.predict_noise(rows, torch.tensor(t), words)
        if len(words) > 1:
            noise = classifier_free_guidance(noise, origin.guidance)
        clean = schedule.clean(noise, t, latents)
        latents = schedule.step(noise, t, latents)
        if look is not None:
            look(lambda clean=clean: clean)
    return latents


def _noise(diffusion: LatentDiffusion, origin: Origin) -> Tensor:
    """Drawn on the CPU, so that a seed means the same on every device."""
    generator = torch.Generator().manual_seed(origin.seed)
    width, height = (side // diffusion.factor for side in origin.size)
    shape = 1, diffusion.unet.config["in_channels"], height, width
    return torch.randn(shape, generator=generator).to(diffusion.device)
