"""Regions of a photo that might move: found once per photo, bounded by its edges, from parts to things.

Watershed superpixels (Meyer 1992) are merged in pairs, the most alike first, as in hierarchical segmentation
(Arbeláez et al. 2011); of that tree the regions are kept that stand out longest from what is around them.
GrabCut (Rother, Kolmogorov, Blake 2004) draws their outlines.
"""

import heapq
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

MOST_REGIONS = 8  # one bit each
_WORK = 128  # pixels along a side, at which superpixels are found
_LEAST_AREA, _MOST_AREA = 0.012, 0.4  # of the photo
_MOST_BORDER = 0.25  # of a region's outline that may lie on the photo's border
_MOST_OVERLAP = 0.7  # intersection over union of two regions that are both kept


class Proposals(NamedTuple):
    """Regions of one photo.

    Args:
        bits: (s, s) uint8, bit k set where region k lies.
        boxes: (8, 4) float32 x0, y0, x1, y1 in pixels.
        weights: (8,) float32, how much each stands out; 0 where there is none.
    """

    bits: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    weights: NDArray[np.float32]


def propose(photo: NDArray[np.uint8]) -> Proposals:
    """Up to eight regions of a square photo (s, s, 3) uint8 sRGB."""
    side = photo.shape[0]
    small = np.asarray(cv2.resize(photo, (_WORK, _WORK), interpolation=cv2.INTER_AREA), np.uint8)
    labels, lab = _superpixels(small)
    found = _standing_out(_tree(labels, lab), labels)
    bits = np.zeros((side, side), np.uint8)
    boxes, weights = np.zeros((MOST_REGIONS, 4), np.float32), np.zeros(MOST_REGIONS, np.float32)
    kept: list[NDArray[np.bool_]] = []
    for score, region in found:
        if len(kept) == MOST_REGIONS:
            break
        if any(_overlap(region, other) > _MOST_OVERLAP for other in kept):
            continue
        outlined = _outlined(small, region)
        if outlined is None or any(_overlap(outlined, other) > _MOST_OVERLAP for other in kept):
            continue
        large = _enlarged(outlined, side)
        bits |= large.astype(np.uint8) << len(kept)
        x, y, w, h = cv2.boundingRect(large.astype(np.uint8))
        boxes[len(kept)], weights[len(kept)] = (x, y, x + w, y + h), score * _solidity(outlined)
        kept.append(outlined)
    return Proposals(bits, boxes, weights)


def _solidity(region: NDArray[np.bool_]) -> float:
    """The region's share of its convex hull: a ring around a thing is none itself."""
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    hull = cv2.convexHull(max(contours, key=cv2.contourArea))
    return float(region.sum()) / max(cv2.contourArea(hull), float(region.sum()))


def _superpixels(small: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Labels from 0 on, and the picture in Lab, both of the working size."""
    smooth = np.asarray(cv2.bilateralFilter(small, 5, 30, 3), np.uint8)
    lab = np.asarray(cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2Lab), np.float32)
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    steep = cv2.GaussianBlur(np.sqrt((across**2 + down**2).sum(-1)), (0, 0), 1.2)
    lowest = cv2.erode(steep, np.ones((5, 5), np.uint8))
    _, markers = cv2.connectedComponents((steep <= lowest + 1e-3).astype(np.uint8), connectivity=8)
    level = np.clip(steep * 2, 0, 255).astype(np.uint8)
    labels = cv2.watershed(cv2.merge([level, level, level]), np.asarray(markers, np.int32))
    labels = np.asarray(labels, np.float32)
    for _ in range(2):  # ridges, -1, go to a neighbour
        labels = np.where(labels < 1, cv2.dilate(labels, np.ones((3, 3), np.uint8)), labels)
    _, dense = np.unique(labels.astype(np.int32), return_inverse=True)
    return dense.reshape(labels.shape).astype(np.int32), lab


class _Tree(NamedTuple):
    """Merges of superpixels: node i < n is a superpixel, n + m the m-th merge."""

    parents: NDArray[np.intp]  # (2n - 1,) of each node; the root is its own
    heights: NDArray[np.float64]  # at which each node was made, 0 for superpixels


def _tree(labels: NDArray[np.int32], lab: NDArray[np.float32]) -> _Tree:
    """Merge the most alike neighbours until one is left."""
    n = int(labels.max()) + 1
    area = np.bincount(labels.ravel(), minlength=n).astype(float).tolist()
    sums = [np.bincount(labels.ravel(), lab[..., c].ravel(), n) for c in range(3)]
    mean = [tuple(colour) for colour in (np.stack(sums, 1) / np.array(area)[:, None]).tolist()]
    edges = _borders(labels, lab)
    parents, heights = list(range(2 * n - 1)), [0.0] * (2 * n - 1)
    alive = [True] * n
    queue = [(_unlike(area, mean, edges[a][b], a, b), a, b) for a in range(n) for b in edges[a] if a < b]
    heapq.heapify(queue)
    while queue:
        height, a, b = heapq.heappop(queue)
        if not (alive[a] and alive[b]):
            continue
        new = len(area)
        parents[a] = parents[b] = new
        heights[new] = max(height, heights[a], heights[b])
        alive[a] = alive[b] = False
        alive.append(True)
        share = area[a] / (area[a] + area[b])
        area.append(area[a] + area[b])
        mean.append(tuple(share * p + (1 - share) * q for p, q in zip(mean[a], mean[b], strict=True)))
        edges.append(_joined(edges, a, b, new))
        for other in edges[new]:
            heapq.heappush(queue, (_unlike(area, mean, edges[new][other], new, other), new, other))
    return _Tree(np.array(parents), np.array(heights))


_Border = tuple[float, float]  # length in pixels, and the sum of the colour steps across it


def _borders(labels: NDArray[np.int32], lab: NDArray[np.float32]) -> list[dict[int, _Border]]:
    """By superpixel and neighbour."""
    n = int(labels.max()) + 1
    keys: list[NDArray[np.int64]] = []
    steps: list[NDArray[np.float32]] = []
    for first, second in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        a, b = labels[first], labels[second]
        apart = a != b
        low, high = np.minimum(a, b)[apart].astype(np.int64), np.maximum(a, b)[apart]
        keys.append(low * n + high)
        steps.append(_step(lab, first == np.s_[:, :-1])[apart])
    unique, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    lengths, sums = np.bincount(inverse), np.bincount(inverse, np.concatenate(steps))
    out: list[dict[int, _Border]] = [{} for _ in range(n)]
    for key, length, total in zip(unique.tolist(), lengths.tolist(), sums.tolist(), strict=True):
        a, b = divmod(key, n)
        out[a][b] = out[b][a] = (float(length), total)
    return out


def _step(lab: NDArray[np.float32], across: bool) -> NDArray[np.float32]:
    """The colour step from each pixel to the next, seen over four pixels so that soft edges count in full."""
    wide = np.pad(lab, ((0, 0), (1, 2), (0, 0)) if across else ((1, 2), (0, 0), (0, 0)), mode="edge")
    difference = wide[:, 3:] - wide[:, :-3] if across else wide[3:] - wide[:-3]
    whole = np.sqrt((difference**2).sum(-1))
    return whole[:, :-1] if across else whole[:-1]


def _joined(edges: list[dict[int, _Border]], a: int, b: int, new: int) -> dict[int, _Border]:
    """The neighbours of two merged regions, which learn of it."""
    joined: dict[int, _Border] = {}
    for old in (a, b):
        for other, (length, total) in edges[old].items():
            if other not in (a, b):
                known = joined.get(other, (0.0, 0.0))
                joined[other] = known[0] + length, known[1] + total
                edges[other].pop(old)
    for other, border in joined.items():
        edges[other][new] = border
    return joined


def _unlike(area: list[float], mean: list[tuple[float, ...]], border: _Border, a: int, b: int) -> float:
    """How unlike neighbours are: colour as a whole and across their border; small regions merge early."""
    colour = sum((p - q) ** 2 for p, q in zip(mean[a], mean[b], strict=True)) ** 0.5
    length, total = border
    small = min(area[a], area[b])
    return (0.4 * colour + total / length) * (small / (small + 60)) ** 0.5


def _standing_out(tree: _Tree, labels: NDArray[np.int32]) -> list[tuple[float, NDArray[np.bool_]]]:
    """Regions of the tree (h, w) with how much each stands out, the most first."""
    n = int(labels.max()) + 1
    nodes = len(tree.parents)
    member = np.zeros((nodes, n), np.bool_)
    member[np.arange(n), np.arange(n)] = True
    for node in range(nodes - 1):
        member[tree.parents[node]] |= member[node]
    sizes = np.bincount(labels.ravel(), minlength=n)
    rim = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    rims = np.bincount(rim, minlength=n)
    share = member @ sizes / labels.size
    on_rim = member @ rims
    outline = 3.5 * np.sqrt(share * labels.size)
    fit = (share > _LEAST_AREA) & (share < _MOST_AREA) & (on_rim < _MOST_BORDER * outline)
    stands = tree.heights[tree.parents] - tree.heights * 0.7
    score = stands * np.sqrt(np.minimum(share, 0.12) / 0.12) * (1 - on_rim / outline)
    order = [node for node in np.argsort(-score) if fit[node] and score[node] > 0][: 2 * MOST_REGIONS]
    return [(float(score[node]), member[node][labels]) for node in order]


def _outlined(small: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The region in one piece without holes, its outline drawn anew by GrabCut; None if that disagrees."""
    whole = _largest(region)
    width = max(2, round(0.12 * float(whole.sum()) ** 0.5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    sure, perhaps = cv2.erode(whole, kernel), cv2.dilate(whole, kernel)
    if not sure.any() or perhaps.all():
        return None
    labels = np.where(whole > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[sure > 0], labels[perhaps == 0] = cv2.GC_FGD, cv2.GC_BGD
    # What is far from the region says nothing about its outline.
    x, y, w, h = cv2.boundingRect(perhaps)
    pad = 2 * width
    window = np.s_[max(y - pad, 0) : y + h + pad, max(x - pad, 0) : x + w + pad]
    part = np.ascontiguousarray(labels[window])
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(np.ascontiguousarray(small[window]), part, (0, 0, 0, 0), *models, 1, cv2.GC_INIT_WITH_MASK)
    found = np.zeros_like(whole)
    found[window] = (part == cv2.GC_FGD) | (part == cv2.GC_PR_FGD)
    opened = cv2.morphologyEx(found, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    if not opened.any():
        return None
    drawn = _largest(opened > 0) > 0
    return drawn if _overlap(drawn, whole > 0) > 0.5 else None


def _largest(region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The largest connected part, its holes filled; 0 or 1."""
    contours, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros(region.shape, np.uint8)
    cv2.drawContours(whole, [max(contours, key=cv2.contourArea)], -1, 1, cv2.FILLED)
    return whole


def _overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def _enlarged(region: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """The region at the photo's size with a smooth outline."""
    soft = cv2.GaussianBlur(region.astype(np.float32), (0, 0), 0.8)
    return cv2.resize(soft, (side, side), interpolation=cv2.INTER_CUBIC) > 0.5
