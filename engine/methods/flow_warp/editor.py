"""Flow warp at the picture's full resolution: warp, then fill what was uncovered."""

import cv2
import numpy as np

from engine.edit import Box, DragEdit, EditResult, Image
from engine.fill import fill
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.progress import Progress
from engine.region import blend
from engine.warp import Warped, warp_drag

_PREVIEW_SHRINK = 4  # uncovered places are filled at a quarter of the size while the pointer moves


class FlowWarpEditor:
    """Needs no pack, no network and no GPU."""

    def edit(self, request: DragEdit, settings: FlowWarpSettings, progress: Progress) -> EditResult:
        with progress.phase("Warp"):
            warped = warp_drag(request, stiffness=settings.stiffness)
        progress.report(warped.handles)
        progress.checkpoint(lambda: _result(warped, _filled_small(warped), request))
        with progress.phase("Fill"):
            filled = warped.image
            if warped.unknown is not None:
                filled = fill(filled, warped.unknown, smooth=settings.fill == "smooth")
        return _result(warped, filled, request)


def preview_warp(request: DragEdit, stiffness: float = FlowWarpSettings.stiffness) -> Image:
    """What follows the pointer: the same warp, coarser, with uncovered places filled at quarter size.

    Args:
        request: a cut request.
        stiffness: as in `FlowWarpSettings`.

    Returns:
        (h, w, 4) uint8, as large as the request's picture, which stands where its mask is 0.
    """
    assert request.mask is not None, "plan and cut the request first"
    warped = warp_drag(request, stiffness=stiffness, preview=True)
    return blend(request.image, warped.flatten(_filled_small(warped)), request.mask)


def _filled_small(warped: Warped) -> Image:
    if warped.unknown is None:
        return warped.image
    image, unknown = warped.image, warped.unknown
    height, width = unknown.shape
    small = (max(1, width // _PREVIEW_SHRINK), max(1, height // _PREVIEW_SHRINK))
    gaps = np.asarray(cv2.resize(unknown, small, interpolation=cv2.INTER_AREA), np.uint8)
    coarse = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
    filled = fill(coarse, gaps, smooth=True)
    large = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(unknown[..., None] > 0, large, image)


def _result(warped: Warped, filled: Image, request: DragEdit) -> EditResult:
    image = warped.flatten(filled)
    return EditResult(image=image, region=Box(0, 0, *request.size), handles=warped.handles)
