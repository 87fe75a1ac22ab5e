"""What synthetic drags are staged with: photos and their regions, placed into square frames, in batches."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.errors import InvalidRequest
from engine.training.motions import BUMPS, COARSE, Motion, pixel_centres, sample, steepest_push
from engine.training.photos import Photos

PORTRAITS = "portrait"  # a family over which nothing is laid
ROTATION, SCALE = math.radians(14), 0.08  # standard deviations of a motion's angle and log-scale

_SHORTEST, _LONGEST = 0.03, 0.22  # shifts, of the frame's side
_CLOSEST = 0.08  # of the frame's side: how near to its edge a thing's centre may end
_CROPS = 0.6, 1.0  # sides of crops, of the photo's side
_THINGS = 0.28, 0.68  # extents of pasted things, of the frame's side
_MAGNIFIED = 0.6, 1.6  # photo pixels per frame pixel of a pasted thing
_CLOSE_UP = 0.5  # the least side of a crop around a region, of the photo's side
_TILT = math.radians(8)  # standard deviation of a pasted thing's angle
_BUMP_WIDTHS = 0.15, 0.4  # standard deviations, in extents
_FALL_OFF = 1.0  # standard deviation of a sheet's fall-off, in lengths of its shift
_LEAST_FALL_OFF = 0.03  # of the frame's side
_FULL = 0.85  # of the highest blurred weight, from which on a sheet moves in full
_CRISP, _INWARDS = (
    1.6,
    0.42,
)  # an outline's steepness, and its value where it was a half: less, as it is mixed
_MARGIN = 2  # pixels around a thing that its soft outline discolours


class Draws:
    """Random numbers, drawn where the generator is and brought to a device."""

    def __init__(self, generator: torch.Generator, device: torch.device) -> None:
        self.generator, self._device = generator, device

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        drawn = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return (low + (high - low) * drawn).to(self._device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.generator, device=self.generator.device).to(self._device)

    def pick(self, chances: Tensor, n: int) -> NDArray[np.intp]:
        """n indices by their chances, which lie on the CPU."""
        return torch.multinomial(chances, n, replacement=True, generator=self.generator).numpy()


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacedRegion:
    """One region of each of b photos, as it is placed in a frame.

    Args:
        layers: (b, 4, s, s) float32 colour 0 to 1, and the region 0 or 1.
        placement: (b, 2, 3) maps places of the frame to places of the photo, both in pixels.
        centre: (b, 2) of the region, in pixels of the frame.
        extent: (b,) the longer side of its box, in pixels of the frame.
    """

    layers: Tensor
    placement: Tensor
    centre: Tensor
    extent: Tensor

    def seen(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Colours (b, 3, h, w) and region (b, 1, h, w), 0 to 1, at places (1 or b, 2, h, w) of the frame."""
        at = _placed(self.placement, places)
        seen = sample(self.layers, at)
        outline = (_CRISP * (seen[:, 3:] - 0.5) + _INWARDS).clamp(0, 1)
        there = ((at > 0) & (at < self.layers.shape[-1])).all(1, keepdim=True)
        return seen[:, :3], outline * there  # a thing that the photo cuts off ends where the photo does


class Shelf:
    """Photos to take scenes from.

    Raises:
        InvalidRequest: they have no region that could move, or are nothing but portraits.
    """

    def __init__(self, photos: Photos, size: int, device: torch.device) -> None:
        self._photos, self._size, self._device = photos, size, device
        on_gpu = device.type != "cpu"
        self._pixels = torch.tensor(np.asarray(photos.pixels), device=device) if on_gpu else None
        self._regions = torch.tensor(np.asarray(photos.regions), device=device) if on_gpu else None
        self._boxes = torch.from_numpy(photos.boxes).to(device)
        self._weights = torch.from_numpy(photos.weights)
        chances = torch.from_numpy(photos.chances)
        moves = (self._weights > 0).any(1)
        faceless = torch.tensor([family != PORTRAITS for family in photos.families])
        self._with_region, self._of_things, self._behind = (
            chances * moves,
            chances * (moves & faceless),
            chances * faceless,
        )
        if not self._of_things.any():
            raise InvalidRequest(
                f"None of the {len(photos)} photos shows a thing that stands out; add photos that do."
            )

    def things(self, n: int, draws: Draws) -> PlacedRegion:
        """Regions of photos, to be laid somewhere else: turned, mirrored and scaled."""
        box, layers = self._drawn(self._of_things, n, draws, choosy=2)
        middle, extent = _middle(box)
        wanted = self._size * draws.uniform(n, low=_THINGS[0], high=_THINGS[1])
        zoom = (extent / wanted).clamp(*_MAGNIFIED)
        extent = extent / zoom
        free = (self._size - 0.9 * extent).clamp(min=0.2 * self._size)
        centre = self._size / 2 + (draws.uniform(n, 2) - 0.5) * free[:, None]
        linear = _turned(_TILT * draws.normal(n), zoom) * _mirrored(n, draws)
        return PlacedRegion(
            layers=layers, placement=_affine(linear, centre, middle), centre=centre, extent=extent
        )

    def in_place(self, n: int, draws: Draws, fills: tuple[float, float], *, portraits: bool) -> PlacedRegion:
        """Regions of photos where they are, in crops around them.

        Args:
            fills: least and greatest extent of a region, in sides of its crop, if the photo is large enough.
        """
        box, layers = self._drawn(self._with_region if portraits else self._of_things, n, draws)
        middle, extent = _middle(box)
        side = extent / draws.uniform(n, low=fills[0], high=fills[1])
        side = side.clamp(_CLOSE_UP * self._photos.side, self._photos.side)
        zoom = side / self._size
        corner = middle - side[:, None] * draws.uniform(n, 2, low=0.3, high=0.7)
        corner = torch.minimum(corner.clamp(min=0), (self._photos.side - side)[:, None])
        mirror = _mirrored(n, draws)
        linear = _turned(torch.zeros_like(zoom), zoom) * mirror
        half = torch.full((n, 2), self._size / 2, device=self._device)
        placement = _affine(linear, half, corner + side[:, None] / 2)
        centre = half + mirror[:, 0] * (middle - corner - side[:, None] / 2) / zoom[:, None]
        return PlacedRegion(layers=layers, placement=placement, centre=centre, extent=extent / zoom)

    def backgrounds(self, n: int, draws: Draws) -> Tensor:
        """Crops (b, 3, size, size) of photos that are no portraits."""
        index = draws.pick(self._behind, n)
        side = self._photos.side * draws.uniform(n, low=_CROPS[0], high=_CROPS[1])
        spare = (self._photos.side - side)[:, None] / 2
        half = torch.full((n, 2), self._size / 2, device=self._device)
        middle = self._photos.side / 2 + (2 * draws.uniform(n, 2) - 1) * spare
        linear = _turned(torch.zeros_like(side), side / self._size) * _mirrored(n, draws)
        places = _placed(_affine(linear, half, middle), pixel_centres(self._size, self._device))
        return sample(self._colours(index), places)

    def _drawn(self, chances: Tensor, n: int, draws: Draws, choosy: float = 1) -> tuple[Tensor, Tensor]:
        """Of n photos the box (n, 4) of one region each, and their layers (n, 4, s, s).

        Args:
            choosy: the power of the regions' weights by which they are drawn.
        """
        index = draws.pick(chances, n)
        weights = self._weights[torch.from_numpy(index)] ** choosy
        region = torch.multinomial(weights, 1, generator=draws.generator)[:, 0]
        if self._regions is None:
            bits = torch.from_numpy(self._photos.regions[index])
        else:
            bits = self._regions[torch.from_numpy(index).to(self._device)]
        chosen = region.to(self._device)
        mask = ((bits >> chosen[:, None, None].to(torch.uint8)) & 1)[:, None].float()
        mask = functional.avg_pool2d(mask, 3, stride=1, padding=1, count_include_pad=False)  # no stairs
        boxes = self._boxes[torch.from_numpy(index).to(self._device), chosen]
        return boxes, torch.cat([self._colours(index), mask], 1)

    def _colours(self, index: NDArray[np.intp]) -> Tensor:
        if self._pixels is None:
            pixels = torch.from_numpy(self._photos.pixels[index])
        else:
            pixels = self._pixels[torch.from_numpy(index).to(self._device)]
        return pixels.permute(0, 3, 1, 2).float() / 255


def moved_thing(thing: PlacedRegion, size: int, draws: Draws, share: float = 1.0) -> Motion:
    """A motion of each thing that keeps its centre in the frame; `share` of the usual length."""
    n = len(thing.extent)
    angle = draws.uniform(n, high=2 * math.pi)
    length = share * size * draws.uniform(n, low=_SHORTEST, high=_LONGEST)
    end = thing.centre + length[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    end = end.clamp(_CLOSEST * size, (1 - _CLOSEST) * size)
    extent = thing.extent[:, None]
    width = extent * draws.uniform(n, BUMPS, low=_BUMP_WIDTHS[0], high=_BUMP_WIDTHS[1])
    there = torch.arange(BUMPS, device=width.device) < 1 + (BUMPS * draws.uniform(n, 1)).long()
    push = draws.normal(n, BUMPS, 2) / 2
    push = push / push.norm(dim=-1, keepdim=True).clamp(min=1) * steepest_push(width)[..., None]
    return Motion(
        centre=thing.centre,
        turn=_turned(ROTATION * draws.normal(n), (SCALE * draws.normal(n)).exp()),
        shift=end - thing.centre,
        bump_at=thing.centre[:, None] + 0.4 * extent[..., None] * draws.uniform(n, BUMPS, 2, low=-1),
        bump_by=push * there[..., None],
        bump_width=width,
    )


def weights_around(outline: Tensor, shift: Tensor) -> Tensor:
    """How far a sheet follows a region (b, 1, h, w): 1 within, and a fall-off so wide that nothing folds."""
    size = outline.shape[-1]
    coarse = functional.avg_pool2d(outline, COARSE)
    spread = torch.maximum(
        _FALL_OFF * shift.norm(dim=1), torch.full_like(shift[:, 0], _LEAST_FALL_OFF * size)
    )
    line = torch.arange(coarse.shape[-1], dtype=torch.float32, device=outline.device)
    kernel = torch.exp(-0.5 * ((line[:, None] - line) / (spread[:, None, None] / COARSE)).square())
    kernel = (kernel / kernel.sum(-1, keepdim=True))[:, None]
    soft = kernel @ coarse @ kernel.transpose(-1, -2)
    soft = (soft / (_FULL * soft.amax((2, 3), keepdim=True)).clamp(min=1e-6)).clamp(max=1)
    large = functional.interpolate(soft, scale_factor=COARSE, mode="bicubic", align_corners=False)
    return large.clamp(0, 1)


def spread_known(picture: Tensor, hidden: Tensor) -> Tensor:
    """`picture` (b, 3, h, w) without what is hidden (b, 1, h, w): smooth colours from around it instead."""
    wide = functional.max_pool2d(hidden, 2 * _MARGIN + 1, stride=1, padding=_MARGIN)
    known = 1 - wide.clamp(max=1)
    return _pulled(picture * known, known)


def _pulled(sums: Tensor, weight: Tensor) -> Tensor:
    """Means of what is known, on ever coarser levels (push and pull; Gortler et al. 1996)."""
    means = sums / weight.clamp(min=1e-6)
    if weight.shape[-1] % 2:
        return means + (1 - weight.clamp(max=1)) * 0.5 * (weight < 1e-6)
    half, found = functional.avg_pool2d(sums, 2), functional.avg_pool2d(weight, 2)
    enough = (4 * found).clamp(max=1)
    coarse = _pulled(half * (enough / found.clamp(min=1e-6)), enough)
    large = functional.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
    return torch.lerp(large, means, weight)


def toned(n: int, draws: Draws) -> Callable[[Tensor], Tensor]:
    """Another exposure, contrast and white balance for each of n pictures (n, 3, h, w)."""
    contrast = (0.12 * draws.normal(n, 1, 1, 1)).exp() * (0.04 * draws.normal(n, 3, 1, 1)).exp()
    middle = 0.5 + 0.05 * draws.normal(n, 1, 1, 1)

    def tone(pictures: Tensor) -> Tensor:
        return ((pictures - 0.5) * contrast + middle).clamp(0, 1)

    return tone


def _middle(box: Tensor) -> tuple[Tensor, Tensor]:
    """The centres (n, 2) and longer sides (n,) of boxes (n, 4)."""
    return (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]).amax(1)


def _mirrored(n: int, draws: Draws) -> Tensor:
    """(n, 1, 2), which negates x of every other frame; it multiplies the columns of a matrix."""
    signs = torch.where(draws.uniform(n) < 0.5, -1.0, 1.0)
    return torch.stack([signs, torch.ones_like(signs)], -1)[:, None]


def _turned(angle: Tensor, scale: Tensor) -> Tensor:
    """(n, 2, 2), rotations times scales."""
    c, s = angle.cos() * scale, angle.sin() * scale
    return torch.stack([torch.stack([c, -s], -1), torch.stack([s, c], -1)], -2)


def _affine(linear: Tensor, fixed: Tensor, image: Tensor) -> Tensor:
    """(n, 2, 3) of a linear map moved so that it takes `fixed` to `image`, both (n, 2)."""
    return torch.cat([linear, (image - (linear @ fixed[..., None])[..., 0])[..., None]], -1)


def _placed(placement: Tensor, places: Tensor) -> Tensor:
    x, y = places[:, :1], places[:, 1:]
    a = placement[:, :, :, None, None]
    return a[:, :, 0] * x + a[:, :, 1] * y + a[:, :, 2]
