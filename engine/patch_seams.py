"""Take away what is left of a step in colour along the seams of a picture pieced together.

Perez et al., Poisson Image Editing (2003), for many pieces: differences between neighbours shall be those of
the pieces, and across a seam the mean of what the two pieces say. Solved by conjugate gradients.
"""

import numpy as np

from engine.patch_features import Floats
from engine.patch_match import Flags, Indices, Level

_SAME = 32.0  # steps of colour: a larger step is between two things, not between two shades of one
_ROUNDS = 150
_ENOUGH = 0.02  # steps of colour: as much of an error as does not show


def seamless_shades(level: Level) -> Floats:
    """What to add to the piece at each pixel, (h, w, c); nan outside of the hole."""
    gaps = level.gaps
    number = np.full(level.hole.size, len(gaps))  # beyond the last: known pixels, to which nothing is added
    number[gaps] = np.arange(len(gaps))
    wanted = np.zeros((len(gaps), level.colours.shape[1]), np.float32)
    degree = np.zeros((len(gaps), 1), np.float32)
    links: list[Indices] = []
    for step in (-level.width, -1, 1, level.width):
        jump, inside = _jump(level, step)
        wanted += jump
        degree += inside[:, None]
        links.append(np.where(inside, number[gaps + step], len(gaps)))
    found = _solved(wanted, degree, np.stack(links))
    out = np.full(level.colours.shape, np.nan, np.float32)
    out[gaps] = found
    return level.inner(out)


def _jump(level: Level, step: int) -> tuple[Floats, Flags]:
    """By how much a place's shade shall exceed its neighbour's, (n, c), and whether there is one."""
    gaps, source = level.gaps, np.arange(level.hole.size)
    source[gaps] = level.source[level.slot[gaps]]
    beside, own = gaps + step, source[gaps]
    inside = level.slot[beside] >= 0
    there = level.colours[source[beside]] - level.colours[own + step]
    here = level.colours[source[beside] - step] - level.colours[own]
    jump = np.where(level.hole[beside][:, None], 0.5 * (there + here), there)
    alike = 1 / (1 + (np.abs(jump).max(1) / _SAME) ** 4)
    return np.asarray(jump * (alike * inside)[:, None], np.float32), inside


def _solved(wanted: Floats, degree: Floats, links: Indices) -> Floats:
    """x with degree · x less the sum of linked x = wanted; links beyond the last are to 0."""
    x, rest = np.zeros_like(wanted), wanted.copy()
    along, square = rest.copy(), np.square(rest).sum(0)
    padded = np.zeros((len(wanted) + 1, wanted.shape[1]), np.float32)
    for _ in range(_ROUNDS):
        if np.abs(rest).max() < _ENOUGH:
            break
        padded[:-1] = along
        turned = degree * along - padded[links].sum(0)
        length = square / np.maximum((along * turned).sum(0), 1e-9)
        x, rest = x + length * along, rest - length * turned
        square, before = np.square(rest).sum(0), square
        along = rest + square / np.maximum(before, 1e-9) * along
    return x
