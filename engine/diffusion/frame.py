"""Frame: the crop that a method sees ↔ the tensors that networks work on, for pixels and points."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.edit import Image
from engine.motion import Points

Colours = NDArray[np.uint8]  # (h, w, 3)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A crop scaled to the size its networks were trained at, and mirrored out to a size they accept.

    The aspect ratio is kept: the longer side becomes the working size, and what the shorter one lacks to the
    next allowed size is mirrored on below or to the right, so that working coordinates begin where the crop's
    do.

    Args:
        size: (width, height) of the crop.
        content: (width, height) in working pixels of what shows the crop.
        working: (width, height) of the tensors, at least `content`.
    """

    size: tuple[int, int]
    content: tuple[int, int]
    working: tuple[int, int]

    @staticmethod
    def of(size: tuple[int, int], side: int, multiple: int) -> "Frame":
        """The frame of a crop of `size` whose longer side becomes `side`.

        Args:
            multiple: of what the sides of the tensors must be multiples.
        """
        scale = side / max(size)
        width, height = (max(1, round(length * scale)) for length in size)
        content = width, height
        return Frame(
            size=size,
            content=content,
            working=(math.ceil(width / multiple) * multiple, math.ceil(height / multiple) * multiple),
        )

    @property
    def scale(self) -> NDArray[np.float64]:
        """(2,) working pixels per pixel of the crop, along x and y."""
        return np.array(self.content, np.float64) / np.array(self.size, np.float64)

    def tensor(self, image: Image) -> Tensor:
        """A crop, (h, w, 4) uint8 straight RGBA, as (1, 3, height, width) float32 from −1 to 1."""
        colours = self.shrink(image)
        below, right = self.working[1] - self.content[1], self.working[0] - self.content[0]
        padded = cv2.copyMakeBorder(colours, 0, below, 0, right, cv2.BORDER_REFLECT_101)
        pixels = torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))
        return pixels[None].float() / 127.5 - 1

    def shrink(self, image: Image) -> Colours:
        """A crop at the content's size, (h, w, 3) uint8; what is clear shows the mean of what is not."""
        opaque = cv2.minMaxLoc(cv2.extractChannel(image, 3))[0] == 255
        pixels = np.ascontiguousarray(image[..., :3]) if opaque else image
        # Bicubic with antialiasing; transparent colours are weighed by alpha.
        resized = np.asarray(PIL.Image.fromarray(pixels).resize(self.content, PIL.Image.Resampling.BICUBIC))
        return resized if opaque else _on_mean(resized)

    def colours(self, tensor: Tensor) -> Colours:
        """(1, 3, height, width) from −1 to 1 as the content's pixels, (h, w, 3) uint8."""
        width, height = self.content
        pixels = (tensor[0, :, :height, :width].float() * 127.5 + 127.5).round().clamp(0, 255)
        return pixels.to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    def enlarge(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Content pixels, (h, w) or (h, w, 3) uint8, at the crop's size."""
        smaller = self.size[0] < self.content[0]
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(plane, self.size, interpolation=interpolation), np.uint8)

    def inside(self, points: Points) -> Points:
        """Points (n, 2) of the crop in working pixels."""
        return points * self.scale

    def outside(self, points: Points) -> Points:
        """Points (n, 2) in working pixels as points of the crop."""
        return points / self.scale


def _on_mean(image: Image) -> Colours:
    """Composite straight RGBA over its own mean colour."""
    weight = image[..., 3:].astype(np.float32) / 255
    colours = image[..., :3].astype(np.float32)
    mean = (colours * weight).sum((0, 1)) / max(float(weight.sum()), 1e-6)
    return np.rint(colours * weight + mean * (1 - weight)).astype(np.uint8)
