"""InstantDrag: two networks answer a drag at once, without optimising anything.

Shin, Choi, Park: InstantDrag: Improving Interactivity in Drag-based Image Editing (SIGGRAPH Asia 2024).
"""

from engine.edit import DragEdit
from engine.method import Editor, Method
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.packs import ModelPack
from engine.runtime.components import Components


def _build(components: Components) -> Editor[DragEdit, InstantDragSettings]:
    # These load torch.
    from engine.methods.instant_drag.editor import InstantDragEditor  # noqa: PLC0415
    from engine.methods.instant_drag.networks import PackedNetworks  # noqa: PLC0415

    return InstantDragEditor(PackedNetworks(components))


def _finds_subject(pack: ModelPack) -> bool:
    """The published FlowGens answer with a flow for all of the picture; ours says what moves."""
    return pack.components["flowgen"].kind == "drag_flow"


METHOD = Method(
    name="instant_drag",
    title="InstantDrag",
    request=DragEdit,
    settings=InstantDragSettings,
    roles=frozenset({"flowgen"}),
    full_roles=frozenset({"flow_unet", "vae", "scheduler"}),
    live=True,
    finds_subject=_finds_subject,
    build=_build,
)
