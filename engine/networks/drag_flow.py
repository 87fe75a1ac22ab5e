"""DragFlow: from a picture and a few drags to the region that moves, and how each of its pixels moves.

The network says *what* moves, a soft region; *how* it moves is analytic (`drag_motion`) but for a small
residual. All that it sees is relative to the longest drag and to the picture's longer side: a longer drag in
the same direction moves the same region, farther.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from engine.networks.blocks import UNet
from engine.networks.drag_motion import CHUNK, Drags, analytic_flow, centres, squared_distances
from engine.networks.folder import load_network, save_network

CHANNELS = 14
UNKNOWN = 0.5  # a subject nobody has told

_DOT = 0.012  # σ of the dot at a handle; this and the distances are shares of the longer side
_NEAR = (0.06, 0.2)
_ALIKE = (0.08, 0.25)  # of the range of colours
_RESIDUAL = 0.25  # of the longest drag, for an answer of 1
_STRETCH = 0.05  # by which the region overshoots 0 and 1 before it is clipped: it reaches them exactly
_TRUST = 5.0  # logits that a subject is worth before training
_RARE = -1.0  # logits of the region where nothing is known, before training


class DragMotion(NamedTuple):
    """What moves, and how.

    Args:
        logits: (b, 1, h, w) of the region.
        region: (b, 1, h, w), 0 to 1, and exactly that where the network is sure.
        motion: (b, 2, h, w), how each pixel would move if it were in the region; pixels, x and y.
    """

    logits: Tensor
    region: Tensor
    motion: Tensor

    @property
    def flow(self) -> Tensor:
        """The forward displacement (b, 2, h, w) in pixels."""
        return self.region * self.motion


class DragFlow(nn.Module):
    """The network.

    Args:
        side: the longer side, in pixels, of the pictures it was trained on.
        widths: channels of each level, from half the picture's size down; multiples of 16.
    """

    def __init__(self, side: int = 128, widths: tuple[int, ...] = (32, 64, 128, 192)) -> None:
        super().__init__()
        self.side, self.widths = side, tuple(widths)
        self.unet = UNet(4 * CHANNELS, self.widths)
        self.norm = nn.GroupNorm(8, self.widths[0])
        self.head = nn.Conv2d(self.widths[0], 4 * 3, 3, padding=1)
        self.trust = nn.Parameter(torch.tensor(_TRUST))
        nn.init.zeros_(self.head.weight)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([_RARE] * 4 + [0.0] * 8))  # pyright: ignore[reportOptionalMemberAccess]

    @property
    def multiple(self) -> int:
        """Of what the pictures' sides must be multiples."""
        return 2 ** len(self.widths)

    def forward(self, image: Tensor, drags: Drags, subject: Tensor, move: Tensor) -> DragMotion:
        """What moves in each picture.

        Args:
            image: (b, 3, h, w) from 0 to 1; sides multiples of `multiple`.
            drags: at least one for each picture.
            subject: (b, 1, h, w) from 0 to 1, what moves, perhaps coarsely; `UNKNOWN` where nobody has told.
            move: (b,), 1 where the subject is moved as a whole, 0 where it is deformed.
        """
        with torch.autocast(image.device.type, enabled=False):
            image, subject = image.float(), subject.float()
            analytic = analytic_flow(drags, (image.shape[-2], image.shape[-1]))
            x = features(image, drags, subject, move.float(), analytic)
        answer = self.head(F.silu(self.norm(self.unet(F.pixel_unshuffle(x, 2)))))
        with torch.autocast(image.device.type, enabled=False):
            logits, residual = F.pixel_shuffle(answer.float(), 2).split((1, 2), dim=1)
            logits = logits + self.trust * (2 * subject - 1)
            region = (torch.sigmoid(logits) * (1 + 2 * _STRETCH) - _STRETCH).clamp(0, 1)
            return DragMotion(logits, region, analytic + residual * (_RESIDUAL * drags.longest))

    def save(self, folder: Path) -> None:
        """Write the network into a folder, in float16; raises OSError."""
        save_network(self, {"side": self.side, "widths": list(self.widths)}, folder)

    @staticmethod
    def load(folder: Path) -> "DragFlow":
        """Raises: OSError, SafetensorError, ValueError, TypeError: the folder holds no such network."""
        return load_network(DragFlow, folder)


def features(image: Tensor, drags: Drags, subject: Tensor, move: Tensor, analytic: Tensor) -> Tensor:
    """What the network sees, (b, 14, h, w).

    Channels: colours (3), the drags at their handles (2) and where these are (1), the subject (1), whether it
    is moved (1), the analytic flow (2), how near the nearest handle is (2 scales), and how alike the colours
    of the handle most alike are (2 scales).
    """
    size = image.shape[-2], image.shape[-1]
    sparse, dots, nearest, alike = (t.unflatten(-1, size) for t in _of_handles(image, drags))
    side = float(max(size))
    near = [torch.exp(nearest / (-2 * (share * side) ** 2)) for share in _NEAR]
    similar = [torch.exp(alike / (-2 * spread**2)) for spread in _ALIKE]
    moving = move[:, None, None, None].expand(-1, 1, *size)
    told = [sparse / drags.longest, dots, 2 * subject - 1, moving, analytic / drags.longest]
    return torch.cat([(image - 0.5) / 0.25, *told, *near, *similar], dim=1)


def _of_handles(image: Tensor, drags: Drags) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """For every pixel, flattened to (b, c, h·w): the drags where their handles are, dots at these, and the
    squared distances to the nearest handle and to the colours most alike."""
    height, width = image.shape[-2:]
    smooth = F.avg_pool2d(image, 3, 1, 1, count_include_pad=False)
    places, colours = centres((height, width), drags.handles), smooth.flatten(2).transpose(1, 2)
    swatches = _sampled(smooth, drags.handles)
    nearest = torch.full((len(image), height * width), torch.inf, device=image.device)
    alike, dots = nearest, torch.zeros_like(nearest)
    sparse = torch.zeros(len(image), 2, height * width, device=image.device)
    for part, swatch in zip(drags.chunks(), swatches.split(CHUNK, dim=1), strict=True):
        absent = (1 - part.present[..., None]) * 1e9
        squared = squared_distances(places, part.handles) + absent
        weight = torch.exp(squared / (-2 * (_DOT * max(height, width)) ** 2))
        dots = dots + weight.sum(1)
        sparse = sparse + torch.einsum("bnm,bnc->bcm", weight, part.vectors)
        nearest = torch.minimum(nearest, squared.amin(1))
        alike = torch.minimum(alike, (squared_distances(colours, swatch) + absent).amin(1))
    sparse = sparse / dots.clamp_min(1)[:, None]
    return sparse, dots.clamp_max(1)[:, None], nearest[:, None], alike[:, None]


def _sampled(image: Tensor, points: Tensor) -> Tensor:
    """The colours (b, n, 3) at points (b, n, 2) in pixels."""
    size = points.new_tensor([image.shape[-1], image.shape[-2]])
    grid = (points / size * 2 - 1)[:, None]
    found = F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found[:, :, 0].transpose(1, 2)
