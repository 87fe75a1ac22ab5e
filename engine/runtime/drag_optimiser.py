"""What both drag optimisers open before they drag: the networks, the picture, and what these know of it."""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from engine.diffusion.ddim import Ddim
from engine.diffusion.drag_scene import DragScene, DragView
from engine.diffusion.features import require_block
from engine.diffusion.lora import LoraSettings
from engine.edit import DragEdit, EditResult
from engine.progress import Progress
from engine.runtime.cancelling import cancellable
from engine.runtime.components import Components
from engine.runtime.device import free_cached_memory
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

    def decoded(
        self, view: DragView, latents: tuple[Tensor, Tensor], handles: Tensor, progress: Progress
    ) -> EditResult:
        """The answer that finished latents, edited and unedited, show.

        Raises:
            Cancelled: the user asked to stop.
        """
        free_cached_memory(self.picture.diffusion.device.type)  # of the drag, as decoding needs other sizes
        with progress.phase("Decode"):
            return view.result(*latents, handles)


class Needs(NamedTuple):
    """How a picture is opened.

    Args:
        side: the working side, in pixels.
        steps: of DDIM, from noise to a picture.
        prompts: what the network is told; with guidance, no words before the prompt.
        block: whose features points are known by.
        lora: how the network learns the picture.
    """

    side: int
    steps: int
    prompts: tuple[str, ...]
    block: int
    lora: LoraSettings


@contextmanager
def opened(parts: Components, request: DragEdit, needs: Needs, progress: Progress) -> Generator[Opened]:
    """While this lasts, the network knows a request's picture, and can be stopped at any layer.

    Args:
        parts: of a Stable Diffusion.

    Raises:
        ModelMissing: the pack lacks something, or its networks do not fit together.
        InvalidRequest: the network has no such block, or all drags begin where nothing may change.
        Cancelled: the user asked to stop.
    """
    with progress.phase("Load"):
        diffusion = open_latent_diffusion(parts, progress.check)
        schedule = open_schedule(parts, needs.steps)
        embedding = embed_prompts(parts, diffusion, needs.prompts)
    require_block(diffusion.unet, needs.block)
    scene = DragScene.of(request, needs.side, diffusion.multiple)
    with cancellable(progress, *diffusion.networks):
        with progress.phase("Encode"), torch.no_grad():
            latents = diffusion.encode(scene.image.to(diffusion.device))
        picture = Picture(
            content=(scene.image, needs.prompts),
            diffusion=diffusion,
            latents=latents,
            embedding=embedding,
            lora=needs.lora,
            seed=request.seed,
            memo=parts.memo,
        )
        with picture.learnt(parts.load("scheduler", dict), progress):
            yield Opened(scene, picture, schedule)
