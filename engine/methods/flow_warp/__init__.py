"""Flow warp: Pliant's own method, which follows the pointer and needs no pack."""

from engine.edit import DragEdit
from engine.method import Method
from engine.methods.flow_warp.editor import FlowWarpEditor
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.runtime.components import Components


def _build(components: Components) -> FlowWarpEditor:
    return FlowWarpEditor()


METHOD = Method(
    name="flow_warp",
    title="Flow warp",
    request=DragEdit,
    settings=FlowWarpSettings,
    roles=frozenset[str](),
    live=True,
    sees_colours=False,
    build=_build,
)
