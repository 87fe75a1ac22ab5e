"""Flow warp at the picture's full resolution: warp, then fill what was uncovered."""

import numpy as np

from engine.edit import Box, DragEdit, EditResult, Image
from engine.fill import fill
from engine.lift import stays_of_subject
from engine.methods.flow_warp.preview import filled_small
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.progress import Progress
from engine.warp import Warped, warp_drag


class FlowWarpEditor:
    """Needs no pack, no network and no GPU."""

    def edit(self, request: DragEdit, settings: FlowWarpSettings, progress: Progress) -> EditResult:
        with progress.phase("Warp"):
            warped = warp_drag(request, stiffness=settings.stiffness, check=progress.check)
        progress.report(warped.handles)
        progress.checkpoint(lambda: _result(warped, filled_small(warped.image, warped.unknown), request))
        with progress.phase("Fill"):
            filled = warped.image
            if warped.unknown is not None:
                # What stays of the subject is no background: filled like the rest, and pasted back later.
                unknown = np.maximum(warped.unknown, stays_of_subject(request))
                filled = fill(filled, unknown, smooth=settings.fill == "smooth", check=progress.check)
        return _result(warped, filled, request)


def _result(warped: Warped, filled: Image, request: DragEdit) -> EditResult:
    image = warped.flatten(filled)
    return EditResult(image=image, region=Box(0, 0, *request.size), handles=warped.handles)
