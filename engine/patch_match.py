"""Which patches of a picture continue it into its holes, sought from coarse to fine.

On each level every place of a hole gets a source elsewhere in the picture. Sources are found by their patches
(Barnes et al., PatchMatch, 2009: neighbours' and random guesses; on small levels all are compared), the hole
is drawn as the mean of what they predict (Wexler et al. 2007), with the mean colour matched (after Darabi et
al. 2012), and then labels are exchanged between neighbours until what lies side by side fits (the energy of
Pritch et al., Shift-Map, 2009). The last step is what keeps pieces large, and a copy of them sharp.

Rows are picked with `take`, which is many times as quick as an index here.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Mask
from engine.patch_features import RADIUS, SIDE, Floats, described
from engine.push_pull import push_pull

_INSET = 1  # pixels that a source is away from what may not be copied
_MARGIN = 4  # around each level's picture, so that no neighbour lies outside of its arrays
_EXCHANGES = (1, 1, 2, 4, 1, 2)  # how far away the labels are that one round of exchanges offers
_ENERGY = 3.0  # the weight of a place's own patch against its eight seams
_SHIFT = 25.0  # steps of colour by which it is corrected at most
_FAR = 190.0  # the squared distance per patch that a source as far as the picture's side costs
_TONE = 1.0  # the weight of a source's mean colour being that which is spread smoothly into the hole
_INWARDS = 1.6  # by which a place counts less than one a pixel nearer to the hole's edge

T = TypeVar("T", bound=np.generic)
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

_AROUND = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x]
_BESIDE = [(y, x) for y, x in _AROUND if not (y and x)]


def framed(picture: Floats) -> Floats:
    """A picture with the margin that levels have, its own reflection."""
    n = _MARGIN
    return np.asarray(cv2.copyMakeBorder(picture, n, n, n, n, cv2.BORDER_REFLECT_101), np.float32)


class _Surroundings(NamedTuple):
    """What lies around n places that choose a source.

    Args:
        steps: (8,) to the neighbours.
        there: (n, 8, c) what the neighbours show.
        here: (n, 8, c) what their sources expect in the places themselves.
        hole: (n, 8) whether a neighbour lies in the hole; a known one expects nothing.
        weight: (n, 8).
    """

    steps: Indices
    there: Floats
    here: Floats
    hole: Flags
    weight: Floats


class Level:
    """A picture of one size, its hole, and the source of each place whose patch touches the hole.

    Places and sources are indices into the flat picture with its margin.

    Args:
        picture: (h, w, c) float32, 0 to 255; where `hole` is set its pixels mean nothing.
        hole: (h, w) bool.
        clean: (h, w) bool, what may be copied.
    """

    def __init__(self, picture: Floats, hole: Flags, clean: Flags) -> None:
        self.picture = framed(push_pull(picture, (~hole).astype(np.uint8)))
        self.height, self.width = self.picture.shape[:2]
        inner = np.s_[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        whole = np.zeros((2, self.height, self.width), np.uint8)
        whole[0][inner], whole[1][inner] = hole, clean & ~hole
        whole[1] = cv2.erode(whole[1], np.ones((2 * _INSET + 1,) * 2, np.uint8))
        touched = np.zeros_like(whole[0])
        touched[inner] = cv2.dilate(whole[0], np.ones((SIDE, SIDE), np.uint8))[inner]
        self.hole = whole[0].ravel() > 0
        self.fit = whole[1].ravel() > 0
        self.sources = np.flatnonzero(self.fit)
        self.places = np.flatnonzero(touched)
        self.gaps = np.flatnonzero(self.hole)
        self.slot = np.full(touched.size, -1, np.int64)
        self.slot[self.places] = np.arange(len(self.places))
        depth = cv2.distanceTransform(whole[0], cv2.DIST_L2, 3).ravel()[self.places]
        self.trust = (_INWARDS ** -np.minimum(depth, 20)).astype(np.float32)
        self.colours = self.picture.reshape(-1, picture.shape[2])
        self.means = self._blurred(self.picture)
        self.tones = math.sqrt(_TONE) * SIDE * np.concatenate([self.means, self._spreads(whole[0])], axis=1)
        self.features = np.concatenate([described(self.picture), self.tones], axis=1)
        self.seen = self.features[self.places]
        self.source = np.zeros(len(self.places), np.int64)
        self.cost = np.zeros(len(self.places), np.float32)
        self.mean: Floats | None = None

    def _blurred(self, picture: Floats) -> Floats:
        soft = np.asarray(cv2.blur(picture, (SIDE, SIDE)), np.float32)
        return soft.reshape(-1, self.picture.shape[2])

    def _spreads(self, hole: Mask) -> Floats:
        """How far the colours of a patch are from their mean, (height · width, 1); spread into the hole."""
        square = np.square(self.colours).sum(1).reshape(self.height, self.width)
        mean = np.asarray(cv2.blur(square, (SIDE, SIDE)), np.float32).ravel()
        found = np.sqrt(np.maximum(mean - np.square(self.means).sum(1), 0))
        known = np.asarray(cv2.dilate(hole, np.ones((SIDE, SIDE), np.uint8)) == 0, np.uint8)
        if not known.any():
            return np.zeros((found.size, 1), np.float32)
        return push_pull(found.reshape(self.height, self.width, 1), known).reshape(-1, 1)

    def offsets(self) -> Indices:
        """From each pixel to its source, (h, w, 2) rows and columns; beyond the places, of the nearest."""
        away = np.stack(np.divmod(self.source, self.width), axis=1)
        away -= np.stack(np.divmod(self.places, self.width), axis=1)
        return self.inner(away[self.slot[self._nearest(self.slot >= 0)]])

    def inner(self, flat: NDArray[T]) -> NDArray[T]:
        """(height · width, c) without the margin, (h, w, c)."""
        whole = flat.reshape(self.height, self.width, -1)
        return whole[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]

    def refine(self, offsets: Indices) -> None:
        """Take the sources over from the level half as large."""
        row, column = np.divmod(self.places, self.width)
        away = 2 * offsets[(row - _MARGIN) // 2, (column - _MARGIN) // 2]
        row = np.clip(row + away[:, 0], 0, self.height - 1)
        column = np.clip(column + away[:, 1], 0, self.width - 1)
        self.source = self._nearest(self.fit)[row * self.width + column]

    def _nearest(self, chosen: Flags) -> Indices:
        """Of each pixel, the nearest of those chosen."""
        away = (~chosen).reshape(self.height, self.width).astype(np.uint8)
        kind = cv2.DIST_LABEL_PIXEL
        found = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 3, labelType=kind)[1]
        labels = np.asarray(found, np.int64).ravel()
        places = np.flatnonzero(chosen)
        named = np.zeros(labels.max() + 1, np.int64)
        named[labels[places]] = places
        return named[labels]

    def show(self, drawn: Floats) -> None:
        """Take the picture with its hole drawn as what patches are compared with.

        Args:
            drawn: (height, width, c) with the margin.
        """
        self.seen = np.concatenate([described(drawn), self.tones], axis=1)[self.places]
        self.mean = self._blurred(drawn)[self.places]
        self.cost = self.costs(self.source)

    def costs(self, sources: Indices, at: Indices | slice = np.s_[:]) -> Floats:
        """How badly the patches of some places fit those around sources; the distance costs a little as well.

        Args:
            at: which of the places.
        """
        places, difference = self.places[at], self.features.take(sources, axis=0) - self.seen[at]
        return np.einsum("ij,ij->i", difference, difference) + self._far * (
            np.square(self._row(sources) - self._row(places))
            + np.square(sources % self.width - places % self.width)
        ).astype(np.float32)

    @property
    def _far(self) -> float:
        return _FAR / max(self.height, self.width) ** 2

    def _row(self, index: Indices) -> Indices:
        return index // self.width

    def compare_all(self) -> None:
        """The best source of each place."""
        far = math.sqrt(self._far)

        def placed(features: Floats, index: Indices) -> Floats:
            where = np.stack([self._row(index), index % self.width], axis=1) * far
            return np.concatenate([features, where.astype(np.float32)], axis=1)

        offered = placed(self.features[self.sources], self.sources)
        half = 0.5 * np.einsum("ij,ij->i", offered, offered)
        offered = np.concatenate([offered, half[:, None]], axis=1).T
        asked = placed(self.seen, self.places)
        asked = np.concatenate([asked, np.full((len(asked), 1), -1, np.float32)], axis=1)
        best = [(asked[i : i + 256] @ offered).argmax(1) for i in range(0, len(asked), 256)]
        self.source = self.sources[np.concatenate(best)]
        self.cost = self.costs(self.source)

    def guess(self, random: np.random.Generator) -> None:
        """Better sources from neighbours, and from ever smaller surroundings of the present one."""
        self._ask_neighbours(2)
        self._ask_neighbours(1)
        reach = max(self.height, self.width) // 2
        while reach >= 1:
            dy, dx = random.integers(-reach, reach + 1, (2, len(self.source)))
            self._offer(self._row(self.source) + dy, self.source % self.width + dx)
            reach //= 3
        self._ask_neighbours(1)

    def _ask_neighbours(self, step: int) -> None:
        for dy, dx in ((0, step), (step, 0), (0, -step), (-step, 0)):
            slot = self.slot[self.places + dy * self.width + dx]
            source = np.where(slot >= 0, self.source[slot], self.source)
            self._offer(self._row(source) - dy, source % self.width - dx)

    def _offer(self, row: Indices, column: Indices) -> None:
        inside = (row >= 0) & (column >= 0) & (row < self.height) & (column < self.width)
        offered = np.where(inside, row * self.width + column, 0)
        new = np.flatnonzero(self.fit[offered] & (offered != self.source))
        cost = self.costs(offered[new], new)
        better = cost < self.cost[new]
        self.source[new[better]] = offered[new[better]]
        self.cost[new[better]] = cost[better]

    def drawn(self) -> Floats:
        """The picture, its hole drawn as the weighted mean of what all patches over a pixel predict."""
        weight = self.trust
        if self.cost.any():
            spread = 2 * float(np.percentile(self.cost, 75)) + 1
            weight = weight * np.exp(-self.cost / spread) + np.float32(1e-6)
        shift = None
        if self.mean is not None:
            shift = np.clip(self.mean - self.means.take(self.source, axis=0), -_SHIFT, _SHIFT)
        total = np.zeros((len(self.gaps), self.colours.shape[1]), np.float32)
        sum_ = np.zeros((len(self.gaps), 1), np.float32)
        for dy, dx in itertools.product(range(-RADIUS, RADIUS + 1), repeat=2):
            step = dy * self.width + dx
            slot = self.slot.take(self.gaps - step)
            share = np.where(slot >= 0, weight.take(slot), np.float32(0))[:, None]
            predicted = self.colours.take(self.source.take(slot) + step, axis=0)
            if shift is not None:
                predicted += shift.take(slot, axis=0)
            total += share * predicted
            sum_ += share
        out = self.picture.copy()
        out.reshape(self.colours.shape)[self.gaps] = total / np.maximum(sum_, 1e-9)
        return framed(out[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN])

    def exchange(self, check: Callable[[], None]) -> None:
        """Let each place of the hole take over its neighbours' offsets where that makes better seams."""
        row, column = self._row(self.gaps), self.gaps % self.width
        turns = [self.gaps[row % 2 * 2 + column % 2 == turn] for turn in range(4)]
        source = np.arange(self.hole.size)
        source[self.gaps] = self.source[self.slot[self.gaps]]
        for step in _EXCHANGES:
            check()
            changed = sum(self._take_turn(source, places, step) for places in turns)
            if changed < 0.005 * len(self.gaps):
                break
        self.source[self.slot[self.gaps]] = source[self.gaps]
        self.cost = self.costs(self.source)

    def _take_turn(self, source: Indices, places: Indices, step: int) -> int:
        """Exchanges among places no two of which are neighbours; returns how many changed."""
        around = self._surroundings(source, places)
        seen = self.seen[self.slot[places]]
        before = best = source[places]
        least = self._energy(best, seen, around)
        for y, x in _AROUND if step == 1 else _BESIDE:
            away = (y * self.width + x) * step
            offered = source.take(places + away) - away
            usable = self.hole.take(places + away) & self.fit.take(offered)
            offered = np.where(usable, offered, before)
            energy = self._energy(offered, seen, around)
            better = energy < least - 1e-3
            best, least = np.where(better, offered, best), np.where(better, energy, least)
        source[places] = best
        return int((best != before).sum())

    def _surroundings(self, source: Indices, places: Indices) -> _Surroundings:
        steps = np.array([y * self.width + x for y, x in _AROUND])
        beside = places[:, None] + steps
        near = np.array([0.5 if y and x else 1 for y, x in _AROUND], np.float32)
        return _Surroundings(
            steps=steps,
            there=self.colours.take(source.take(beside), axis=0),
            here=self.colours.take(source.take(beside) - steps, axis=0),
            hole=self.hole.take(beside),
            weight=near * (self.slot[beside] >= 0),  # 0 outside of the picture
        )

    def _energy(self, offered: Indices, seen: Floats, around: _Surroundings) -> Floats:
        """Of each place: what its seams cost, and how badly the patch fits what is drawn."""
        beside = _lengths(self.colours.take(offered[:, None] + around.steps, axis=0) - around.there)
        within = _lengths(self.colours.take(offered, axis=0)[:, None] - around.here)
        seams = np.where(around.hole, beside + within, 2 * beside)
        patch = self.features.take(offered, axis=0) - seen
        return np.einsum("ij,ij->i", seams, around.weight) + _ENERGY / SIDE * np.sqrt(
            np.einsum("ij,ij->i", patch, patch)
        )


def _lengths(vectors: Floats) -> Floats:
    """Of the last, short axis: adding its few planes is far quicker than summing along it."""
    return np.sqrt(sum(np.square(vectors[..., i]) for i in range(vectors.shape[-1])))
