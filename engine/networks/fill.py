"""FillNet: gated convolutions that continue a picture into what nothing of it reaches.

Yu et al.: Free-Form Image Inpainting with Gated Convolution (2019), as one coarse-to-fine U-Net.
"""

import itertools
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from engine.edit import Box, Image, Mask
from engine.fill import fill
from engine.networks.folder import load_network, save_network

_CONTEXT = 0.5  # of a hole's longer side, that the network sees around it
_LEAST_CONTEXT = 24  # pixels
_DILATIONS = (2, 4, 8)  # at the bottom, so that a wide hole's middle sees its edge


class GatedConv(nn.Module):
    """A convolution whose features a second, pointwise one opens and shuts."""

    def __init__(self, before: int, after: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            before, after, 3, stride, padding=dilation, dilation=dilation, padding_mode="replicate"
        )
        self.gate = nn.Conv2d(before, after, 1, stride)
        self.norm = nn.GroupNorm(8, after)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.norm(self.conv(x))) * torch.sigmoid(self.gate(x))


class FillNet(nn.Module):
    """The network.

    Args:
        side: the longest side, in pixels, of the crops it is run on.
        widths: channels of each level, from the picture's size down; multiples of 8.
    """

    def __init__(self, side: int = 256, widths: tuple[int, ...] = (24, 48, 104, 240)) -> None:
        super().__init__()
        self.side, self.widths = side, tuple(widths)
        self.stem = GatedConv(4, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(GatedConv(fine, coarse, stride=2), GatedConv(coarse, coarse))
            for fine, coarse in itertools.pairwise(self.widths)
        )
        last = widths[-1]
        self.bottom = nn.ModuleList(GatedConv(last, last, dilation=dilation) for dilation in _DILATIONS)
        self.up = nn.ModuleList(
            nn.Sequential(GatedConv(coarse + fine, fine), GatedConv(fine, fine))
            for fine, coarse in itertools.pairwise(self.widths)
        )
        self.head = nn.Conv2d(widths[0], 3, 3, padding=1, padding_mode="replicate")
        nn.init.zeros_(self.head.weight)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    @property
    def multiple(self) -> int:
        """Of what the pictures' sides must be multiples."""
        return 2 ** (len(self.widths) - 1)

    def forward(self, image: Tensor, hole: Tensor) -> Tensor:
        """The picture with its holes filled.

        Args:
            image: (b, 3, h, w) from 0 to 1, its holes filled smoothly: what the network adds to.
            hole: (b, 1, h, w), 1 where the picture is unknown, 0 where it is known and stays exactly.
        """
        x = self.stem(torch.cat([image - 0.5, hole], dim=1))
        shortcuts: list[Tensor] = []
        for block in self.down:
            shortcuts.append(x)
            x = block(x)
        for block in self.bottom:
            x = x + block(x)
        for i in reversed(range(len(shortcuts))):
            x = self.up[i](
                torch.cat([F.interpolate(x, scale_factor=2.0, mode="nearest"), shortcuts[i]], dim=1)
            )
        return image + hole * self.head(x).float()

    def save(self, folder: Path) -> None:
        """Write the network into a folder, in float16; raises OSError."""
        save_network(self, {"side": self.side, "widths": list(self.widths)}, folder)

    @staticmethod
    def load(folder: Path) -> "FillNet":
        """Raises: OSError, SafetensorError, ValueError, TypeError: the folder holds no such network."""
        return load_network(FillNet, folder)


def fill_by(network: FillNet, image: Image, unknown: Mask) -> Image:
    """Fill the pixels of `image` where `unknown` is set: smoothly, and with what the network adds to that.

    Holes that with their surroundings are larger than the network's side are seen by it made smaller.

    Args:
        image: (h, w, 4) uint8 straight RGBA.
        unknown: (h, w) uint8, non-zero where the picture is unknown.

    Returns:
        (h, w, 4) uint8, a new array; known pixels unchanged.
    """
    smooth = fill(image, unknown, smooth=True)
    if not unknown.any() or unknown.all():
        return smooth
    for box in _holes(unknown):
        place = box.slices
        hole = unknown[place] > 0
        changed = smooth[place][..., :3] + _added(network, smooth[place], hole)
        smooth[place][..., :3][hole] = np.rint(np.clip(changed, 0, 255)).astype(np.uint8)[hole]
    return smooth


def _holes(unknown: Mask) -> list[Box]:
    """The surroundings of each hole; near holes are taken together."""
    near = cv2.dilate((unknown > 0).astype(np.uint8), np.ones((9, 9), np.uint8))
    count, _, found, _ = cv2.connectedComponentsWithStats(near)
    size = unknown.shape[1], unknown.shape[0]
    boxes: list[Box] = []
    for x, y, w, h in found[1:count, :4].tolist():
        pad = max(_LEAST_CONTEXT, round(_CONTEXT * max(w, h)))
        boxes.append(Box.clipped(x - pad, y - pad, x + w + pad, y + h + pad, size))
    return boxes


def _added(network: FillNet, image: Image, hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What the network adds to a smoothly filled crop, (h, w, 3) float32 in steps of colour."""
    height, width = hole.shape
    shrink = min(1.0, network.side / max(height, width))
    small = max(1, round(width * shrink)), max(1, round(height * shrink))
    colours = cv2.resize(np.ascontiguousarray(image[..., :3]), small, interpolation=cv2.INTER_AREA)
    open_ = cv2.resize(hole.astype(np.float32), small, interpolation=cv2.INTER_AREA)
    right, below = (-n % network.multiple for n in small)
    colours = cv2.copyMakeBorder(colours, 0, below, 0, right, cv2.BORDER_REPLICATE)
    open_ = cv2.copyMakeBorder((open_ > 0).astype(np.float32), 0, below, 0, right, cv2.BORDER_REPLICATE)
    device = next(network.parameters()).device
    picture = (
        torch.from_numpy(np.ascontiguousarray(colours.transpose(2, 0, 1)))[None].to(device).float() / 255
    )
    with torch.inference_mode():
        filled = network(picture, torch.from_numpy(open_)[None, None].to(device))
    added = (filled - picture)[0, :, : small[1], : small[0]].permute(1, 2, 0).cpu().numpy() * 255
    return np.asarray(cv2.resize(added, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
