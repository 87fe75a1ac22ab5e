"""Values between the entries of a table, and how they slope."""

import numpy as np
from numpy.typing import NDArray

from engine.motion import Points


def bilinear(table: NDArray[np.float64], places: Points) -> NDArray[np.float64]:
    """Values (n, c) of `table` (rows, columns, c) at fractional indices (n, 2) x, y; clamped at its edges.

    cv2.remap would round the places to 1/32 of a cell, which is a visible step where cells are large.
    """
    (a, b, c, d), fx, fy = _corners(table, places)
    upper, lower = a + (b - a) * fx, c + (d - c) * fx
    return upper + (lower - upper) * fy


def sloped(table: NDArray[np.float64], places: Points) -> tuple[Points, Points, Points]:
    """`bilinear`, and its slopes along x and y for a step of one index; beyond an edge, those at the edge."""
    (a, b, c, d), fx, fy = _corners(table, places)
    upper, lower = a + (b - a) * fx, c + (d - c) * fx
    return upper + (lower - upper) * fy, (b - a) * (1 - fy) + (d - c) * fy, lower - upper


def _corners(table: NDArray[np.float64], places: Points) -> tuple[tuple[Points, ...], Points, Points]:
    """The values (n, c) around fractional indices in reading order, and the places (n, 1) between them."""
    rows, columns, channels = table.shape
    x = np.clip(places[:, 0], 0, columns - 1)
    y = np.clip(places[:, 1], 0, rows - 1)
    j, i = np.minimum(x.astype(np.intp), columns - 2), np.minimum(y.astype(np.intp), rows - 2)
    flat, index = table.reshape(-1, channels), i * columns + j
    around = flat[index], flat[index + 1], flat[index + columns], flat[index + columns + 1]
    return around, (x - j)[:, None], (y - i)[:, None]
