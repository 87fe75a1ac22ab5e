"""GoodDrag: LoRA → inversion → alternating drag and denoising → picture."""

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
from engine.methods.good_drag.alternating import AlternatingDrag, Task
from engine.methods.good_drag.settings import GoodDragSettings
from engine.progress import Progress
from engine.runtime.cancelling import cancellable
from engine.runtime.components import Components
from engine.runtime.picture_works import Picture
from engine.runtime.stable_diffusion import embed_prompts, open_latent_diffusion, open_schedule


class _Inverted(NamedTuple):
    """A picture that the network knows, and the noisy latents (1, c, h, w) that lead to it."""

    scene: DragScene
    picture: Picture
    schedule: Ddim
    noisy: Tensor


class GoodDragEditor:
    """Answers a drag by optimising latents of its picture while it is denoised.

    Args:
        components: of a Stable Diffusion.
    """

    def __init__(self, components: Components) -> None:
        self._parts = components

    def edit(self, request: DragEdit, settings: GoodDragSettings, progress: Progress) -> EditResult:
        with self._inverted(request, settings, progress) as (scene, picture, schedule, noisy):
            asking = partial(cancellable, progress, *picture.diffusion.networks)
            view = DragView(scene, picture.diffusion, picture.latents, progress, asking)
            task = Task(
                noisy=noisy,
                mask=scene.mask(noisy),
                handles=scene.handles,
                targets=scene.targets,
                grid=scene.grid,
            )
            drag = AlternatingDrag(
                picture.diffusion,
                picture.embedding,
                schedule,
                task,
                settings,
                refer=lambda unedited, t: picture.reference(unedited, t, settings.feature_block),
                show=view.show,
            )
            edited, unedited = drag.run(progress)
            with progress.phase("Decode"):
                return view.result(edited, unedited, drag.handles)

    def prepare(self, request: DragEdit, settings: GoodDragSettings, progress: Progress) -> None:
        with self._inverted(request, settings, progress):
            pass  # by now the memo has it

    @contextmanager
    def _inverted(
        self, request: DragEdit, settings: GoodDragSettings, progress: Progress
    ) -> Generator[_Inverted]:
        """While this lasts, the network knows the picture, and can be stopped at any layer."""
        parts = self._parts
        with progress.phase("Load"):
            diffusion = open_latent_diffusion(parts, progress.check)
            schedule = open_schedule(parts, settings.inference_steps)
            embedding = embed_prompts(parts, diffusion, [request.prompt])
        require_block(diffusion.unet, settings.feature_block)
        scene = DragScene.of(request, parts.working_size, diffusion.multiple)
        with cancellable(progress, *diffusion.networks):
            with progress.phase("Encode"), torch.no_grad():
                latents = diffusion.encode(scene.image.to(diffusion.device))
            picture = Picture(
                diffusion=diffusion,
                latents=latents,
                embedding=embedding,
                lora=_lora(settings),
                seed=request.seed,
                memo=parts.memo,
            )
            with picture.learnt(parts.load("scheduler", dict), progress):
                depth = schedule.depth(settings.inversion_strength)
                yield _Inverted(scene, picture, schedule, picture.inverted(schedule, depth, progress))


def _lora(settings: GoodDragSettings) -> LoraSettings:
    return LoraSettings(
        steps=settings.lora_steps,
        learning_rate=settings.lora_learning_rate,
        batch=settings.lora_batch,
        rank=settings.lora_rank,
    )
