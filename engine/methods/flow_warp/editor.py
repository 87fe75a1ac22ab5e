"""Flow warp at the picture's full resolution: warp, then fill what was uncovered."""

from engine.edit import Box, DragEdit, EditResult, Image
from engine.fill import fill
from engine.methods.flow_warp.preview import filled_small
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.progress import Progress
from engine.warp import Warped, warp_drag


class FlowWarpEditor:
    """Needs no pack, no network and no GPU."""

    def edit(self, request: DragEdit, settings: FlowWarpSettings, progress: Progress) -> EditResult:
        with progress.phase("Warp"):
            warped = warp_drag(request, stiffness=settings.stiffness)
        progress.report(warped.handles)
        progress.checkpoint(lambda: _result(warped, filled_small(warped.image, warped.unknown), request))
        with progress.phase("Fill"):
            filled = warped.image
            if warped.unknown is not None:
                filled = fill(filled, warped.unknown, smooth=settings.fill == "smooth")
        return _result(warped, filled, request)


def _result(warped: Warped, filled: Image, request: DragEdit) -> EditResult:
    image = warped.flatten(filled)
    return EditResult(image=image, region=Box(0, 0, *request.size), handles=warped.handles)
