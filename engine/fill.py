"""Classical fill of uncovered pixels: smooth by push-pull, textured by healing, thin parts by inpainting.

A pack's fill network takes over where there is one.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Image, Mask

_THIN = 9  # pixels: gaps up to this width are inpainted along their edges' lines
_RELAXATIONS = 3  # on each level, which smooth out the pyramid's blocks
_COARSE = 96  # pixels along the longer side of the picture in which a source of texture is sought
_RING = 3  # pixels around a gap, in that picture, on which sources are compared

Plane = NDArray[np.float32]


def fill(image: Image, unknown: Mask, *, smooth: bool = False) -> Image:
    """Fill the pixels of `image` where `unknown` is set, from all others.

    Wide gaps are healed: the best-fitting other part of the picture is laid into the gap, and the difference
    between the two along the gap's edge is spread smoothly over it (Georgiev 2004; a membrane on the
    difference). Where no part fits, the edge's colours alone are spread.

    Args:
        image: (h, w, 4) uint8 straight RGBA.
        unknown: (h, w) uint8, non-zero where the picture is unknown.
        smooth: spread the edge's colours only, without texture.

    Returns:
        (h, w, 4) uint8, a new array; known pixels unchanged.
    """
    out = image.copy()
    gaps = np.uint8(unknown > 0)
    if not gaps.any() or gaps.all():
        return out
    overview = None if smooth else _Overview(image, gaps)
    for window in _windows(gaps):
        gap = gaps[window]
        known = 1 - gap
        weighed = image[window].astype(np.float32)
        weighed[..., :3] *= weighed[..., 3:] / 255
        spread = push_pull(weighed, known)
        if overview is not None:
            offset = overview.best_offset(window)
            if offset is not None:
                source = _shifted(image, window, offset)
                spread = source + push_pull(weighed - source, known)
            spread = _along_edges(spread, gap)
        alpha = np.clip(spread[..., 3:], 0, 255)
        colour = np.clip(spread[..., :3] * (255 / np.maximum(alpha, 1)), 0, 255)
        filled = np.rint(np.concatenate([colour, alpha], axis=-1)).astype(np.uint8)
        out[window] = np.where(gap[..., None] > 0, filled, out[window])
    return out


Window = tuple[slice, slice]


def _windows(gaps: Mask) -> list[Window]:
    """The surroundings of each gap, near ones taken together; none without a known pixel in it."""
    joined = cv2.dilate(gaps, np.ones((_THIN, _THIN), np.uint8))
    count, _, boxes, _ = cv2.connectedComponentsWithStats(joined)
    windows: list[Window] = []
    for x, y, w, h, _ in boxes[1:count].tolist():
        pad = 16 + max(w, h) // 4
        while True:
            window = np.s_[max(y - pad, 0) : y + h + pad, max(x - pad, 0) : x + w + pad]
            if not gaps[window].all():
                break
            pad *= 2
        windows.append(window)
    return windows


def push_pull(values: Plane, known: Mask) -> Plane:
    """Spread known values smoothly over unknown places.

    Gortler et al., The Lumigraph (1996), section 3.4: means of what is known on ever coarser levels, which on
    the way back fill what is unknown; here each level is relaxed towards a membrane as well.

    Args:
        values: (h, w, c) float32.
        known: (h, w) uint8, non-zero where `values` is known; at least one pixel is.
    """
    weight = np.where(known > 0, np.float32(1), np.float32(0))[..., None]
    return _pull(values * weight, weight)


def _pull(values: Plane, weight: Plane) -> Plane:
    """`values` are weighted sums; returns means, complete."""
    height, width = weight.shape[:2]
    means = values / np.maximum(weight, 1e-6)
    if weight.min() > 0.999 or max(height, width) == 1:
        return means
    half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    sums = cv2.resize(values, half, interpolation=cv2.INTER_AREA)
    found = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)[..., None]
    scale = np.minimum(1, 4 * found) / np.maximum(found, 1e-6)  # one known pixel of four is enough
    coarse = _pull(sums * scale, np.minimum(1, 4 * found))
    finer = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    full = means * weight + finer * (1 - weight)
    for _ in range(_RELAXATIONS):
        full = means * weight + cv2.blur(full, (3, 3)) * (1 - weight)
    return full


class _Overview:
    """The picture made small, in which parts that fit a gap are sought."""

    def __init__(self, image: Image, gaps: Mask) -> None:
        height, width = gaps.shape
        self._factor = max(1.0, max(height, width) / _COARSE)
        small = (max(2, round(width / self._factor)), max(2, round(height / self._factor)))
        self._picture = cv2.resize(image, small, interpolation=cv2.INTER_AREA).astype(np.float32)
        self._gap = cv2.resize(gaps * np.uint8(255), small, interpolation=cv2.INTER_AREA) > 0

    def best_offset(self, window: Window) -> tuple[int, int] | None:
        """The offset (x, y) in pixels from a gap to the part of the picture that fits it best, if any fits."""
        here = np.zeros_like(self._gap)
        start, stop = (
            np.array([getattr(s, end) for s in window]) / self._factor for end in ("start", "stop")
        )
        (top, left), (bottom, right) = np.floor(start).astype(int), np.ceil(stop).astype(int)
        here[top:bottom, left:right] = self._gap[top:bottom, left:right]
        wide = cv2.dilate(np.uint8(here), np.ones((2 * _RING + 1,) * 2, np.uint8)) > 0
        ring, inside = np.argwhere(wide & ~self._gap), np.argwhere(here)
        if len(ring) < 8 or len(inside) < 8:
            return None
        best, least = None, np.inf
        for offset in self._offsets(np.concatenate([ring, inside]), inside):
            error = self._picture[tuple(ring.T)] - self._picture[tuple((ring + offset).T)]
            mean = error.mean(0)
            # A membrane takes up a constant difference well, a varying one badly; the near is likelier the same stuff.
            cost = float(np.square(error - mean).sum() + 0.25 * len(ring) * np.square(mean).sum())
            cost *= 1 + 0.5 * float(np.hypot(*offset)) / max(self._gap.shape)
            if cost < least:
                best, least = offset, cost
        return None if best is None else (round(best[1] * self._factor), round(best[0] * self._factor))

    def _offsets(self, around: NDArray[np.intp], inside: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
        """Offsets (y, x) that keep the gap and its ring in the picture, and the gap on known pixels."""
        low, high = -around.min(0), np.array(self._gap.shape) - 1 - around.max(0)
        step = max(1, int(np.ptp(inside, axis=0).min()) // 8)
        for dy in range(low[0], high[0] + 1, step):
            for dx in range(low[1], high[1] + 1, step):
                if not self._gap[inside[:, 0] + dy, inside[:, 1] + dx].any():
                    yield np.array([dy, dx])


def _shifted(image: Image, window: Window, offset: tuple[int, int]) -> Plane:
    """What stands `offset` away from the window, its colours weighed by alpha; beyond the picture, its edge."""
    height, width = image.shape[:2]
    y = np.clip(np.arange(*window[0].indices(height)) + offset[1], 0, height - 1)
    x = np.clip(np.arange(*window[1].indices(width)) + offset[0], 0, width - 1)
    source = image[y[:, None], x].astype(np.float32)
    source[..., :3] *= source[..., 3:] / 255
    return source


def _along_edges(spread: Plane, gap: Mask) -> Plane:
    """Inpaint the thin parts of the gaps, which continues lines across them (Telea 2004)."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_THIN, _THIN))
    thin = gap & ~cv2.morphologyEx(gap, cv2.MORPH_OPEN, kernel)
    if not thin.any():
        return spread
    rounded = np.rint(np.clip(spread[..., :3], 0, 255)).astype(np.uint8)
    inpainted = cv2.inpaint(rounded, thin, 3, cv2.INPAINT_TELEA)
    spread[..., :3] = np.where(thin[..., None] > 0, inpainted, spread[..., :3])
    return spread
