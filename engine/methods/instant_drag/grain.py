"""Giving back the finest detail that resampling between pixels takes.

Shifted by half a pixel, a sharp photo loses up to a third of its gradient energy to a short kernel, and what
moved would look softer than what stayed. So the moved picture's high pass is added to it, in each place with
the gain that restores the energy which the same place had before it moved. For picture m, high pass p and
gain g the energy is |∇m|² + 2g ∇m·∇p + g² |∇p|², which is solved for g.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.bilinear import bilinear
from engine.edit import Image
from engine.flow import Flow

Plane = NDArray[np.float32]

_BLOCK = 8  # pixels along a side, over which energy is averaged
_STRIP = 512  # rows at a time
_HALO = 8  # rows beside them that filters reach
_SIGMA = 0.8  # of the low pass, pixels
_SPREAD = 2.0  # blocks, over which energies are smoothed (σ)
_LEAST, _MOST = 0.02, 1.0  # gains
_MOVED = 1 / 64  # pixels; less is copied as it is


def regrained(moved: Image, source: Image, backward: Flow, check: Callable[[], None] = lambda: None) -> Image:
    """`moved` as sharp as `source` is where it came from.

    Args:
        moved: (h, w, 4) uint8, `source` warped by `backward`.
        source: (h, w, 4) uint8.
        check: called now and then; what it raises ends the work.

    Returns:
        (h, w, 4) uint8; equal to `moved` where nothing moved.
    """
    before, after = _energies(source, check), _energies(moved, check)
    rows, columns = before.shape[:2]
    y, x = np.indices((rows, columns), np.float64)
    centres = (np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * _BLOCK
    shift = backward.at(centres)
    energy = np.pad(before[..., :1].astype(np.float64), ((0, 1), (0, 1), (0, 0)), mode="edge")
    target = bilinear(energy, (centres + shift) / _BLOCK - 0.5)
    own, cross, fine = cv2.split(after)
    lost = np.maximum(target.reshape(rows, columns) - own, 0)
    gain = (np.sqrt(cross**2 + fine * lost) - cross) / np.maximum(fine, 1e-3)
    has_moved = (np.hypot(*shift.T) > _MOVED).reshape(rows, columns)
    gain = np.where(has_moved & (gain > _LEAST), np.minimum(gain, _MOST), 0).astype(np.float32)
    out = moved.copy()
    for strip, padded in _strips(moved.shape[0]):
        check()
        pixels = moved[padded, :, :3].astype(np.float32)
        inner = slice(strip.start - padded.start, strip.stop - padded.start)
        weight = _of_strip(gain, strip, moved.shape[1])
        sharper = pixels[inner] + weight[..., None] * _high_pass(pixels)[inner]
        out[strip, :, :3] = np.where(
            weight[..., None] > 0, np.clip(np.rint(sharper), 0, 255), moved[strip, :, :3]
        )
    return out


def _energies(image: Image, check: Callable[[], None]) -> Plane:
    """|∇m|², ∇m·∇p and |∇p|² of the picture's brightness, smoothed, for each block: (rows, columns, 3)."""
    height, width = image.shape[:2]
    columns = -(-width // _BLOCK)
    parts: list[Plane] = []
    for strip, padded in _strips(height):
        check()
        grey = cv2.cvtColor(image[padded], cv2.COLOR_RGBA2GRAY).astype(np.float32)
        m, p = _gradients(grey), _gradients(_high_pass(grey))
        inner = slice(strip.start - padded.start, strip.stop - padded.start)
        values = np.stack([(a * b).sum(0) for a, b in ((m, m), (m, p), (p, p))], axis=-1)[inner]
        rows = -(-len(values) // _BLOCK)
        filled = cv2.copyMakeBorder(
            values, 0, rows * _BLOCK - len(values), 0, columns * _BLOCK - width, cv2.BORDER_REFLECT
        )
        parts.append(filled.reshape(rows, _BLOCK, columns, _BLOCK, 3).mean((1, 3)))
    whole = np.concatenate(parts)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), _SPREAD, borderType=cv2.BORDER_REFLECT), np.float32)


def _strips(height: int) -> Iterator[tuple[slice, slice]]:
    """Whole blocks of rows, and the same with a halo."""
    for first in range(0, height, _STRIP):
        last = min(first + _STRIP, height)
        yield slice(first, last), slice(max(first - _HALO, 0), min(last + _HALO, height))


def _of_strip(gain: Plane, strip: slice, width: int) -> Plane:
    """The gain at the pixels of a strip, (rows, width), linear between the blocks' centres."""
    first, last = strip.start // _BLOCK, -(-strip.stop // _BLOCK)
    beside = slice(max(first - 1, 0), min(last + 1, len(gain)))
    size = gain.shape[1] * _BLOCK, (beside.stop - beside.start) * _BLOCK
    whole = cv2.resize(gain[beside], size, interpolation=cv2.INTER_LINEAR)
    top = strip.start - beside.start * _BLOCK
    return np.asarray(whole[top : top + strip.stop - strip.start, :width], np.float32)


def _high_pass(pixels: Plane) -> Plane:
    return pixels - cv2.GaussianBlur(pixels, (0, 0), _SIGMA, borderType=cv2.BORDER_REFLECT)


def _gradients(plane: Plane) -> Plane:
    """(2, h, w) differences to the next pixel down and across."""
    down = np.diff(plane, axis=0, append=plane[-1:])
    return np.stack([down, np.diff(plane, axis=1, append=plane[:, -1:])])
