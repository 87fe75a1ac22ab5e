"""From point pairs to what FlowGen reads, and from what it answers to what FlowDiffusion reads.

All flows are (b, 2, h, w), x then y: where the content at a pixel moves to, relative to that pixel.
"""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from engine.motion import Points

FLOWGEN_SIDE = 256  # pixels of the square that FlowGen was trained at
_LEAST = 1e-8  # of a motion along an axis; less is none

Rescale = Literal["none", "scale", "normalize_fixed", "normalize_max"]


def sparse_flow(handles: Points, targets: Points, side: int, content: tuple[int, int]) -> Tensor:
    """A map that holds each drag at the pixel of its handle; of two at one pixel, the last counts.

    Args:
        handles, targets: (n, 2) in pixels of a square of `side` pixels.
        content: (width, height) of what the square shows from its top left; handles lie in it or on its edge.

    Returns:
        (1, 2, side, side) float32 in pixels.
    """
    flow = torch.zeros(1, 2, side, side)
    width, height = content
    for (x, y), (to_x, to_y) in zip(handles.tolist(), targets.tolist(), strict=True):
        column, row = min(int(x), width - 1), min(int(y), height - 1)
        flow[0, :, row, column] = torch.tensor([to_x - x, to_y - y])
    return flow


def normalised(flow: Tensor) -> tuple[Tensor, Tensor]:
    """`flow` over the largest motion along each axis, and those two in pixels, (b, 2, 1, 1).

    An axis along which nothing moves stays zero, and its largest motion is 0.
    """
    peak = flow.abs().amax((-2, -1), keepdim=True)
    moving = peak >= _LEAST
    return torch.where(moving, flow / peak.clamp_min(_LEAST), flow), torch.where(moving, peak, 0)


def resized(tensor: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic resize to (height, width) without antialiasing, as the published networks were fed."""
    return F.interpolate(tensor, size, mode="bicubic", align_corners=False)


def resize_flow(flow: Tensor, size: tuple[int, int], rescale: Rescale) -> Tensor:
    """A flow resized to (height, width).

    Args:
        rescale: what becomes of the values. "none": nothing. "scale": pixels of the new size. From pixels to
            fractions, "normalize_fixed": of the old size; "normalize_max": of the largest motion along each
            axis after resizing.
    """
    height, width = flow.shape[-2:]
    out = resized(flow, size)
    if rescale == "normalize_max":
        return normalised(out)[0]
    factors = {
        "none": (1, 1),
        "scale": (size[1] / width, size[0] / height),
        "normalize_fixed": (1 / width, 1 / height),
    }
    return out * out.new_tensor(factors[rescale]).view(1, 2, 1, 1)


def flowgen_input(image: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """What FlowGen reads of a square picture and its sparse flow.

    Args:
        image: (1, 3, s, s) from −1 to 1.
        flow: (1, 2, s, s) in pixels.

    Returns:
        (1, 5, 256, 256), and the largest motion along each axis in pixels of s, (1, 2, 1, 1).
    """
    size = FLOWGEN_SIDE, FLOWGEN_SIDE
    relative, peak = normalised(flow)
    return torch.cat([resized(image, size), resized(relative, size)], dim=1), peak


def dense_flow(answer: Tensor, peak: Tensor, factor: float | None, seen: tuple[int, int]) -> Tensor:
    """What FlowGen's answer means in pixels of the sparse flow's square.

    Args:
        answer: (1, 2, 256, 256) from −1 to 1.
        peak: the largest motion along each axis, as `flowgen_input` returns it.
        factor: of a static reach; None to let the largest motion of the dense flow be that of the drags.
        seen: (width, height) of the part of the answer that shows the picture, from its top left.
    """
    if factor is not None:
        return answer * factor * peak
    largest = answer[..., : seen[1], : seen[0]].abs().amax((-2, -1), keepdim=True)
    return torch.where(largest >= _LEAST, answer / largest.clamp_min(_LEAST), 0.0) * peak
