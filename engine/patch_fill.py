"""Fill a hole with pieces of the picture around it, so that texture and structure continue.

Where the pieces come from is found on a picture made small (`engine/patch_match.py`); copied are the
picture's own pixels, and what is left of a step in colour along their seams is taken away
(`engine/patch_seams.py`).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from engine.edit import Image, Mask
from engine.patch_features import RADIUS, Floats
from engine.patch_match import Flags, Indices, Level
from engine.patch_seams import seamless_shades

_SEED = 0
_MOST_PIXELS = 1 << 16  # of the picture on which sources are sought
_MOST_GAPS = 7500  # pixels of the hole on it
_LEAST = 16  # pixels along the shorter side of the coarsest level
_COMPARED = 2_000_000  # pairs of places and sources up to which all are compared
_COMPARISONS, _GUESSES = 2, 3  # rounds of matching and drawing
_STRIP = 1 << 18  # pixels filled at a time


class _Small(NamedTuple):
    """The picture at one size: (h, w, c) float32 weighed by alpha, the hole, and what may be copied."""

    picture: Floats
    hole: Flags
    clean: Flags


def patch_fill(
    image: Image, gap: Mask, wanted: Mask, out: Image, check: Callable[[], None] = lambda: None
) -> bool:
    """Fill a part of a picture.

    Args:
        image: (h, w, 4) uint8 straight RGBA.
        gap: (h, w) uint8, non-zero where the picture is unknown.
        wanted: (h, w) uint8, non-zero where to fill: some of the gap.
        out: as large as the image: where to write the fill; nothing else of it is written.
        check: called between steps; what it raises ends the work.

    Returns:
        Whether there was anything to copy; if not, nothing is filled.
    """
    shrink = _shrink_for(gap)
    level = _matched(_small(image, gap, shrink), check)
    if level is None:
        return False
    offsets, shades = level.offsets(), seamless_shades(level)
    rows = max(_STRIP // image.shape[1], 1)
    for top in range(0, image.shape[0], rows):
        check()
        y, x = np.nonzero(wanted[top : top + rows])
        if len(y):
            y += top
            out[y, x] = _pieced(image, offsets, shades, (y, x), shrink)
    return True


def _shrink_for(gap: Mask) -> int:
    """By how much the picture is made smaller to seek sources on it."""
    share = max(gap.size / _MOST_PIXELS, np.count_nonzero(gap) / _MOST_GAPS)
    return max(1, math.ceil(math.sqrt(share)))


def _small(image: Image, gap: Mask, shrink: int) -> _Small:
    """Means of squares of `shrink` pixels; a square that holds an unknown pixel is all hole."""
    height, width = gap.shape
    below, right = -height % shrink, -width % shrink
    size = (width + right) // shrink, (height + below) // shrink
    planes: list[Floats] = []
    known = (gap == 0).astype(np.uint8)
    for plane in (image, known * np.uint8(255)):
        whole = cv2.copyMakeBorder(plane, 0, below, 0, right, cv2.BORDER_REPLICATE)
        planes.append(np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.float32))
    picture, share = planes
    picture[..., :3] *= picture[..., 3:] * np.float32(1 / 255)
    clean = share == 255
    opaque = bool((image[..., 3][gap == 0] == 255).all())
    return _Small(np.ascontiguousarray(picture[..., :3]) if opaque else picture, ~clean, clean)


def _halved(level: _Small) -> _Small:
    """Means of squares of two pixels as far as they are known."""
    height, width = level.hole.shape
    border = 0, height % 2, 0, width % 2
    size = (width + 1) // 2, (height + 1) // 2

    def mean(plane: Floats) -> Floats:
        whole = cv2.copyMakeBorder(plane, *border, cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA), np.float32)

    known = (~level.hole).astype(np.float32)
    share = mean(known)
    sums = mean(level.picture * known[..., None])
    clean = mean(level.clean.astype(np.float32)) == 1
    picture = sums / np.maximum(share, np.float32(0.25))[..., None]
    return _Small(np.asarray(picture, np.float32), share < 0.5, clean)


def _levels(finest: _Small) -> list[_Small]:
    """From the finest to one on which every patch over the hole sees something of its surroundings."""
    levels = [finest]
    while min(levels[-1].hole.shape) >= 2 * _LEAST:
        hole = np.pad(levels[-1].hole.astype(np.uint8), 1)
        if cv2.distanceTransform(hole, cv2.DIST_L2, 3).max() <= RADIUS + 1:
            break
        levels.append(_halved(levels[-1]))
    return levels


def _matched(finest: _Small, check: Callable[[], None]) -> Level | None:
    """The finest level with a source for each place of its hole; None where no level has any."""
    random = np.random.default_rng(_SEED)
    done: Level | None = None
    for small in reversed(_levels(finest)):
        level = Level(*small)
        if not len(level.sources) or not len(level.gaps):
            continue
        if done is None:
            level.source = random.choice(level.sources, len(level.places))
            level.show(level.picture)
        else:
            level.refine(done.offsets())
            level.show(level.drawn())
        few = len(level.places) * len(level.sources) <= _COMPARED
        for _ in range(_COMPARISONS if few else _GUESSES):
            check()
            if few:
                level.compare_all()
            else:
                level.guess(random)
            level.show(level.drawn())
        level.exchange(check)
        done = level
    return done


def _pieced(
    image: Image, offsets: Indices, shades: Floats, at: tuple[Indices, Indices], shrink: int
) -> Image:
    """The fill of some pixels (n, 4): each of the four squares around a pixel that are of the hole says where
    it comes from, and where they disagree there is a seam, one square wide.

    Args:
        offsets: (h, w, 2) of the squares, in squares.
        shades: (h, w, c) what to add to their pixels, nan outside of the hole.
        at: the pixels' rows and columns.
    """
    height, width = offsets.shape[:2]
    out, total = np.zeros((len(at[0]), 4), np.float32), np.zeros((len(at[0]), 1), np.float32)
    y, x = ((np.asarray(a, np.float32) + 0.5) / shrink - 0.5 for a in at)
    top, left = np.floor(y), np.floor(x)
    for j, i in ((0, 0), (0, 1), (1, 0), (1, 1)):
        row = np.clip(top.astype(np.int64) + j, 0, height - 1)
        column = np.clip(left.astype(np.int64) + i, 0, width - 1)
        away, shade = offsets[row, column] * shrink, shades[row, column]
        source = (
            np.clip(at[0] + away[:, 0], 0, image.shape[0] - 1),
            np.clip(at[1] + away[:, 1], 0, image.shape[1] - 1),
        )
        pixels = image[source].astype(np.float32)
        pixels[:, :3] *= pixels[:, 3:] * np.float32(1 / 255)
        pixels[:, : shade.shape[1]] += np.nan_to_num(shade)
        share = np.abs(1 - j - (y - top)) * np.abs(1 - i - (x - left))
        share = np.where(np.isnan(shade[:, 0]), 0, share)[:, None].astype(np.float32)
        out, total = out + pixels * share, total + share
    out /= np.maximum(total, 1e-6)
    alpha = np.clip(out[:, 3:], 0, 255)
    colour = np.clip(out[:, :3] * (255 / np.maximum(alpha, 1)), 0, 255)
    return np.rint(np.concatenate([colour, alpha], axis=1)).astype(np.uint8)
