"""Smooth motions of pictures in batches, their flow, and their inverse to a hundredth of a pixel.

Places are (b, 2, h, w) float32 x, y in pixels, measured from the top-left corner of the top-left pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

BUMPS = 3
COARSE = 4  # pixels between the places at which an inverse is sought first
STEEPEST_BUMP = 0.15  # the slope of a bump: three of them stay a contraction
STEEPEST_SHEET = 0.75  # the slope of a sheet's displacement: below 1 it does not fold

_COARSE_STEPS, _BUMP_STEPS, _SHEET_STEPS = 16, 3, 9  # of fixed-point iterations
_PEAK_SLOPE = 0.6065  # of exp(-r²/2), at r = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """x ↦ c + A·(x + β(x) - c) + t, where β is a sum of Gaussian bumps.

    Args:
        centre: (b, 2) c, in pixels.
        turn: (b, 2, 2) A, a rotation times a scale.
        shift: (b, 2) t, in pixels.
        bump_at: (b, 3, 2) where the bumps are, in pixels.
        bump_by: (b, 3, 2) how far they push, in pixels: at most STEEPEST_BUMP / 0.6065 of their width.
        bump_width: (b, 3) standard deviations, in pixels.
    """

    centre: Tensor
    turn: Tensor
    shift: Tensor
    bump_at: Tensor
    bump_by: Tensor
    bump_width: Tensor

    def __call__(self, places: Tensor) -> Tensor:
        """Where places go."""
        centre = _spread(self.centre)
        return centre + _times(self.turn, places + self.bumps(places) - centre) + _spread(self.shift)

    def bumps(self, places: Tensor) -> Tensor:
        """β, (b, 2, h, w) pixels."""
        x = (places - _spread(self.centre)).flatten(2)
        at = self.bump_at - self.centre[:, None]
        narrow = 0.5 / self.bump_width[..., None].square()
        # -|x - at|² · narrow, as a product of matrices
        slopes = torch.cat([2 * at, -torch.ones_like(narrow)], -1) * narrow
        squared = torch.cat([x, x.square().sum(1, keepdim=True)], 1)
        exponents = torch.baddbmm(-at.square().sum(-1, keepdim=True) * narrow, slopes, squared)
        pushed = self.bump_by.transpose(1, 2) @ exponents.exp_()
        return pushed.unflatten(-1, places.shape[-2:])

    def inverse(self, size: int) -> Tensor:
        """Where what arrives at each pixel centre of a square is from, `size` being a multiple of four."""
        straight = _similarity_inverse(self, _coarse_places(size, self.shift.device))
        near = _solve(self.bumps, straight, straight, _COARSE_STEPS) - straight
        straight = _similarity_inverse(self, pixel_centres(size, self.shift.device))
        return _solve(self.bumps, straight, straight + _refined(near), _BUMP_STEPS)


def _similarity_inverse(motion: Motion, places: Tensor) -> Tensor:
    centre = _spread(motion.centre)
    back = torch.linalg.inv(motion.turn)
    return centre + _times(back, places - centre - _spread(motion.shift))


def pixel_centres(size: int, device: torch.device) -> Tensor:
    """(1, 2, size, size), the centre of the first pixel at (0.5, 0.5)."""
    line = torch.arange(size, dtype=torch.float32, device=device) + 0.5
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y])[None]


def sample(pictures: Tensor, places: Tensor, *, beyond: str = "border") -> Tensor:
    """Bilinear values (b, c, h, w) of `pictures` (b, c, s, s) at places in their pixels.

    Args:
        beyond: what is outside a picture: "border", its edge going on, or "zeros".
    """
    grid = (places * (2 / pictures.shape[-1]) - 1).permute(0, 2, 3, 1)
    return functional.grid_sample(pictures, grid, padding_mode=beyond, align_corners=False)


def held_together(displacement: Tensor) -> Tensor:
    """`displacement` (b, 2, h, w), made smaller where it is so steep that a sheet would fold."""
    wide = functional.pad(displacement, (0, 1, 0, 1), mode="replicate")
    across, down = (wide[..., :, 1:] - wide[..., :, :-1])[..., :-1, :], wide.diff(dim=-2)[..., :-1]
    slope = (across.square() + down.square()).sum(1).amax((1, 2)).sqrt()  # bounds the spectral norm
    return displacement * (STEEPEST_SHEET / slope.clamp(min=STEEPEST_SHEET))[:, None, None, None]


def sheet_inverse(displacement: Tensor) -> Tensor:
    """Where what arrives at each pixel centre is from, by a displacement (b, 2, s, s) held together."""

    def displace(places: Tensor) -> Tensor:
        return sample(displacement, places)

    size, device = displacement.shape[-1], displacement.device
    arrivals = _coarse_places(size, device).expand(len(displacement), -1, -1, -1)
    near = _solve(displace, arrivals, arrivals, _COARSE_STEPS) - arrivals
    centres = pixel_centres(size, device)
    return _solve(displace, centres, centres + _refined(near), _SHEET_STEPS)


def steepest_push(width: Tensor) -> Tensor:
    """The most pixels that a bump of such width may push."""
    return width * (STEEPEST_BUMP / _PEAK_SLOPE)


def _solve(displace: Callable[[Tensor], Tensor], arrival: Tensor, start: Tensor, steps: int) -> Tensor:
    """x with x + displace(x) = arrival, by fixed-point iteration; displace is a contraction."""
    places = start
    for _ in range(steps):
        places = arrival - displace(places)
    return places


def _coarse_places(size: int, device: torch.device) -> Tensor:
    """The centres of cells of COARSE pixels, with one ring of them around the picture."""
    return (pixel_centres(size // COARSE + 2, device) - 1) * COARSE


def _refined(coarse: Tensor) -> Tensor:
    large = functional.interpolate(coarse, scale_factor=COARSE, mode="bilinear", align_corners=False)
    return large[..., COARSE:-COARSE, COARSE:-COARSE]


def _spread(vectors: Tensor) -> Tensor:
    return vectors[:, :, None, None]


def _times(matrices: Tensor, places: Tensor) -> Tensor:
    x, y = places[:, :1], places[:, 1:]
    a = matrices[:, :, :, None, None]
    return a[:, :, 0] * x + a[:, :, 1] * y
