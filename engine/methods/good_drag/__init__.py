"""GoodDrag: dragging alternates with denoising, and handles keep looking as they did in the original.

Zhang, Liu, Shi, Cheng, Chen, Xiong, Liang: GoodDrag: Towards Good Practices for Drag Editing with Diffusion
Models (2024).
"""

from engine.edit import DragEdit
from engine.method import Editor, Method
from engine.methods.good_drag.settings import GoodDragSettings
from engine.runtime.components import Components


def _build(components: Components) -> Editor[DragEdit, GoodDragSettings]:
    from engine.methods.good_drag.editor import GoodDragEditor  # noqa: PLC0415 - this loads torch

    return GoodDragEditor(components)


METHOD = Method(
    name="good_drag",
    title="GoodDrag",
    request=DragEdit,
    settings=GoodDragSettings,
    roles=frozenset({"unet", "vae", "scheduler"}),
    reads_prompt=True,
    build=_build,
)
