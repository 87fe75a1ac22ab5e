"""How much of a picture is left after it was turned to noise and back, before any drag."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.edit import DragEdit
from engine.engine import Engine
from engine.progress import Progress
from engine.runtime.components import Components


class ReconstructionRow(NamedTuple):
    """A pack's networks on pictures at its working size.

    Args:
        pictures: how many.
        encoded: dB, mean PSNR after the autoencoder alone.
        inverted: dB, the same after LoRA, inversion and denoising.
    """

    name: str
    pictures: int
    encoded: float
    inverted: float

    def __str__(self) -> str:
        return (
            f"{self.name:<44} {self.inverted:5.1f} dB after LoRA and inversion   "
            f"{self.encoded:.1f} dB after the autoencoder alone   {self.pictures} pictures"
        )


def reconstruction(engine: Engine, pack: str, requests: Sequence[DragEdit]) -> ReconstructionRow:
    """Measure with the pack's settings of GoodDrag, on what of each request that method sees."""
    model = engine.pack(pack)
    parts = Components(pack=model, device=engine.device("good_drag"))
    found = np.array([_psnr(engine, parts, pack, request) for request in requests])
    encoded, inverted = found.mean(0).round(2).tolist()
    return ReconstructionRow(model.title, len(requests), encoded, inverted)


def _psnr(engine: Engine, parts: Components, pack: str, request: DragEdit) -> list[float]:
    import torch  # noqa: PLC0415 - torch loads when something is measured

    from engine.diffusion.ddim import sample  # noqa: PLC0415
    from engine.diffusion.lora import LoraSettings  # noqa: PLC0415
    from engine.diffusion.optimize import mixed_precision  # noqa: PLC0415
    from engine.methods.good_drag.settings import GoodDragSettings  # noqa: PLC0415
    from engine.runtime.drag_optimiser import Needs, opened  # noqa: PLC0415

    settings = engine.settings("good_drag", pack)
    assert isinstance(settings, GoodDragSettings)
    whole, progress = engine.complete(request), Progress()
    cut = engine.plan(whole).cut(whole, srgb=True)
    assert isinstance(cut, DragEdit)
    needs = Needs(
        side=parts.working_size,
        steps=settings.inference_steps,
        prompts=(cut.prompt,),
        block=settings.feature_block,
        lora=LoraSettings.of(settings),
    )
    with opened(parts, cut, needs, progress) as known, torch.no_grad():
        scene, picture, schedule = known
        depth = schedule.depth(settings.inversion_strength)
        noisy = picture.inverted(schedule, depth, progress)
        with mixed_precision(picture.diffusion):
            back = sample(picture.diffusion, noisy, picture.embedding, schedule, depth, progress)
        truth = scene.frame.colours(scene.image).astype(float)
        pictures = (picture.diffusion.decode(latents) for latents in (picture.latents, back))
        errors = [np.square(scene.frame.colours(made) - truth).mean() for made in pictures]
    return [float(10 * np.log10(255**2 / error)) for error in errors]
