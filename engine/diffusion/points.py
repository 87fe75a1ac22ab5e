"""Motion supervision and point tracking on diffusion features, which both drag optimisers share.

Pan et al.: Drag Your GAN (2023), section 3.2; Shi et al.: DragDiffusion (2023), section 3.2; Zhang et al.:
GoodDrag (2024), section 3.3. Points are (row, column) on the grid of the features.
"""

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from engine.diffusion.features import Features

ARRIVED = 2.0  # grid pixels: what is nearer to its target than this is not pulled any more


def grid_points(points: ArrayLike, size: tuple[float, float], grid: tuple[int, int]) -> Tensor:
    """Points (n, 2) as x, y of a picture, on the nearest pixels of the features' grid, half to even.

    Args:
        size: (height, width) of the picture.
        grid: (rows, columns).

    Returns:
        (n, 2) float32 rows and columns. On the picture's lower and right edges they may lie one beyond the
        grid: see `within`.
    """
    xy = torch.as_tensor(points, dtype=torch.float64).reshape(-1, 2)
    return torch.round(xy.flip(1) / torch.tensor(size) * torch.tensor(grid)).float()


def within(points: Tensor, grid: tuple[int, int]) -> Tensor:
    """Points (n, 2), those beyond the grid on its nearest pixel."""
    return points.clamp(min=0).minimum(points.new_tensor(grid) - 1)


def distances(handles: Tensor, targets: Tensor) -> Tensor:
    """(n,) grid pixels that are left."""
    return torch.linalg.vector_norm(targets - handles, dim=1)


def arrived(handles: Tensor, targets: Tensor) -> bool:
    """Whether all handles (n, 2) are at their targets."""
    return bool((distances(handles, targets) < ARRIVED).all())


def motion_supervision(
    features: Features,
    reference: Features,
    origins: Tensor,
    handles: Tensor,
    targets: Tensor,
    *,
    radius: int,
    stride: float,
    weight: float,
) -> Tensor:
    """How little the features a stride ahead of each handle look like the reference: what pulls it there.

    Σ weight · mean |A − B| over the handles that have not arrived. A is the reference's patch around the
    origin, without gradient, and B the features' patch around handle + stride · direction. Patches end at the
    edge of the grid, both alike.

    Args:
        reference: what the patches shall look like: GoodDrag takes the unedited latents' features, with the
            first handles as origins (n, 2); DragDiffusion `features` itself, with the handles.
        handles, targets: (n, 2).
        radius: of the patches of (2·radius + 1)² pixels.
        stride: grid pixels, or as far as the target if it is nearer.
        weight: of a mean; GoodDrag's is (2·radius)², DragDiffusion's (2·radius + 1)².

    Returns:
        0-dimensional.
    """
    reference = reference.detach()
    loss = features.values.new_zeros(())
    for origin, handle, target in zip(origins.int().tolist(), handles, targets, strict=True):
        way = target - handle
        far = float(torch.linalg.vector_norm(way))
        if far < ARRIVED:
            continue
        ahead: list[float] = (handle + way / far * min(stride, far)).tolist()
        reach = reference.reach(origin, radius).common(features.reach(ahead, radius))
        error = reference.patch(origin, reach) - features.patch(ahead, reach)
        loss = loss + weight * error.abs().mean()
    return loss


def mask_regularisation(moved: Tensor, original: Tensor, mask: Tensor) -> Tensor:
    """Σ |moved − original| of latents (1, c, h, w) where the mask (1, 1, h, w) is 0: what shall stay."""
    return ((moved - original) * (1 - mask)).abs().sum()


def point_tracking(
    features: Features, reference: Features, origins: Tensor, handles: Tensor, radius: int
) -> Tensor:
    """Where the content of each handle is now: the nearest by L1 within a window around where it was.

    Args:
        features: of the latents as they are.
        reference: of the unedited latents.
        origins: (n, 2) places in the reference, cut to whole pixels.
        handles: (n, 2) last known places.
        radius: of the window of (2·radius + 1)² pixels, which ends at the edge of the grid.

    Returns:
        (n, 2); a handle's fraction of a pixel stays as it is. Of equally near pixels, the first in rows.
    """
    found = list[Tensor]()
    widths = list[int]()
    corners = list[tuple[int, int]]()
    with torch.no_grad():
        for origin, handle in zip(origins.int().tolist(), handles.int().tolist(), strict=True):
            reach = features.reach(handle, radius)
            window = features.patch(handle, reach)
            sought = reference.at(origin)
            found.append((window - sought[:, None, None]).abs().sum(0).argmin())
            widths.append(window.shape[-1])
            corners.append((reach.top, reach.left))
        nearest = torch.stack(found).tolist()
    moves = [
        (top + at // width, left + at % width)
        for at, width, (top, left) in zip(nearest, widths, corners, strict=True)
    ]
    return handles + torch.tensor(moves).to(handles)
