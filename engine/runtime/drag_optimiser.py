"""What both drag optimisers open before they drag: the networks, the picture, and what these know of it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch

from engine.diffusion.ddim import Ddim
from engine.diffusion.drag_scene import DragScene, DragView
from engine.diffusion.features import require_block
from engine.diffusion.lora import LoraSettings
from engine.edit import DragEdit
from engine.progress import Progress
from engine.runtime.cancelling import cancellable
from engine.runtime.components import Components
from engine.runtime.picture_works import Picture
from engine.runtime.stable_diffusion import embed_prompts, open_latent_diffusion, open_schedule


class Opened(NamedTuple):
    """A picture that the network knows."""

    scene: DragScene
    picture: Picture
    schedule: Ddim

    def view(self, progress: Progress) -> DragView:
        """Shows an edit of it; what is rendered of a cancelled one can still be given up."""
        asking = partial(cancellable, progress, *self.picture.diffusion.networks)
        return DragView(self.scene, self.picture.diffusion, self.picture.latents, progress, asking)


@contextmanager
def opened(
    parts: Components,
    request: DragEdit,
    progress: Progress,
    *,
    side: int,
    steps: int,
    prompts: Sequence[str],
    block: int,
    lora: LoraSettings,
) -> Generator[Opened]:
    """While this lasts, the network knows a request's picture, and can be stopped at any layer.

    Args:
        parts: of a Stable Diffusion.
        side: the working side, in pixels.
        steps: of DDIM, from noise to a picture.
        prompts: what the network is told; with guidance, no words before the prompt.
        block: whose features points are known by.
        lora: how the network learns the picture.

    Raises:
        ModelMissing: the pack lacks something, or its networks do not fit together.
        InvalidRequest: the network has no such block, or all drags begin where nothing may change.
        Cancelled: the user asked to stop.
    """
    with progress.phase("Load"):
        diffusion = open_latent_diffusion(parts, progress.check)
        schedule = open_schedule(parts, steps)
        embedding = embed_prompts(parts, diffusion, prompts)
    require_block(diffusion.unet, block)
    scene = DragScene.of(request, side, diffusion.multiple)
    with cancellable(progress, *diffusion.networks):
        with progress.phase("Encode"), torch.no_grad():
            latents = diffusion.encode(scene.image.to(diffusion.device))
        picture = Picture(
            content=(scene.image, prompts),
            diffusion=diffusion,
            latents=latents,
            embedding=embedding,
            lora=lora,
            seed=request.seed,
            memo=parts.memo,
        )
        with picture.learnt(parts.load("scheduler", dict), progress):
            yield Opened(scene, picture, schedule)
