"""InstantDrag: two networks answer a drag at once, without optimising anything.

Shin, Choi, Park: InstantDrag: Improving Interactivity in Drag-based Image Editing (SIGGRAPH Asia 2024).
"""

from engine.edit import DragEdit
from engine.method import Editor, Method
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.runtime.components import Components


def _build(components: Components) -> Editor[DragEdit, InstantDragSettings]:
    # These load torch.
    from engine.methods.instant_drag.editor import InstantDragEditor  # noqa: PLC0415
    from engine.methods.instant_drag.networks import PackedNetworks  # noqa: PLC0415

    return InstantDragEditor(PackedNetworks(components))


METHOD = Method(
    name="instant_drag",
    title="InstantDrag",
    request=DragEdit,
    settings=InstantDragSettings,
    roles=frozenset({"flowgen"}),
    full_roles=frozenset({"flow_unet", "vae", "scheduler"}),
    live=True,
    build=_build,
)
