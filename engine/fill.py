"""Classical fill of uncovered pixels: smooth by push-pull, textured by healing, thin parts by inpainting.

A pack's fill network takes over where there is one.
"""

import math
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Image, Mask

_THIN = 9  # pixels: gaps up to this width are inpainted along their edges' lines
_RELAXATIONS = 3  # on each level, which smooth out the pyramid's blocks
_COARSE = 96  # pixels along the longer side of the picture in which a source of texture is sought
_STRIP = 1 << 20  # pixels worked on at a time
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
    gaps = (unknown > 0).astype(np.uint8)
    if not gaps.any() or gaps.all():
        return out
    overview = None if smooth else _Overview(image, gaps)
    for window in _windows(gaps):
        gap = gaps[window]
        if overview is None:
            _fill_window(image, gap, window, None, out)
            continue
        wide = _wide(gap)
        _fill_window(image, gap, window, overview.best_offset(window) if wide.any() else None, out)
        _continue_lines(out[window], gap & ~wide)
    return out


Window = tuple[slice, slice]


def _windows(gaps: Mask) -> list[Window]:
    """The surroundings of each gap, near ones taken together; none without a known pixel in it."""
    shrink = _shrink(gaps.size)
    joined = cv2.dilate(_shrunk(gaps * np.uint8(255), shrink), np.ones((_THIN, _THIN), np.uint8))
    count, _, boxes, _ = cv2.connectedComponentsWithStats(joined)
    windows: list[Window] = []
    for x, y, w, h in (boxes[1:count, :4] * shrink).tolist():
        pad = 16 + max(w, h) // 4
        while True:
            window = np.s_[max(y - pad, 0) : y + h + pad, max(x - pad, 0) : x + w + pad]
            if not gaps[window].all():
                break
            pad *= 2
        windows.append(window)
    return windows


def _fill_window(image: Image, gap: Mask, window: Window, offset: tuple[int, int] | None, out: Image) -> None:
    """Lay the part of the picture at `offset` (or nothing) into a gap, and a membrane over the difference.

    The membrane is smooth, so in a large window it is solved small and brought up strip by strip.
    """
    shrink = _shrink(gap.size)
    source = None if offset is None else _shifted(image, window, offset)
    known = np.asarray(_shrunk(gap * np.uint8(255), shrink) == 0, np.uint8)
    if not known.any():  # what little is known is scattered
        known = np.asarray(_shrunk(gap * np.uint8(255), shrink) < 255, np.uint8)
    difference = _weighed(_shrunk(image[window], shrink))
    if source is not None:
        difference = difference - _weighed(_shrunk(source, shrink))
    membrane = push_pull(difference, known)
    filled = out[window]
    rows = max(_STRIP // (gap.shape[1] * shrink), 1)  # of the membrane
    for i in range(0, membrane.shape[0], rows):
        top = max(i - 1, 0)
        size = membrane.shape[1] * shrink, (min(i + rows + 1, membrane.shape[0]) - top) * shrink
        strip = _resize(membrane[top : i + rows + 1], size, cv2.INTER_LINEAR)[(i - top) * shrink :]
        place = np.s_[i * shrink : min((i + rows) * shrink, gap.shape[0])]
        strip = strip[: gap[place].shape[0], : gap.shape[1]]
        if source is not None:
            strip = strip + _weighed(source[place])
        alpha = np.clip(strip[..., 3:], 0, 255)
        colour = np.clip(strip[..., :3] * (255 / np.maximum(alpha, 1)), 0, 255)
        pixels = np.rint(np.concatenate([colour, alpha], axis=-1)).astype(np.uint8)
        cv2.copyTo(pixels, gap[place], filled[place])


def _shrink(area: int) -> int:
    """By how much `area` pixels are to be shrunk so that few enough remain."""
    return max(1, math.ceil(math.sqrt(area / _STRIP)))


def _shrunk(image: NDArray[np.uint8], shrink: int) -> NDArray[np.uint8]:
    """Means of squares of `shrink` pixels, the last ones completed by the edge's."""
    if shrink == 1:
        return image
    height, width = image.shape[:2]
    missing = (-height % shrink, -width % shrink)
    whole = cv2.copyMakeBorder(image, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
    size = whole.shape[1] // shrink, whole.shape[0] // shrink
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.uint8)


def _weighed(image: Image) -> Plane:
    """Colours weighed by alpha, float32."""
    out = image.astype(np.float32)
    out[..., :3] *= out[..., 3:] * np.float32(1 / 255)
    return out


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
    means = _ratio(values, weight)
    if weight.min() > 0.999 or max(height, width) == 1:
        return means
    half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    sums = _resize(values, half, cv2.INTER_AREA)
    found = _resize(weight, half, cv2.INTER_AREA)
    enough = np.minimum(4 * found, np.float32(1))  # one known pixel of four
    coarse = _pull(sums * _ratio(enough, found), enough)
    finer = _resize(coarse, (width, height), cv2.INTER_LINEAR)
    full = _mixed(means, finer, weight)
    for _ in range(_RELAXATIONS):
        full = _mixed(means, np.asarray(cv2.blur(full, (3, 3)), np.float32).reshape(full.shape), weight)
    return full


def _ratio(sums: Plane, weight: Plane) -> Plane:
    return np.divide(sums, np.maximum(weight, np.float32(1e-6)))


def _mixed(a: Plane, b: Plane, weight: Plane) -> Plane:
    return np.asarray(a * weight + b * (1 - weight), np.float32)


def _resize(plane: Plane, size: tuple[int, int], interpolation: int) -> Plane:
    """cv2.resize drops a lone channel's axis."""
    resized = np.asarray(cv2.resize(plane, size, interpolation=interpolation), np.float32)
    return resized.reshape(size[1], size[0], plane.shape[2])


class _Overview:
    """The picture made small, in which parts that fit a gap are sought."""

    def __init__(self, image: Image, gaps: Mask) -> None:
        height, width = gaps.shape
        self._factor = max(1.0, max(height, width) / _COARSE)
        small = (max(2, round(width / self._factor)), max(2, round(height / self._factor)))
        self._picture = cv2.resize(image, small, interpolation=cv2.INTER_AREA).astype(np.float32)
        self._gap = cv2.resize(gaps * np.uint8(255), small, interpolation=cv2.INTER_AREA) > 0

    def best_offset(self, window: Window) -> tuple[int, int] | None:
        """The offset (x, y) in pixels from a gap to what fits it best in the picture, if anything does."""
        here = np.zeros_like(self._gap)
        start, stop = (
            np.array([getattr(s, end) for s in window]) / self._factor for end in ("start", "stop")
        )
        (top, left), (bottom, right) = np.floor(start).astype(int), np.ceil(stop).astype(int)
        here[top:bottom, left:right] = self._gap[top:bottom, left:right]
        wide = cv2.dilate(here.astype(np.uint8), np.ones((2 * _RING + 1,) * 2, np.uint8)) > 0
        ring, inside = np.argwhere(wide & ~self._gap), np.argwhere(here)
        if len(ring) < 8 or len(inside) < 8:
            return None
        best, least = None, np.inf
        for offset in self._offsets(np.concatenate([ring, inside]), inside):
            error = self._picture[tuple(ring.T)] - self._picture[tuple((ring + offset).T)]
            mean = error.mean(0)
            # A membrane takes up a constant difference well, a varying one badly; what is near is likelier
            # to be the same stuff.
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


def _shifted(image: Image, window: Window, offset: tuple[int, int]) -> Image:
    """What stands `offset` away from the window; beyond the picture, its edge."""
    height, width = image.shape[:2]
    y = np.clip(np.arange(*window[0].indices(height)) + offset[1], 0, height - 1)
    x = np.clip(np.arange(*window[1].indices(width)) + offset[0], 0, width - 1)
    return image[y[:, None], x]


def _wide(gap: Mask) -> Mask:
    """The parts of a gap that are wider than _THIN."""
    if gap.size > 4 * _STRIP:  # its thin parts are no thing the eye finds, and they would take seconds
        return gap
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_THIN, _THIN))
    return np.asarray(cv2.morphologyEx(gap, cv2.MORPH_OPEN, kernel), np.uint8)


def _continue_lines(filled: Image, thin: Mask) -> None:
    """Inpaint the thin parts of a filled gap, which continues lines across them (Telea 2004)."""
    if thin.any() and min(thin.shape) > 1:  # OpenCV reads beyond a picture that is but one pixel wide
        colour = np.ascontiguousarray(filled[..., :3])
        inpainted = cv2.inpaint(colour, thin, 3, cv2.INPAINT_TELEA)
        filled[..., :3] = np.where(thin[..., None] > 0, inpainted, colour)
