"""Take away what is left of a step in colour along the seams of a picture pieced together.

Perez et al., Poisson Image Editing (2003), for many pieces: differences between neighbours shall be those of
the pieces, and across a seam the mean of what the two pieces say. Solved by conjugate gradients.

A large step is left as it is: it may well be the outline of a thing, and what lies on both sides of it would
run together. But where nothing around the two pieces is as steep as the step between them, they are two
shades of something smooth, such as a sky, however far apart. What takes steps away on one side of an outline
hardly reaches the other side, as neighbours count the less the more they differ.
"""

import cv2
import numpy as np

from engine.patch_features import SIDE, Floats
from engine.patch_match import Indices, Level

_SAME = 32.0  # steps of colour: a larger step is between two things, not between two shades of one
_OUTLINE = 20.0  # steps of colour: across a larger one shade hardly runs from one thing into the other
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
    steepest = _steepest(level)
    weights: list[Floats] = []
    for step in (-level.width, -1, 1, level.width):
        jump, weight = _jump(level, step, steepest)
        wanted += weight * jump
        degree += weight
        links.append(np.where(weight[:, 0] > 0, number[gaps + step], len(gaps)))
        weights.append(weight)
    found = _solved(wanted, degree, np.stack(links), np.stack(weights))
    out = np.full(level.colours.shape, np.nan, np.float32)
    out[gaps] = found
    return level.inner(out)


def _steepest(level: Level) -> Floats:
    """The largest step of colour between known neighbours in the patch around each, (height · width,)."""
    picture = level.colours.reshape(level.height, level.width, -1)
    known = level.fit.reshape(level.height, level.width)
    steps = np.zeros((level.height, level.width), np.float32)
    for axis, (here, there) in enumerate(((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:]))):
        both = known[here] & known[there]
        steep = np.where(both, np.abs(np.diff(picture, axis=axis)).max(-1), np.float32(0))
        steps[here] = np.maximum(steps[here], steep)
    return np.asarray(cv2.dilate(steps, np.ones((SIDE, SIDE), np.uint8)), np.float32).ravel()


def _jump(level: Level, step: int, steepest: Floats) -> tuple[Floats, Floats]:
    """By how much a place's shade shall exceed its neighbour's, (n, c), and how much that counts, (n, 1)."""
    gaps, source = level.gaps, np.arange(level.hole.size)
    source[gaps] = level.source[level.slot[gaps]]
    beside, own = gaps + step, source[gaps]
    inside = level.slot[beside] >= 0
    there = level.colours[source[beside]] - level.colours[own + step]
    here = level.colours[source[beside] - step] - level.colours[own]
    between = level.hole[beside]
    jump = np.where(between[:, None], 0.5 * (there + here), there)
    size = np.abs(jump).max(1)
    smooth = between & (size > np.maximum(steepest[own], steepest[source[beside]]))
    jump *= np.where(smooth, 1, 1 / (1 + (size / _SAME) ** 4))[:, None]
    left = np.abs(level.colours[source[beside]] - level.colours[own] - jump).max(1)
    weight = inside / (1 + (left / _OUTLINE) ** 2)
    return np.asarray(jump, np.float32), np.asarray(weight, np.float32)[:, None]


def _solved(wanted: Floats, degree: Floats, links: Indices, weights: Floats) -> Floats:
    """x with degree · x less the weighted sum of linked x = wanted; links beyond the last are to 0."""
    x, rest = np.zeros_like(wanted), wanted.copy()
    along, square = rest.copy(), np.square(rest).sum(0)
    padded = np.zeros((len(wanted) + 1, wanted.shape[1]), np.float32)
    for _ in range(_ROUNDS):
        if np.abs(rest).max() < _ENOUGH:
            break
        padded[:-1] = along
        turned = degree * along - (weights * padded.take(links, axis=0)).sum(0)
        length = square / np.maximum((along * turned).sum(0), 1e-9)
        x, rest = x + length * along, rest - length * turned
        square, before = np.square(rest).sum(0), square
        along = rest + square / np.maximum(before, 1e-9) * along
    return x
