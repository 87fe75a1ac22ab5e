"""InstantDrag: sparse flow → FlowGen → dense flow → FlowDiffusion → picture, and its detail brought back.

Our own drag network may stand in FlowGen's place; and where there is no FlowDiffusion, the picture is the
crop itself, moved by the dense flow, with what it uncovers filled.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Literal, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.diffusion.frame import Colours, Frame
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.preview import LatentPreview
from engine.edit import Box, DragEdit, EditResult, Image, Subject
from engine.fill import fill
from engine.methods.instant_drag.detail import Moved, motion, move, transfer
from engine.methods.instant_drag.flow import (
    FLOWGEN_SIDE,
    dense_flow,
    flowgen_input,
    resize_flow,
    sparse_flow,
)
from engine.methods.instant_drag.flowdiffusion import FlowDiffusion, Sampling, conditions
from engine.methods.instant_drag.flowgen import FlowGen
from engine.methods.instant_drag.found_subject import find_subject
from engine.methods.instant_drag.hold import held
from engine.methods.instant_drag.networks import Networks
from engine.methods.instant_drag.region_motion import as_flowgens, ends, find, move_found
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.networks.drag_flow import DragFlow
from engine.networks.fill import FillNet, fill_by
from engine.progress import Progress
from engine.runtime.cancelling import cancellable

Look = Callable[[Callable[[], Tensor]], None]


class InstantDragEditor:
    """Answers a drag in one pass.

    Args:
        networks: gives the networks for a choice of FlowGen and a number of denoising steps; while they load
            it calls its last argument now and then, and what that raises ends it.
    """

    def __init__(
        self, networks: Callable[[Literal["few", "many"], int, Callable[[], None]], Networks]
    ) -> None:
        self._networks = networks

    def edit(self, request: DragEdit, settings: InstantDragSettings, progress: Progress) -> EditResult:
        with progress.phase("Load"):
            networks = self._networks(settings.flowgen, settings.inference_steps, progress.check)
        with torch.inference_mode(), cancellable(progress, *networks.all):
            fd = networks.flowdiffusion
            frame = Frame.of(request.size, networks.working_size, 1 if fd is None else fd.sd.multiple)
            square = replace(frame, working=(max(frame.working),) * 2)
            flow, moved = _moved(networks.flowgen, request, square, settings, progress)
            progress.report(moved.handles)
            progress.checkpoint(lambda: _result(moved.filled(), moved, request))
            if fd is None:
                return _filled(moved, networks.fill, request, progress)
            sampling = _sampling(networks, settings)
            moved = moved.flattened()
            answer = _painted(fd, request, _Seen(frame, square, flow, moved), sampling, progress)
        with progress.phase("Detail"):
            return _result(transfer(moved, answer, frame), moved, request)

    def find_subject(self, request: DragEdit, progress: Progress) -> Subject | None:
        """What our own drag network finds to move; a published FlowGen has no idea.

        Of a deformation there is nothing to find: what bends is no thing, and the sheet around it fades.
        """
        if request.motion == "deform":
            return None
        defaults = InstantDragSettings()
        with progress.phase("Load"):
            networks = self._networks(defaults.flowgen, defaults.inference_steps, progress.check)
        if not isinstance(networks.flowgen, DragFlow):
            return None
        with progress.phase("Subject"), torch.inference_mode(), cancellable(progress, networks.flowgen):
            return find_subject(networks.flowgen, request, progress.check)


class _Seen(NamedTuple):
    """What FlowDiffusion works from."""

    frame: Frame
    square: Frame
    flow: Tensor  # (1, 2, 256, 256) in pixels of the square
    moved: Moved


def _moved(
    network: FlowGen | DragFlow,
    request: DragEdit,
    square: Frame,
    settings: InstantDragSettings,
    progress: Progress,
) -> tuple[Tensor, Moved]:
    """The dense flow, (1, 2, 256, 256) in pixels of the square, and the crop moved by it."""
    side = square.working[0]
    if isinstance(network, DragFlow):
        with progress.phase("Flow"):
            found = find(network, request)
        with progress.phase("Warp"):
            moved = move_found(found, request, progress.check)
            return as_flowgens(found, side).to(network.trust.device), moved
    with progress.phase("Flow"):
        image = square.tensor(request.image).to(next(network.parameters()).device)
        flow = _dense_flow(network, image, request, square, settings)
    with progress.phase("Warp"):
        pixels = flow[0].permute(1, 2, 0).cpu().numpy()
        return flow, move(request.image, motion(pixels, square, side), ends(request)[0], progress.check)


def _filled(moved: Moved, network: FillNet | None, request: DragEdit, progress: Progress) -> EditResult:
    """The moved crop with its gaps filled: what stands in for FlowDiffusion."""
    with progress.phase("Fill"):
        by = partial(fill, check=progress.check) if network is None else partial(fill_by, network)
        return _result(moved.filled(by), moved, request)


def _painted(
    fd: FlowDiffusion, request: DragEdit, seen: _Seen, sampling: Sampling, progress: Progress
) -> Colours:
    """The crop as FlowDiffusion shows it after its motion."""
    frame, square, flow, moved = seen
    with progress.phase("Encode"):
        image = _upper_left(square.tensor(request.image).to(fd.sd.device), frame.working)
        known = fd.sd.encode(image, scaled=False)
        condition = conditions(known, _condition(flow, fd.sd, frame), guided=sampling.guided)
    generator = torch.Generator().manual_seed(request.seed)
    noise = torch.randn(known.shape, generator=generator)
    look = _look(known * fd.sd.scaling, image, moved, frame, progress)
    latents = fd.sample(condition, noise, sampling, progress, generator, look)
    with progress.phase("Decode"):
        return frame.colours(fd.sd.decode(latents))


def _dense_flow(
    flowgen: FlowGen, image: Tensor, request: DragEdit, square: Frame, settings: InstantDragSettings
) -> Tensor:
    """What FlowGen makes of the drags, (1, 2, 256, 256) in pixels of the square."""
    side = square.working[0]
    handles, targets = (square.inside(end) for end in ends(request))
    sparse = sparse_flow(handles, targets, side, square.content).to(image.device)
    x, peak = flowgen_input(image, sparse)
    ratio = FLOWGEN_SIDE / side
    seen = math.ceil(square.content[0] * ratio), math.ceil(square.content[1] * ratio)
    factor = settings.reach_factor if settings.reach == "static" else None
    flow = dense_flow(flowgen(x), peak, factor, seen)
    assert request.mask is not None, "plan and cut the request first"
    pins = square.inside(np.array(request.pins, np.float64).reshape(-1, 2))
    return held(flow * ratio, request.mask, handles * ratio, pins * ratio, seen) / ratio


def _condition(flow: Tensor, sd: LatentDiffusion, frame: Frame) -> Tensor:
    """The dense flow as FlowDiffusion reads it, (1, 2, h/8, w/8): fractions of the square's side."""
    side = max(frame.working)
    latent = side // sd.factor, side // sd.factor
    whole = resize_flow(flow * (FLOWGEN_SIDE / side), latent, "normalize_fixed")
    return _upper_left(whole, (frame.working[0] // sd.factor, frame.working[1] // sd.factor))


def _sampling(networks: Networks, settings: InstantDragSettings) -> Sampling:
    return Sampling(
        scheduler=networks.scheduler,
        steps=settings.inference_steps,
        image_scale=settings.image_guidance,
        flow_scale=settings.flow_guidance,
    )


def _look(latents: Tensor, image: Tensor, moved: Moved, frame: Frame, progress: Progress) -> Look:
    """Shows predicted latents as a picture; what that needs is prepared when somebody first looks."""
    preview = cache(lambda: LatentPreview(latents, image))

    def render(predicted: Callable[[], Tensor]) -> Image:
        small = preview()(predicted())
        width, height = frame.content
        colours = np.asarray(cv2.resize(small, frame.working, interpolation=cv2.INTER_CUBIC), np.uint8)
        return np.dstack([frame.enlarge(colours[:height, :width]), moved.image[..., 3]])

    return lambda predicted: progress.preview(lambda: render(predicted))


def _upper_left(tensor: Tensor, size: tuple[int, int]) -> Tensor:
    return tensor[..., : size[1], : size[0]]


def _result(image: Image, moved: Moved, request: DragEdit) -> EditResult:
    return EditResult(image=image, region=Box(0, 0, *request.size), handles=moved.handles)
