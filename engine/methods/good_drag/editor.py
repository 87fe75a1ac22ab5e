"""GoodDrag: LoRA → inversion → alternating drag and denoising → picture."""

from collections.abc import Generator
from contextlib import contextmanager

from torch import Tensor

from engine.diffusion.lora import LoraSettings
from engine.edit import DragEdit, EditResult
from engine.methods.good_drag.alternating import AlternatingDrag
from engine.methods.good_drag.settings import GoodDragSettings
from engine.progress import Progress
from engine.runtime.components import Components
from engine.runtime.drag_optimiser import Needs, Opened, opened


class GoodDragEditor:
    """Answers a drag by optimising latents of its picture while it is denoised.

    Args:
        components: of a Stable Diffusion.
    """

    def __init__(self, components: Components) -> None:
        self._parts = components

    def edit(self, request: DragEdit, settings: GoodDragSettings, progress: Progress) -> EditResult:
        with self._inverted(request, settings, progress) as (known, noisy):
            scene, picture, schedule = known
            view = known.view(progress)
            drag = AlternatingDrag(
                picture.diffusion,
                picture.embedding,
                schedule,
                scene.task(noisy),
                settings,
                refer=lambda unedited, t: picture.reference(unedited, t, settings.feature_block),
                show=view.show,
            )
            return known.decoded(view, drag.run(progress), drag.handles, progress)

    def prepare(self, request: DragEdit, settings: GoodDragSettings, progress: Progress) -> None:
        with self._inverted(request, settings, progress):
            pass  # by now the memo has it

    @contextmanager
    def _inverted(
        self, request: DragEdit, settings: GoodDragSettings, progress: Progress
    ) -> Generator[tuple[Opened, Tensor]]:
        """The picture, and the noisy latents (1, c, h, w) that lead to it."""
        needs = Needs(
            side=self._parts.working_size,
            steps=settings.inference_steps,
            prompts=(request.prompt,),
            block=settings.feature_block,
            lora=LoraSettings.of(settings),
        )
        with opened(self._parts, request, needs, progress) as known:
            depth = known.schedule.depth(settings.inversion_strength)
            yield known, known.picture.inverted(known.schedule, depth, progress)
