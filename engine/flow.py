"""A displacement field on a coarse grid: its inverse, what it leaves uncovered, and warping by it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.bilinear import bilinear, sloped
from engine.edit import Box, Image, Mask
from engine.halving import is_opaque
from engine.motion import Points

_TILE = 1 << 20  # pixels warped at a time: bounds the memory of the full-size maps
MOST_CELL = 256  # pixels along a cell's side: a tile is brought up from whole cells
_SOLVED = 1e-3  # pixels
_RESTARTS = 2  # of what is unsolved, from its nearest solved neighbours
_KERNEL = 3  # pixels that a sample reaches
_COLUMNS = 8192  # of a tile, and rows
_REMAP_LIMIT = 32767  # pixels along a side, which cv2.remap does not reach


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """Displacements at the centres of square cells that cover a picture and one ring of cells around it.

    Args:
        size: (width, height) of the picture in pixels.
        cell: side of a cell in pixels.
        vectors: (rows + 2, columns + 2, 2) float64 x, y in pixels. Entry (i, j) stands at
            ((j − ½)·cell, (i − ½)·cell), points being measured from the picture's top-left corner.
    """

    size: tuple[int, int]
    cell: int
    vectors: NDArray[np.float64]

    @staticmethod
    def nodes(size: tuple[int, int], cell: int) -> NDArray[np.float64]:
        """The places (rows + 2, columns + 2, 2) at which a flow for such a picture has its vectors."""
        columns, rows = (-(-n // cell) + 2 for n in size)
        y, x = np.indices((rows, columns), np.float64)
        return (np.stack([x, y], axis=-1) - 0.5) * cell

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The displacement (n, 2) at each of `points` (n, 2), bilinear between the cells' centres."""
        return bilinear(self.vectors, points / self.cell + 0.5)


def invert(flow: Flow, iterations: int = 24) -> tuple[Flow, NDArray[np.float64]]:
    """The backward flow g of a forward flow u: y + g(y) + u(y + g(y)) = y, by Newton's method.

    Where nothing arrives at y (a gap) or several places do (a fold), g is one of the nearest solutions.

    Returns:
        The backward flow, and how far in pixels each of its vectors is from solving the equation, (rows + 2,
        columns + 2): about 0 where y is covered, large where nothing arrives.
    """
    nodes = flow.nodes(flow.size, flow.cell)
    shape, y = nodes.shape, nodes.reshape(-1, 2)
    best, error = _newton(flow, y, y - _arrivals(flow, nodes).reshape(-1, 2), iterations)
    for _ in range(_RESTARTS):
        lost = error > _SOLVED
        if not lost.any() or lost.all():
            break
        near = y + _from_nearest((best - y).reshape(shape), ~lost.reshape(shape[:2])).reshape(-1, 2)
        again, rest = _newton(flow, y[lost], near[lost], iterations)
        best[lost] = np.where((rest < error[lost])[:, None], again, best[lost])
        error[lost] = np.minimum(rest, error[lost])
    return (
        Flow(size=flow.size, cell=flow.cell, vectors=(best - y).reshape(shape)),
        error.reshape(shape[:2]),
    )


def _newton(flow: Flow, y: Points, start: Points, iterations: int) -> tuple[Points, NDArray[np.float64]]:
    """Solve x + u(x) = y from `start`; also what is left of it in pixels, (n,). Failing steps are halved."""
    best, error = start.copy(), np.full(len(y), np.inf)
    open_, x = np.arange(len(y)), start
    step, share = np.zeros_like(start), np.ones(len(y))
    for _ in range(iterations + 1):
        u, across, down = sloped(flow.vectors, x / flow.cell + 0.5)
        rest = x + u - y[open_]
        size = np.hypot(rest[:, 0], rest[:, 1])
        better = size < error[open_]
        error[open_[better]], best[open_[better]] = size[better], x[better]
        step[better], share = (
            _newton_step(across, down, rest, flow.cell)[better],
            np.where(better, 1, share / 2),
        )
        far = error[open_] > _SOLVED
        if not far.any():
            break
        open_, step, share = open_[far], step[far], share[far]
        x = best[open_] - step * share[:, None]
    return best, error


def _newton_step(across: Points, down: Points, rest: Points, cell: int) -> Points:
    """The inverse of I + ∂u times `rest`, (n, 2), but of four cells at most; slopes are per cell."""
    a, c = across[:, 0] / cell + 1, across[:, 1] / cell
    b, d = down[:, 0] / cell, down[:, 1] / cell + 1
    det = a * d - b * c
    det = np.where(np.abs(det) < 0.05, np.copysign(0.05, det), det)
    x, y = rest.T
    step = np.column_stack([(d * x - b * y) / det, (a * y - c * x) / det])
    length = np.hypot(step[:, 0], step[:, 1])
    return step * np.minimum(1, 4 * cell / np.maximum(length, 1e-9))[:, None]


def uncovered(backward: Flow, error: NDArray[np.float64], part: Box | None = None) -> Mask:
    """What no source pixel reaches, (h, w) uint8 0 or 255: outside the picture's edge, or torn open.

    Args:
        backward: an inverted flow.
        error: its residual in pixels, as `invert` returns it.
        part: of the picture, to look at no more than that, (part.height, part.width).
    """
    width, height = backward.size
    cell, g = backward.cell, backward.vectors
    source = backward.nodes(backward.size, cell) + g
    out = np.zeros((height, width), np.uint8)
    seen = out if part is None else out[part.slices]
    beyond = ((source < 0) & (g < -0.5)) | ((source > backward.size) & (g > 0.5))
    if not beyond.any() and error.max() < cell / 4:
        return seen
    values = np.concatenate([source, error[..., None]], axis=-1).astype(np.float32)
    for tile in _tiles(backward, part):
        x, y, rest = cv2.split(tile.dense(values[tile.nodes], cell))
        outside = (x < -0.25) | (y < -0.25) | (x > width + 0.25) | (y > height + 0.25)
        out[tile.box.slices] = np.where(outside | (rest > cell / 4), 255, 0)
    return seen


def warp(
    image: Image,
    backward: Flow,
    interpolation: int = cv2.INTER_CUBIC,
    *,
    clear: bool = False,
    opaque: bool | None = None,
    part: Box | None = None,
    check: Callable[[], None] = lambda: None,
) -> Image:
    """The picture whose pixel at y is `image` at y + g(y); colours are weighed by alpha.

    Args:
        image: (h, w, 4) uint8 straight RGBA.
        backward: g, of the result's size.
        interpolation: cv2.INTER_CUBIC or cv2.INTER_LINEAR.
        clear: whether it is transparent beyond the edge of `image`, which otherwise goes on for ever.
        opaque: whether alpha is 255 in all of `image`; None to look.
        part: of the result, to make no more than that.
        check: called now and then; what it raises ends the work.

    Returns:
        (rows, columns, 4) uint8 straight RGBA, of the size of `part`. Pixels displaced by less than 1/64 px
        are copied exactly where `image` is opaque or as large as the result.
    """
    out = np.empty((backward.size[1], backward.size[0], 4), np.uint8)  # untouched, it takes no memory
    border = cv2.BORDER_CONSTANT if clear else cv2.BORDER_REPLICATE
    opaque = (is_opaque(image) if opaque is None else opaque) and not clear
    places = backward.nodes(backward.size, backward.cell) + backward.vectors - 0.5  # pixel indices
    for tile in _tiles(backward, part):
        check()
        near = _reached(places[tile.nodes], image)
        indices = tile.dense((places[tile.nodes] - near[:2]).astype(np.float32), backward.cell)
        source, target = image[near.slices], out[tile.box.slices]
        sample = _remap if opaque else _remap_straight
        sample(source, indices, interpolation, target, border)
        if out.shape == image.shape and not opaque:
            _copy_still(image[tile.box.slices], tile, backward, target)
    return out if part is None else out[part.slices]


def _copy_still(source: Image, tile: "_Tile", backward: Flow, out: Image) -> None:
    moved = tile.dense(backward.vectors[tile.nodes].astype(np.float32), backward.cell)
    still = (np.abs(moved) < 1 / 64).all(-1)
    out[still] = source[still]


def _reached(places: NDArray[np.float64], image: Image) -> Box:
    """The pixels of `image` that samples about these pixel indices (…, 2) read."""
    height, width = image.shape[:2]
    (x0, y0), (x1, y1) = places.min((0, 1)) - _KERNEL, places.max((0, 1)) + _KERNEL
    left, top = int(np.clip(x0, 0, width - 1)), int(np.clip(y0, 0, height - 1))
    return Box(left, top, int(np.clip(x1, 1, width)), int(np.clip(y1, 1, height)))


def _remap_straight(
    source: Image, indices: NDArray[np.float32], interpolation: int, out: Image, border: int
) -> None:
    """Sample straight RGBA with its colours weighed by alpha."""
    weighed = source.astype(np.float32)
    weighed[..., :3] *= weighed[..., 3:] * (1 / 255)
    sampled = np.empty(out.shape, np.float32)
    _remap(weighed, indices, interpolation, sampled, border)
    alpha = np.clip(sampled[..., 3:], 0, 255)
    colour = np.clip(sampled[..., :3] * (255 / np.maximum(alpha, 1e-3)), 0, 255)
    out[..., :3] = np.rint(colour)
    out[..., 3:] = np.rint(alpha)


def _remap(
    source: NDArray[Any], indices: NDArray[np.float32], interpolation: int, out: NDArray[Any], border: int
) -> None:
    """cv2.remap into `out`, cut into pieces where source or result are larger than it takes."""
    if max(*source.shape[:2], *out.shape[:2]) < _REMAP_LIMIT:
        # The stubs miss that the second map may be None; an empty array in its place gives other values.
        cv2.remap(source, indices, None, interpolation, out, border)  # pyright: ignore[reportArgumentType, reportCallIssue]
        return
    axis = int(indices.shape[1] > indices.shape[0])
    middle = indices.shape[axis] // 2
    for half in (slice(None, middle), slice(middle, None)):
        rows, columns = (half, slice(None)) if axis == 0 else (slice(None), half)
        piece = indices[rows, columns]
        low = np.clip(np.floor(piece.min((0, 1))) - 3, 0, None).astype(int)
        high = np.ceil(piece.max((0, 1))).astype(int) + 4
        x0, y0 = np.minimum(low, [source.shape[1] - 1, source.shape[0] - 1])
        x1, y1 = np.maximum(high, [x0 + 1, y0 + 1])
        shifted = piece - np.array([x0, y0], np.float32)
        _remap(source[y0:y1, x0:x1], shifted, interpolation, out[rows, columns], border)


class _Tile(NamedTuple):
    """A part of a picture whose full-size maps fit into memory, and the nodes they are brought up from."""

    box: Box
    nodes: tuple[slice, slice]

    def dense(self, part: NDArray[np.float32], cell: int) -> NDArray[np.float32]:
        """Values at the tile's nodes → values at its pixels, bilinear.

        A pixel X from the tile's edge has its centre at node (X + ½)/cell + ½, and cv2.resize puts node n at
        pixel (n + ½)·cell − ½. Its cubic kernel would turn straight lines into waves.
        """
        large = np.asarray(
            cv2.resize(part, None, fx=cell, fy=cell, interpolation=cv2.INTER_LINEAR), np.float32
        )
        return large[cell : cell + self.box.height, cell : cell + self.box.width]


def _tiles(flow: Flow, part: Box | None = None) -> Iterator[_Tile]:
    """Tiles that cover a part of the picture; of whole cells, so that they may reach beyond it."""
    width, height = flow.size
    cell = flow.cell
    x0, y0, x1, y1 = part or Box(0, 0, width, height)
    left, top, right, bottom = x0 // cell, y0 // cell, -(-x1 // cell), -(-y1 // cell)
    across = max(_COLUMNS // cell, 1)
    down = max(min(_TILE // (min(x1 - x0, across * cell) * cell), across), 1)
    for i in range(top, bottom, down):
        for j in range(left, right, across):
            below, beside = min(i + down, bottom), min(j + across, right)
            box = Box(j * cell, i * cell, min(beside * cell, width), min(below * cell, height))
            yield _Tile(box, (slice(i, below + 2), slice(j, beside + 2)))


def _arrivals(flow: Flow, nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean displacement of what arrives near each node, by bilinear splats; gaps take their nearest."""
    rows, columns = nodes.shape[:2]
    places = ((nodes + flow.vectors) / flow.cell + 0.5).reshape(-1, 2)
    places = np.clip(places, 0, [columns - 1.001, rows - 1.001])
    corner = places.astype(np.intp)
    fraction = places - corner
    index = corner[:, 1] * columns + corner[:, 0]
    sums = np.zeros((3, rows * columns))
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = np.abs(1 - dx - fraction[:, 0]) * np.abs(1 - dy - fraction[:, 1])
        for k, value in enumerate((weight, *(weight * flow.vectors.reshape(-1, 2).T))):
            sums[k] += np.bincount(index + dy * columns + dx, value, rows * columns)
    weight = sums[0].reshape(rows, columns)
    known = weight > 1e-3
    mean = (sums[1:] / np.maximum(sums[0], 1e-3)).T.reshape(rows, columns, 2)
    return mean if known.all() else _from_nearest(mean, known)


def _from_nearest(values: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`values` (rows, columns, 2), and where they are not known those of the nearest place where they are."""
    unknown = (~known).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    label = np.asarray(labels, np.int32)
    nearest = np.zeros(int(label.max()) + 1, np.intp)
    nearest[label[known]] = np.flatnonzero(known)
    return values.reshape(-1, 2)[nearest[label]]
