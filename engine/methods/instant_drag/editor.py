"""InstantDrag: sparse flow → FlowGen → dense flow → FlowDiffusion → picture, and its detail brought back."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.diffusion.frame import Frame
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.preview import LatentPreview
from engine.edit import Box, DragEdit, EditResult, Image
from engine.methods.instant_drag.detail import Moved, motion, move, transfer
from engine.methods.instant_drag.flow import (
    FLOWGEN_SIDE,
    dense_flow,
    flowgen_input,
    resize_flow,
    sparse_flow,
)
from engine.methods.instant_drag.flowdiffusion import Sampling, conditions
from engine.methods.instant_drag.flowgen import FlowGen
from engine.methods.instant_drag.hold import held
from engine.methods.instant_drag.networks import Networks
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.motion import Points
from engine.progress import Progress
from engine.runtime.cancelling import cancellable

Look = Callable[[Callable[[], Tensor]], None]


class InstantDragEditor:
    """Answers a drag in one pass.

    Args:
        networks: gives the networks for a choice of FlowGen and a number of denoising steps.
    """

    def __init__(self, networks: Callable[[Literal["few", "many"], int], Networks]) -> None:
        self._networks = networks

    def edit(self, request: DragEdit, settings: InstantDragSettings, progress: Progress) -> EditResult:
        with progress.phase("Load"):
            networks = self._networks(settings.flowgen, settings.inference_steps)
        fd = networks.flowdiffusion
        with torch.inference_mode(), cancellable(progress, *networks.all):
            frame = Frame.of(request.size, networks.working_size, fd.sd.multiple)
            square = replace(frame, working=(max(frame.working),) * 2)
            image = square.tensor(request.image).to(fd.sd.device)
            with progress.phase("Flow"):
                flow = _dense_flow(networks.flowgen, image, request, square, settings)
            with progress.phase("Warp"):
                moved = _moved(flow, request, square)
            progress.report(moved.handles)
            progress.checkpoint(lambda: _result(moved.filled(), moved, request))
            sampling = _sampling(networks, settings)
            with progress.phase("Encode"):
                image = _upper_left(image, frame.working)
                known = fd.sd.encode(image, scaled=False)
                condition = conditions(known, _condition(flow, fd.sd, frame), guided=sampling.guided)
            generator = torch.Generator().manual_seed(request.seed)
            noise = torch.randn(known.shape, generator=generator)
            look = _look(known * fd.sd.scaling, image, moved, frame, progress)
            latents = fd.sample(condition, noise, sampling, progress, generator, look)
            with progress.phase("Decode"):
                answer = frame.colours(fd.sd.decode(latents))
        with progress.phase("Detail"):
            return _result(transfer(moved, answer, frame), moved, request)


def _dense_flow(
    flowgen: FlowGen, image: Tensor, request: DragEdit, square: Frame, settings: InstantDragSettings
) -> Tensor:
    """What FlowGen makes of the drags, (1, 2, 256, 256) in pixels of the square."""
    side = square.working[0]
    handles, targets = (square.inside(_points(request, end)) for end in (0, 1))
    sparse = sparse_flow(handles, targets, side, square.content).to(image.device)
    x, peak = flowgen_input(image, sparse)
    ratio = FLOWGEN_SIDE / side
    seen = math.ceil(square.content[0] * ratio), math.ceil(square.content[1] * ratio)
    factor = settings.reach_factor if settings.reach == "static" else None
    flow = dense_flow(flowgen(x), peak, factor, seen)
    assert request.mask is not None, "plan and cut the request first"
    pins = square.inside(np.array(request.pins, np.float64).reshape(-1, 2))
    return held(flow * ratio, request.mask, handles * ratio, pins * ratio, seen) / ratio


def _moved(flow: Tensor, request: DragEdit, square: Frame) -> Moved:
    pixels = flow[0].permute(1, 2, 0).cpu().numpy()
    return move(request.image, motion(pixels, square, square.working[0]), _points(request, 0))


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


def _points(request: DragEdit, end: Literal[0, 1]) -> Points:
    """The handles or the targets, (n, 2)."""
    return np.array([pair[end] for pair in request.points], np.float64)


def _result(image: Image, moved: Moved, request: DragEdit) -> EditResult:
    return EditResult(image=image, region=Box(0, 0, *request.size), handles=moved.handles)
