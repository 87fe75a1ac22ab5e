"""Classical fill of uncovered pixels: smooth by push-pull, textured by patches, thin parts by inpainting.

A pack's fill network takes over where there is one.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Image, Mask
from engine.patch_fill import patch_fill
from engine.push_pull import Plane, push_pull, resize_plane

_THIN = 9  # pixels: gaps up to this width are inpainted along their edges' lines
_STRIP = 1 << 20  # pixels worked on at a time


def fill(
    image: Image, unknown: Mask, *, smooth: bool = False, check: Callable[[], None] = lambda: None
) -> Image:
    """Fill the pixels of `image` where `unknown` is set, from all others.

    Wide gaps are filled with pieces of their surroundings (`engine/patch_fill.py`); where no piece is to be
    had, and in what is thin, the edge's colours are spread.

    Args:
        image: (h, w, 4) uint8 straight RGBA.
        unknown: (h, w) uint8, non-zero where the picture is unknown.
        smooth: spread the edge's colours only, without texture.
        check: called between steps; what it raises ends the work.

    Returns:
        (h, w, 4) uint8, a new array; known pixels unchanged.
    """
    out = image.copy()
    gaps = (unknown > 0).astype(np.uint8)
    if not gaps.any() or gaps.all():
        return out
    found, done = _Gaps(gaps), set[int]()
    for number in found.numbers:
        if number in done:
            continue
        check()
        window = found.window(number, 0.25)
        wide = np.zeros_like(gaps[window]) if smooth else _wide(gaps[window])
        mine = found.own({number}, window)
        if not ((wide & mine).any() and found.piece(image, number, out, done, check)):
            _spread(image[window], gaps[window], mine, out[window])
            if not smooth:
                _continue_lines(out[window], mine & ~wide)
        done.add(number)
    return out


Window = tuple[slice, slice]


class _Gaps:
    """The connected gaps of a picture, near ones taken together and numbered, the largest first."""

    def __init__(self, gaps: Mask) -> None:
        self._gaps = gaps
        self._shrink = _shrink(gaps.size)
        small = _shrunk(gaps * np.uint8(255), self._shrink)
        joined = cv2.dilate(small, np.ones((_THIN, _THIN), np.uint8))
        _, self._labels, stats, _ = cv2.connectedComponentsWithStats(joined)
        self._boxes = stats[:, :4] * self._shrink
        self.numbers: list[int] = (np.argsort(-stats[1:, 4], kind="stable") + 1).tolist()

    def window(self, number: int, around: float) -> Window:
        """The surroundings of a gap, which reach as far as a share of its longer side; with a known pixel."""
        x, y, w, h = self._boxes[number].tolist()
        pad = 16 + round(around * max(w, h))
        while True:
            window = np.s_[max(y - pad, 0) : y + h + pad, max(x - pad, 0) : x + w + pad]
            if not self._gaps[window].all():
                return window
            pad *= 2

    def piece(self, image: Image, number: int, out: Image, done: set[int], check: Callable[[], None]) -> bool:
        """Fill a gap with pieces, and all others that its surroundings hold; returns whether there are any.

        Args:
            done: the gaps that are filled already; those that this fills are added.
        """
        window = self.window(number, 1.0)
        own = self.inside(window) - done
        mine = self.own(own, window)
        if not patch_fill(image[window], self._gaps[window], mine, out[window], check):
            return False
        done |= own
        return True

    def inside(self, window: Window) -> set[int]:
        """The gaps that lie wholly in a window."""
        (top, bottom, _), (left, right, _) = (
            s.indices(n) for s, n in zip(window, self._gaps.shape, strict=True)
        )
        x, y, w, h = self._boxes[1:].T
        held = (x >= left) & (y >= top)
        held &= np.minimum(x + w, self._gaps.shape[1]) <= right
        held &= np.minimum(y + h, self._gaps.shape[0]) <= bottom
        return set((np.flatnonzero(held) + 1).tolist())

    def own(self, numbers: set[int], window: Window) -> Mask:
        """1 where a window's pixels are of these gaps."""
        chosen = np.zeros(len(self._boxes), np.uint8)
        chosen[list(numbers)] = 1
        rows, columns = (
            np.arange(*s.indices(n)) // self._shrink for s, n in zip(window, self._gaps.shape, strict=True)
        )
        labels = np.asarray(self._labels[np.ix_(rows, columns)], np.int64)
        return chosen[labels] & self._gaps[window]


def _spread(image: Image, gap: Mask, own: Mask, out: Image) -> None:
    """Spread known colours over what is `own` of a gap; in a large picture small, and in strips."""
    shrink = _shrink(gap.size)
    known = np.asarray(_shrunk(gap * np.uint8(255), shrink) == 0, np.uint8)
    if not known.any():  # what little is known is scattered
        known = np.asarray(_shrunk(gap * np.uint8(255), shrink) < 255, np.uint8)
    membrane = push_pull(_weighed(_shrunk(image, shrink)), known)
    rows = max(_STRIP // (gap.shape[1] * shrink), 1)  # of the membrane
    for i in range(0, membrane.shape[0], rows):
        top = max(i - 1, 0)
        size = membrane.shape[1] * shrink, (min(i + rows + 1, membrane.shape[0]) - top) * shrink
        strip = resize_plane(membrane[top : i + rows + 1], size, cv2.INTER_LINEAR)[(i - top) * shrink :]
        place = np.s_[i * shrink : min((i + rows) * shrink, gap.shape[0])]
        strip = strip[: gap[place].shape[0], : gap.shape[1]]
        alpha = np.clip(strip[..., 3:], 0, 255)
        colour = np.clip(strip[..., :3] * (255 / np.maximum(alpha, 1)), 0, 255)
        pixels = np.rint(np.concatenate([colour, alpha], axis=-1)).astype(np.uint8)
        cv2.copyTo(pixels, own[place], out[place])


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
