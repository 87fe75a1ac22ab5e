"""DragDiffusion: LoRA → inversion → optimisation of one timestep's latents → denoising → picture."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from engine.diffusion.ddim import Ddim
from engine.diffusion.drag_scene import DragScene, DragView
from engine.diffusion.features import require_block
from engine.diffusion.lora import LoraSettings
from engine.diffusion.text_to_image import text_to_image
from engine.edit import DragEdit, EditResult
from engine.methods.drag_diffusion.dragging import LatentDrag, Task
from engine.methods.drag_diffusion.guided import Guided
from engine.methods.drag_diffusion.settings import DragDiffusionSettings
from engine.origin import Origin
from engine.progress import Progress
from engine.runtime.cancelling import cancellable
from engine.runtime.components import Components
from engine.runtime.picture_works import Picture
from engine.runtime.stable_diffusion import embed_prompts, open_latent_diffusion, open_schedule


class _Noisy(NamedTuple):
    """A picture that the network knows, and the latents (1, c, h, w) at timesteps[-depth] that lead to it."""

    scene: DragScene
    picture: Picture
    schedule: Ddim
    depth: int
    latents: Tensor


class DragDiffusionEditor:
    """Answers a drag by optimising noisy latents of its picture.

    Of a generated picture these are the latents from which it came to be. The network needs no LoRA to know
    it, and is guided by its prompt as it was then.

    Args:
        components: of a Stable Diffusion.
    """

    def __init__(self, components: Components) -> None:
        self._parts = components

    def edit(self, request: DragEdit, settings: DragDiffusionSettings, progress: Progress) -> EditResult:
        with self._noisy(request, settings, progress) as (scene, picture, schedule, depth, latents):
            asking = partial(cancellable, progress, *picture.diffusion.networks)
            view = DragView(scene, picture.diffusion, picture.latents, progress, asking)
            network = Guided(
                diffusion=picture.diffusion,
                words=picture.embedding,
                guidance=1.0 if request.origin is None else request.origin.guidance,
                block=settings.feature_block,
            )
            task = Task(
                noisy=latents,
                depth=depth,
                mask=scene.mask(latents),
                handles=scene.handles,
                targets=scene.targets,
                grid=scene.grid,
            )
            drag = LatentDrag(network, schedule, task, settings, view.show)
            edited, unedited = drag.run(progress)
            with progress.phase("Decode"):
                return view.result(edited, unedited, drag.handles)

    def prepare(self, request: DragEdit, settings: DragDiffusionSettings, progress: Progress) -> None:
        with self._noisy(request, settings, progress):
            pass  # by now the memo has it

    @contextmanager
    def _noisy(
        self, request: DragEdit, settings: DragDiffusionSettings, progress: Progress
    ) -> Generator[_Noisy]:
        """While this lasts, the network knows the picture, and can be stopped at any layer."""
        parts, origin = self._parts, request.origin
        with progress.phase("Load"):
            diffusion = open_latent_diffusion(parts, progress.check)
            schedule = open_schedule(parts, settings.inference_steps if origin is None else origin.steps)
            words = embed_prompts(
                parts, diffusion, [request.prompt] if origin is None else ["", origin.prompt]
            )
        require_block(diffusion.unet, settings.feature_block)
        side = parts.working_size if origin is None else max(origin.size)
        scene = DragScene.of(request, side, diffusion.multiple)
        depth = schedule.depth(settings.inversion_strength)
        with cancellable(progress, *diffusion.networks):
            with progress.phase("Encode"), torch.no_grad():
                latents = diffusion.encode(scene.image.to(diffusion.device))
            picture = Picture(
                diffusion=diffusion,
                latents=latents,
                embedding=words if origin is not None and origin.guidance != 1 else words[-1:],
                lora=_lora(settings, origin),
                seed=request.seed,
                memo=parts.memo,
            )
            with picture.learnt(parts.load("scheduler", dict), progress):
                if origin is None:
                    noisy = picture.inverted(schedule, depth, progress)
                else:
                    noisy = _retraced(picture, origin, schedule, depth, progress)
                yield _Noisy(scene, picture, schedule, depth, noisy)


def _retraced(picture: Picture, origin: Origin, schedule: Ddim, depth: int, progress: Progress) -> Tensor:
    """What a generated picture was at timesteps[-depth]."""

    def make() -> Mapping[str, Tensor]:
        given = picture.diffusion, origin, picture.embedding.expand(2, -1, -1), schedule, progress
        with torch.no_grad():
            return {"latents": text_to_image(*given, steps=schedule.steps - depth, phase="Retrace")}

    return picture.memo.get("trajectory", (origin, depth), make)["latents"].to(picture.latents)


def _lora(settings: DragDiffusionSettings, origin: Origin | None) -> LoraSettings:
    """As set; none for a generated picture, which the network knows."""
    return LoraSettings(
        steps=settings.lora_steps if origin is None else 0,
        learning_rate=settings.lora_learning_rate,
        batch=settings.lora_batch,
        rank=settings.lora_rank,
    )
