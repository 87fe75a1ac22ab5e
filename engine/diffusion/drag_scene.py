"""A drag request as what both drag optimisers work on, and the way back to its picture."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, interpolate

from engine.diffusion.composite import composite
from engine.diffusion.drag_task import DragTask
from engine.diffusion.frame import Colours, Frame
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.points import grid_points, within
from engine.diffusion.preview import LatentPreview
from engine.edit import Box, DragEdit, EditResult, Image, Mask, Point
from engine.errors import InvalidRequest
from engine.progress import Progress

_PIXEL = 0.5  # from a pixel's corner, from which requests count, to its centre, from which the papers do
_PINNED = 1 / 32  # of the working side: how far around a pin nothing may change


@dataclass(frozen=True, kw_only=True, eq=False)
class DragScene:
    """What drag optimisers see of a request.

    Features are looked at on a grid of half the working size, as both papers do.

    Args:
        request: with a mask.
        frame: between the request's pixels and the working ones.
        grid: (rows, columns) of the features' grid.
        handles, targets: (n, 2) float32 pixels (row, column) of the grid, on the CPU.
    """

    request: DragEdit
    frame: Frame
    grid: tuple[int, int]
    handles: Tensor
    targets: Tensor

    @staticmethod
    def of(request: DragEdit, side: int, multiple: int) -> "DragScene":
        """The scene of a request that was cut. A drag that begins where nothing may change stays there.

        Args:
            side: the working side, in pixels.
            multiple: of what the sides of tensors must be multiples, in pixels; even.

        Raises:
            InvalidRequest: so do all drags.
        """
        frame = Frame.of(request.size, side, multiple)
        width, height = frame.working
        grid = height // 2, width // 2
        ends = np.array(request.points, np.float64)  # (n, 2, 2)
        held = _held(request)
        handles, targets = (
            within(grid_points(frame.inside(ends[:, i]) - _PIXEL, (height, width), grid), grid)
            for i in range(2)
        )
        targets = torch.where(held[:, None], handles, targets)
        return DragScene(request=request, frame=frame, grid=grid, handles=handles, targets=targets)

    @cached_property
    def image(self) -> Tensor:
        """(1, 3, height, width) from −1 to 1."""
        return self.frame.tensor(self.request.image)

    def mask(self, latents: Tensor) -> Tensor:
        """What may change, 1, and what stays, 0, for latents (b, c, h, w): (1, 1, h, w).

        By the nearest pixel, as published; of a mask that is too thin for that, whatever it touches. What is
        pinned stays.
        """
        mask, (width, height) = _mask(self.request), self.frame.content
        open_ = (mask > 0).astype(np.uint8)
        painted = cv2.resize(open_, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        for pin in self.frame.inside(np.array(self.request.pins, np.float64).reshape(-1, 2)):
            radius = round(max(self.frame.content) * _PINNED)
            cv2.circle(painted, np.rint(pin - _PIXEL).astype(int).tolist(), radius, 0, -1)
        below, right = self.frame.working[1] - height, self.frame.working[0] - width
        painted = cv2.copyMakeBorder(painted, 0, below, 0, right, cv2.BORDER_REFLECT_101)
        whole = torch.from_numpy(painted)[None, None].float()
        latent = interpolate(interpolate(whole, self.grid), latents.shape[-2:])
        if not latent.any():
            latent = adaptive_max_pool2d(whole, latents.shape[-2:])
        return latent.to(latents)

    def task(self, noisy: Tensor) -> DragTask:
        """The drags for latents (1, c, h, w) that lead to the picture."""
        return DragTask(
            noisy=noisy,
            mask=self.mask(noisy),
            handles=self.handles,
            targets=self.targets,
            grid=self.grid,
        )

    def places(self, handles: Tensor) -> tuple[Point, ...]:
        """Where handles on the grid lie in the request: as far from where they began as they have moved."""
        moved = (handles - self.handles).double().flip(1).numpy() * 2
        ends = np.array([pair.handle for pair in self.request.points]) + self.frame.outside(moved)
        return tuple(Point(float(x), float(y)) for x, y in ends)

    def pasted(self, edited: Colours, unedited: Colours) -> Image:
        """The request's picture with its edit, from (h, w, 3) uint8 of the frame's content."""
        return composite(self.request.image, _mask(self.request), edited, unedited, self.frame)


class DragView:
    """Shows how a drag gets on: the handles, a cheap picture, and what there is if the user cancels.

    Args:
        latents: (1, c, h, w) of the scene's picture.
        asking: while it lasts, the networks ask `progress` whether to go on. What there is is rendered when
            the editor, that made them ask, has ended.
    """

    def __init__(
        self,
        scene: DragScene,
        diffusion: LatentDiffusion,
        latents: Tensor,
        progress: Progress,
        asking: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._scene, self._diffusion, self._progress, self._asking = scene, diffusion, progress, asking
        self._preview = cache(lambda: LatentPreview(latents, scene.image.to(latents.device)))

    def show(self, edited: Tensor, unedited: Tensor, handles: Tensor) -> None:
        """What there is so far.

        Args:
            edited, unedited: (1, c, h, w), clean as far as can be told yet.
            handles: (n, 2) on the grid.
        """
        scene, edited, unedited = self._scene, edited.detach(), unedited.detach()
        self._progress.report(scene.places(handles))
        self._progress.preview(lambda: scene.pasted(self._colours(edited), self._colours(unedited)))
        self._progress.checkpoint(lambda: self._partial(edited, unedited, handles))

    def result(self, edited: Tensor, unedited: Tensor, handles: Tensor) -> EditResult:
        """The answer, from what `show` takes."""
        with torch.no_grad():
            pictures = (self._diffusion.decode(latents) for latents in (edited, unedited))
            colours = [self._scene.frame.colours(picture) for picture in pictures]
        return EditResult(
            image=self._scene.pasted(*colours),
            region=Box(0, 0, *self._scene.request.size),
            handles=self._scene.places(handles),
        )

    def _partial(self, edited: Tensor, unedited: Tensor, handles: Tensor) -> EditResult:
        with self._asking():
            return self.result(edited, unedited, handles)

    def _colours(self, latents: Tensor) -> Colours:
        """A cheap look at latents, at the size of the frame's content."""
        (width, height), small = self._scene.frame.content, self._preview()(latents)
        large = cv2.resize(small, self._scene.frame.working, interpolation=cv2.INTER_CUBIC)
        return np.asarray(large[:height, :width], np.uint8)


def _mask(request: DragEdit) -> Mask:
    assert request.mask is not None, "plan and cut the request first"
    return request.mask


def _held(request: DragEdit) -> Tensor:
    """(n,) whether a drag begins where nothing may change."""
    mask = _mask(request)
    height, width = mask.shape
    places = [pair.handle for pair in request.points]
    held = [mask[min(int(y), height - 1), min(int(x), width - 1)] == 0 for x, y in places]
    if all(held):
        drags = "The drag starts" if len(held) == 1 else f"All {len(held)} drags start"
        raise InvalidRequest(
            f"{drags} where nothing may change; let the picture change there too, or move a handle."
        )
    return torch.tensor(held)
