"""Compositing: of a decoded edit, what differs from the decoded picture before it; all else stays as it was.

An autoencoder rewrites every pixel, and a weak one blurs them all. It blurs the picture before the edit in
the same way: where the two agree, nothing was edited, and the picture keeps its very pixels. Where they
differ in tone alone, the picture keeps its grain and takes on the tone; where shapes differ, the edit shows.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.diffusion.frame import Colours, Frame
from engine.edit import Image, Mask
from engine.region import blend

Plane = NDArray[np.float32]

_NEAR = 1 / 64  # of the working side: over what neighbourhood a difference is weighed (σ)
_SHAPE = 1 / 40  # of the working side: differences that change more slowly than this (σ) are of tone
_EDGE = 1 / 64  # of the working side: over what distance an edit fades in from where nothing may change
_SAME, _OTHER = 0.02, 0.06  # of the range of colours: differences up to here are none, from here on full
_TONE, _DRAWN = 0.03, 0.08  # likewise of shapes


def composite(image: Image, mask: Mask, edited: Colours, unedited: Colours, frame: Frame) -> Image:
    """A crop with its edit.

    Args:
        image: (h, w, 4) uint8, the crop.
        mask: (h, w) uint8, 0 where nothing may change: towards there the edit fades, so that no seam shows.
        edited, unedited: (h, w, 3) uint8 of the frame's content, by the same autoencoder.

    Returns:
        (h, w, 4) uint8 with the alpha of `image`.
    """
    side = max(edited.shape)
    difference = (edited.astype(np.float32) - unedited.astype(np.float32)) / np.float32(255)
    shapes = difference - _smooth(difference, side * _SHAPE)
    differs = _share(difference, side, _SAME, _OTHER) * _inside(mask, frame)
    drawn = _share(shapes, side, _TONE, _DRAWN)
    new = np.dstack([frame.enlarge(edited), image[..., 3]])
    blend(_toned(image, difference, frame), new, _weight(drawn, frame), out=new)
    return blend(image, new, _weight(differs, frame), out=new)


def _weight(share: Plane, frame: Frame) -> Mask:
    return frame.enlarge(np.rint(share * 255).astype(np.uint8))


def _inside(mask: Mask, frame: Frame) -> Plane:
    """How far each pixel of the content lies inside of what may change, (h, w) from 0 to 1."""
    inside = cv2.resize((mask > 0).astype(np.uint8), frame.content, interpolation=cv2.INTER_NEAREST_EXACT)
    if inside.all():
        return np.ones(inside.shape, np.float32)
    distance = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.asarray(np.clip(distance / (max(frame.content) * _EDGE), 0, 1), np.float32)


def _toned(image: Image, difference: Plane, frame: Frame) -> Image:
    """The crop with the difference added to its colours."""
    out = image.copy()
    for channel in range(3):  # one at a time, as a crop may be large
        change = np.ascontiguousarray(difference[..., channel]) * 255
        changed = image[..., channel] + cv2.resize(change, frame.size, interpolation=cv2.INTER_CUBIC)
        out[..., channel] = np.rint(changed).clip(0, 255)
    return out


def _share(difference: Plane, side: int, low: float, high: float) -> Plane:
    """How visibly pictures differ around each pixel, (h, w): 0 up to `low`, 1 from `high` on."""
    rms = np.sqrt(np.maximum(_smooth(np.square(difference).max(-1), side * _NEAR), 0))
    share = np.clip((rms - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _smooth(plane: Plane, sigma: float) -> Plane:
    blurred = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)
