"""DragDiffusion: the latents of one timestep are optimised until what lies under the handles has moved.

Shi, Xue, Liew, Pan, Yan, Zhang, Tan, Bai: DragDiffusion: Harnessing Diffusion Models for Interactive
Point-based Image Editing (2023).
"""

from engine.edit import DragEdit
from engine.method import Editor, Method
from engine.methods.drag_diffusion.settings import DragDiffusionSettings
from engine.runtime.components import Components


def _build(components: Components) -> Editor[DragEdit, DragDiffusionSettings]:
    from engine.methods.drag_diffusion.editor import DragDiffusionEditor  # noqa: PLC0415 - this loads torch

    return DragDiffusionEditor(components)


METHOD = Method(
    name="drag_diffusion",
    title="DragDiffusion",
    request=DragEdit,
    settings=DragDiffusionSettings,
    roles=frozenset({"unet", "vae", "scheduler"}),
    reads_prompt=True,
    build=_build,
)
