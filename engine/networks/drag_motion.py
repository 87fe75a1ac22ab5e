"""The motion that drags describe, for all pixels at once: a similarity, and the rest interpolated.

The similarity z ↦ p̄ + d̄ + (1 + s)(z − p̄) of pairs p → p + d has, with a ridge λ that stands for how rarely
things turn or grow, the slope s = Σ (d − d̄)·conj(p − p̄) / (Σ |p − p̄|² + λ). What it leaves of each drag is
spread by normalised Gaussian weights (Nadaraya 1964, Watson 1964), corrected once by its own error at the
handles (Tukey's twicing). All lengths are in pixels; those of the method are shares of the longer side.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

_RIDGE = 0.03  # √λ: below this spread of the handles a turn is taken for noise
_SPREAD = 0.08  # σ of the weights
_FLOOR = 0.02  # added to their sum: the rest fades out beyond about 2.8 σ
CHUNK = 16  # pairs at a time, which bounds memory


class Drags(NamedTuple):
    """Point pairs of a batch of pictures, in pixels from the top-left corner.

    Args:
        handles, targets: (b, n, 2) float, x and y.
        number: (b,) whole; the first so many pairs of a row count.
    """

    handles: Tensor
    targets: Tensor
    number: Tensor

    @property
    def present(self) -> Tensor:
        """(b, n) float, 1 where a pair counts."""
        index = torch.arange(self.handles.shape[1], device=self.handles.device)
        return (index < self.number[:, None]).to(self.handles.dtype)

    @property
    def vectors(self) -> Tensor:
        """(b, n, 2); 0 for pairs that do not count."""
        return (self.targets - self.handles) * self.present[..., None]

    @property
    def longest(self) -> Tensor:
        """(b, 1, 1, 1), the longest drag; at least a hundredth of a pixel."""
        return self.vectors.norm(dim=-1).amax(-1).clamp_min(0.01)[:, None, None, None]

    def chunks(self) -> Iterator["Drags"]:
        """The same pairs, few at a time."""
        for first in range(0, self.handles.shape[1], CHUNK):
            part = slice(first, first + CHUNK)
            yield Drags(self.handles[:, part], self.targets[:, part], (self.number - first).clamp_min(0))


class Similarity(NamedTuple):
    """A similarity as a displacement: shift + slope·(z − centre), slope being a complex number."""

    slope: Tensor  # (b, 1, 2): real and imaginary part
    centre: Tensor  # (b, 1, 2)
    shift: Tensor  # (b, 1, 2)

    def at(self, places: Tensor) -> Tensor:
        """The displacement (b, m, 2) of places (b, m, 2) or (1, m, 2)."""
        x, y = (places - self.centre).unbind(-1)
        real, imaginary = self.slope.unbind(-1)
        return self.shift + torch.stack([real * x - imaginary * y, real * y + imaginary * x], dim=-1)


def fit_similarity(drags: Drags, side: float) -> Similarity:
    """The regularised least-squares similarity of each picture's pairs.

    Args:
        side: the longer side of the pictures in pixels.
    """
    weight = drags.present[..., None]
    total = weight.sum(1, keepdim=True).clamp_min(1)
    centre = (drags.handles * weight).sum(1, keepdim=True) / total
    shift = drags.vectors.sum(1, keepdim=True) / total
    p, d = (drags.handles - centre) * weight, (drags.vectors - shift) * weight
    (px, py), (dx, dy) = p.unbind(-1), d.unbind(-1)
    spread = (p.square().sum((1, 2)) + (_RIDGE * side) ** 2)[:, None]
    products = torch.stack([(dx * px + dy * py).sum(1), (dy * px - dx * py).sum(1)], dim=-1)
    return Similarity((products / spread)[:, None], centre, shift)


def analytic_flow(drags: Drags, size: tuple[int, int]) -> Tensor:
    """The displacement of every pixel, (b, 2, height, width), were all of the picture to move.

    Args:
        size: (height, width).
    """
    side = float(max(size))
    whole = fit_similarity(drags, side)
    rest = (drags.vectors - whole.at(drags.handles)) * drags.present[..., None]
    rest = rest + rest - _interpolated(drags, rest, drags.handles, side)
    places = centres(size, drags.handles)
    flow = whole.at(places) + _interpolated(drags, rest, places.expand(len(rest), -1, -1), side)
    return flow.transpose(1, 2).unflatten(-1, size)


def centres(size: tuple[int, int], like: Tensor) -> Tensor:
    """The centres (1, h·w, 2) of all pixels of (height, width), with the type and device of `like`."""
    y, x = (torch.arange(n, dtype=like.dtype, device=like.device) + 0.5 for n in size)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(1, -1, 2)


def squared_distances(places: Tensor, points: Tensor) -> Tensor:
    """(b, n, m) from places (b, m, 2) or (1, m, 2) to points (b, n, 2)."""
    difference = points[:, :, None] - places[:, None]
    return difference.square().sum(-1)


def _interpolated(drags: Drags, values: Tensor, places: Tensor, side: float) -> Tensor:
    """Values (b, n, 2) at the handles, at places (b, m, 2)."""
    total, weighed = torch.full_like(places[..., :1], _FLOOR), torch.zeros_like(places)
    for chunk, part in zip(drags.chunks(), values.split(CHUNK, dim=1), strict=True):
        squared = squared_distances(places, chunk.handles)
        weights = torch.exp(squared / (-2 * (_SPREAD * side) ** 2)) * chunk.present[..., None]
        total = total + weights.sum(1)[..., None]
        weighed = weighed + torch.einsum("bnm,bnc->bmc", weights, part)
    return weighed / total
