"""What the drag network makes of a request, and the crop moved by it at its own resolution.

*Deform*: region times motion is one flow, and the crop is bent like a sheet, whose surroundings follow as far
as it takes for it not to fold. *Move*: the region is cut out
along the crop's edges, moved by the motion alone, which is smooth, and laid over what it left behind.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.diffusion.frame import Frame
from engine.edit import Box, DragEdit, Image, Mask, Point
from engine.flow import Flow, invert, warp
from engine.lift import Overlay, left_behind
from engine.methods.instant_drag.arrival import arrival
from engine.methods.instant_drag.by_colour import by_colour, drawn
from engine.methods.instant_drag.detail import Moved, motion, move
from engine.methods.instant_drag.flow import FLOWGEN_SIDE
from engine.methods.instant_drag.grain import regrained
from engine.methods.instant_drag.hold import held
from engine.motion import Points, as_array
from engine.networks.drag_flow import UNKNOWN, DragFlow
from engine.networks.drag_motion import Drags
from engine.networks.guided import GuidedPlane

Plane = NDArray[np.float32]

_STEEP = 2.5  # by which the edge of what is lifted is made harder
_SLOPE = 0.75  # of a sheet's displacement at most: at 1 it would fold
_LEVELS = 10  # of the region, on which that is seen to
_CUT = 0.25  # of the region: a sheet that protected pixels cut through where it moves by more is faded


class Found(NamedTuple):
    """What moves in a crop, and how.

    Args:
        frame: the crop as the network saw it.
        picture: (h, w, 3) uint8, what it saw: the frame's content.
        region: (h, w) of the frame's content, 0 to 1.
        motion: (h, w, 2) in working pixels of the frame, how each pixel would move if it were in the region.
    """

    frame: Frame
    picture: NDArray[np.uint8]
    region: Plane
    motion: Plane

    @property
    def flow(self) -> Plane:
        """The forward displacement (h, w, 2) in working pixels."""
        return self.region[..., None] * self.motion


def find(network: DragFlow, request: DragEdit) -> Found:
    """What the drags of a cut request move; nothing of what may not change.

    A thing that is told coarsely and moved as a whole ends where its colours do.
    """
    found = look(network, request)
    if request.motion == "move" and request.subject is not None:
        found = found._replace(region=drawn(found.region, by_colour(found.region, found.picture)))
    return _limited(found, request)


def look(network: DragFlow, request: DragEdit) -> Found:
    """What the network takes to move in a picture, whatever may change there; pins are drags of no length."""
    frame = Frame.of(request.size, network.side, network.multiple)
    device = network.trust.device
    pins = as_array(request.pins)
    points = [
        torch.from_numpy(frame.inside(np.concatenate([end, pins])))[None].float().to(device)
        for end in ends(request)
    ]
    drags = Drags(points[0], points[1], torch.tensor([points[0].shape[1]], device=device))
    seen = frame.tensor(request.image)
    moves = torch.tensor([float(request.motion == "move")], device=device)
    answer = network((seen.to(device) + 1) / 2, drags, _subject(request, frame).to(device), moves)
    width, height = frame.content
    region, vectors = (t[0, :, :height, :width].cpu().numpy() for t in (answer.region, answer.motion))
    return Found(frame, frame.colours(seen), region[0], np.ascontiguousarray(vectors.transpose(1, 2, 0)))


def move_found(found: Found, request: DragEdit, check: Callable[[], None] = lambda: None) -> Moved:
    """The crop with what was found moved; what `check` raises now and then ends the work."""
    handles = ends(request)[0]
    if request.motion == "move":
        return _lifted(found, request, handles, check)
    return move(request.image, motion(found.flow, found.frame, len(found.flow)), handles, check)


def as_flowgens(found: Found, side: int) -> Tensor:
    """The flow as FlowGen would answer it: (1, 2, 256, 256) in pixels of a square of `side`."""
    longer = max(found.frame.content)
    below, right = (longer - n for n in found.region.shape)
    square = cv2.copyMakeBorder(found.flow, 0, below, 0, right, cv2.BORDER_CONSTANT)
    large = cv2.resize(square, (FLOWGEN_SIDE, FLOWGEN_SIDE), interpolation=cv2.INTER_LINEAR)
    pixels = np.ascontiguousarray(large.transpose(2, 0, 1)) * (side / longer)
    return torch.from_numpy(pixels)[None].float()


def ends(request: DragEdit) -> tuple[Points, Points]:
    """The handles and the targets, (n, 2) each."""
    return as_array(pair.handle for pair in request.points), as_array(pair.target for pair in request.points)


def _subject(request: DragEdit, frame: Frame) -> Tensor:
    """The subject as the network reads it, (1, 1, h, w) of the frame's working size."""
    width, height = frame.working
    if request.subject is None:
        return torch.full((1, 1, height, width), UNKNOWN)
    small = cv2.resize(request.subject, frame.content, interpolation=cv2.INTER_AREA)
    below, right = height - frame.content[1], width - frame.content[0]
    padded = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    return torch.from_numpy(padded)[None, None].float() / 255


def _limited(found: Found, request: DragEdit) -> Found:
    """No region where nothing may change. A sheet is not torn there, nor at a pin: it fades towards both."""
    assert request.mask is not None, "plan and cut the request first"
    frame, bends = found.frame, request.motion == "deform"
    free = cv2.resize(request.mask, frame.content, interpolation=cv2.INTER_AREA)
    found = _bent(found, request) if bends else found
    region = found.region
    torn = (free == 0) & (region > _CUT) & bends
    whole = np.where(torn, np.uint8(0), np.uint8(255))
    pins = frame.inside(as_array(request.pins))
    flow = torch.from_numpy(np.ascontiguousarray(found.motion.transpose(2, 0, 1)))[None]
    fading = held(flow, whole, frame.inside(ends(request)[0]), pins, frame.content)
    vectors = np.ascontiguousarray(fading[0].permute(1, 2, 0).numpy())
    limited = np.asarray(region * (free.astype(np.float32) / 255), np.float32)
    return found._replace(region=limited, motion=vectors)


def _bent(found: Found, request: DragEdit) -> Found:
    """The flow as that of a sheet, whose edge does not fold, and which goes where it is pulled."""
    found = found._replace(region=_unfolded(found))
    lacking, near = arrival(found.flow, *(found.frame.inside(end) for end in ends(request)))
    region = np.maximum(found.region, near)
    vectors = (found.flow + lacking) / np.maximum(region, np.float32(1e-6))[..., None]
    return found._replace(region=region, motion=np.where(near[..., None] > 0, vectors, found.motion))


def _unfolded(found: Found) -> Plane:
    """The smallest region around the found one at whose edge the sheet does not fold."""
    length = np.hypot(found.motion[..., 0], found.motion[..., 1])
    longest = float(length[found.region > 0].max(initial=0))
    out = found.region.copy()
    if longest < _SLOPE:  # working pixels: no edge is steeper
        return out
    for level in np.linspace(1 / _LEVELS, 1, _LEVELS):
        outside = (found.region < level - 1e-3).astype(np.uint8)
        if not outside.all():
            away = cv2.distanceTransform(outside, cv2.DIST_L2, 5)
            np.maximum(out, level - away * (_SLOPE / longest), out=out)
    return out


def _lifted(found: Found, request: DragEdit, handles: Points, check: Callable[[], None]) -> Moved:
    """The region cut out, moved as a whole and laid over what is behind it."""
    subject = sharpened(found, request.image)
    assert request.mask is not None
    np.minimum(subject, request.mask, out=subject)
    if not subject.any():
        return Moved(request.image, None, tuple(Point(float(x), float(y)) for x, y in handles))
    left = left_behind(replace(request, subject=subject))
    forward = motion(found.motion, found.frame, len(found.motion), steady=False)
    overlay = _overlay(request.image, subject, forward, check)
    last = np.array(request.size) - 1
    columns, rows = np.minimum(handles.astype(int), last).T
    goes = subject[rows, columns] > 127
    rest = handles + forward.at(handles) * goes[:, None]
    return Moved(request.image, left, tuple(Point(float(x), float(y)) for x, y in rest), overlay)


def _overlay(image: Image, subject: Mask, forward: Flow, check: Callable[[], None]) -> Overlay:
    backward, _ = invert(forward)
    layer = image.copy()
    layer[..., 3] = (layer[..., 3].astype(np.uint16) * subject + 127) // 255
    moved = warp(layer, backward, clear=True, check=check)
    colours = regrained(warp(image, backward, check=check), image, backward, check)
    moved[..., :3] = colours[..., :3]
    box = Box.around(moved[..., 3]) if moved[..., 3].any() else Box(0, 0, 1, 1)
    return Overlay(box, np.ascontiguousarray(moved[box.slices]))


def sharpened(found: Found, image: Image) -> Mask:
    """The region at the size of the picture that was looked at, along its edges, (h, w) uint8."""
    guided = GuidedPlane(found.region[..., None], found.picture)
    out = np.empty(image.shape[:2], np.uint8)
    for rows, region in guided.strips(image):
        steep = np.clip((region[..., 0] - 0.5) * _STEEP + 0.5, 0, 1)
        out[rows] = np.rint(steep * 255).astype(np.uint8)
    return out
