"""Pictures from words: text to picture on a pack that holds a whole Stable Diffusion."""

import numpy as np
from numpy.typing import NDArray

from engine.edit import Image
from engine.errors import InvalidRequest
from engine.origin import Origin
from engine.progress import Progress
from engine.runtime.components import Components

GENERATE = "generate"  # under which manifests recommend settings, as under a method's name
ROLES = frozenset({"unet", "vae", "text_encoder", "tokenizer", "scheduler"})


def generate(components: Components, origin: Origin, progress: Progress) -> Image:
    """The picture of an origin, (h, w, 4) uint8 opaque and read-only.

    Raises:
        InvalidRequest: the pack cannot paint pictures of that size.
        ModelMissing: the pack's networks cannot be used.
        Cancelled: the user asked to stop.
    """
    # These load torch.
    import torch  # noqa: PLC0415
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny  # noqa: PLC0415

    from engine.diffusion.frame import Frame  # noqa: PLC0415
    from engine.diffusion.text_to_image import text_to_image  # noqa: PLC0415
    from engine.runtime.cancelling import cancellable  # noqa: PLC0415
    from engine.runtime.stable_diffusion import (  # noqa: PLC0415
        embed_prompts,
        open_latent_diffusion,
        open_schedule,
    )

    with progress.phase("Load"):
        schedule = open_schedule(components, origin.steps)
        diffusion = open_latent_diffusion(components, progress.check)
        _require_size(origin, diffusion.multiple, components)
    frame = Frame(size=origin.size, content=origin.size, working=origin.size)

    def picture(latents: torch.Tensor) -> Image:
        return _opaque(frame.colours(diffusion.decode(latents)))

    with torch.inference_mode(), cancellable(progress, *diffusion.networks):
        words = embed_prompts(components, diffusion, ["", origin.prompt])
        # Decoding for a look is worth it where it takes less than a step.
        quick = diffusion.device.type != "cpu" or isinstance(diffusion.vae, AutoencoderTiny)
        look = (lambda clean: progress.preview(lambda: picture(clean()))) if quick else None
        latents = text_to_image(diffusion, origin, words, schedule, progress, look=look)
        with progress.phase("Decode"):
            image = picture(latents)
    image.flags.writeable = False
    return image


def _opaque(colours: NDArray[np.uint8]) -> Image:
    """(h, w, 3) uint8 as (h, w, 4)."""
    return np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])


def _require_size(origin: Origin, multiple: int, components: Components) -> None:
    if any(side % multiple for side in origin.size):
        width, height = origin.size
        near = " × ".join(str(max(round(side / multiple), 1) * multiple) for side in origin.size)
        raise InvalidRequest(
            f"The pack “{components.title}” paints pictures whose sides are multiples of {multiple} pixels, "
            f"not {width} × {height}; try {near}."
        )
