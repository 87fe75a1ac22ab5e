"""DragDiffusion: LoRA → inversion → optimisation of one timestep's latents → denoising → picture."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from engine.diffusion.ddim import Ddim
from engine.diffusion.lora import LoraSettings
from engine.diffusion.text_to_image import text_to_image
from engine.edit import DragEdit, EditResult
from engine.methods.drag_diffusion.dragging import LatentDrag
from engine.methods.drag_diffusion.guided import Guided
from engine.methods.drag_diffusion.settings import DragDiffusionSettings
from engine.origin import Origin
from engine.progress import Progress
from engine.runtime.components import Components
from engine.runtime.drag_optimiser import Needs, Opened, opened
from engine.runtime.picture_works import Picture


class _Noisy(NamedTuple):
    """A picture, and the latents (1, c, h, w) at timesteps[-depth] that lead to it."""

    known: Opened
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
        with self._noisy(request, settings, progress) as (known, depth, latents):
            scene, picture, schedule = known
            view = known.view(progress)
            network = Guided(
                diffusion=picture.diffusion,
                words=picture.embedding,
                guidance=1.0 if request.origin is None else request.origin.guidance,
                block=settings.feature_block,
            )
            drag = LatentDrag(network, schedule, scene.task(latents), depth, settings, view.show)
            return known.decoded(view, drag.run(progress), drag.handles, progress)

    def prepare(self, request: DragEdit, settings: DragDiffusionSettings, progress: Progress) -> None:
        with self._noisy(request, settings, progress):
            pass  # by now the memo has it

    @contextmanager
    def _noisy(
        self, request: DragEdit, settings: DragDiffusionSettings, progress: Progress
    ) -> Generator[_Noisy]:
        origin, lora = request.origin, LoraSettings.of(settings)
        needs = Needs(
            side=self._parts.working_size if origin is None else max(origin.size),
            steps=settings.inference_steps if origin is None else origin.steps,
            prompts=(request.prompt,) if origin is None else _prompts(origin),
            block=settings.feature_block,
            lora=lora if origin is None else lora._replace(steps=0),
        )
        with opened(self._parts, request, needs, progress) as known:
            schedule, picture = known.schedule, known.picture
            depth = schedule.depth(settings.inversion_strength)
            if origin is None:
                noisy = picture.inverted(schedule, depth, progress)
            else:
                noisy = _retraced(picture, origin, schedule, depth, progress)
            yield _Noisy(known, depth, noisy)


def _prompts(origin: Origin) -> tuple[str, ...]:
    """What the network was told as it made a picture; with guidance, no words before the prompt."""
    return (origin.prompt,) if origin.guidance == 1 else ("", origin.prompt)


def _retraced(picture: Picture, origin: Origin, schedule: Ddim, depth: int, progress: Progress) -> Tensor:
    """What a generated picture was at timesteps[-depth]."""

    def make() -> Mapping[str, Tensor]:
        given = picture.diffusion, origin, picture.embedding.expand(2, -1, -1), schedule, progress
        with torch.no_grad():
            return {"latents": text_to_image(*given, steps=schedule.steps - depth, phase="Retrace")}

    return picture.memo.get("trajectory", (origin, depth), make)["latents"].to(picture.latents)
