"""Rectangles of whole pixels: what two share, what holds several, and how they move, grow and are halved."""

from collections.abc import Iterable, Iterator
from functools import reduce

from engine import Box


def meet(one: Box, other: Box) -> Box | None:
    """What both cover, or None where that is nothing."""
    box = Box(max(one.x0, other.x0), max(one.y0, other.y0), min(one.x1, other.x1), min(one.y1, other.y1))
    return box if box.x0 < box.x1 and box.y0 < box.y1 else None


def join(one: Box, other: Box) -> Box:
    """The smallest box that holds both."""
    return Box(min(one.x0, other.x0), min(one.y0, other.y0), max(one.x1, other.x1), max(one.y1, other.y1))


def enclosing(boxes: Iterable[Box | None]) -> Box | None:
    """The smallest box that holds all that are not None."""
    there = [box for box in boxes if box is not None]
    return reduce(join, there) if there else None


def moved(box: Box, x: int, y: int) -> Box:
    return Box(box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y)


def grown(box: Box, by: int) -> Box:
    return Box(box.x0 - by, box.y0 - by, box.x1 + by, box.y1 + by)


def halved(box: Box, times: int) -> Box:
    """The pixels of a picture halved so many times that `box` touches."""
    return Box(box.x0 >> times, box.y0 >> times, -(-box.x1 >> times), -(-box.y1 >> times))


def doubled(box: Box, times: int) -> Box:
    """The pixels that those of a picture halved so many times were made from."""
    return Box(box.x0 << times, box.y0 << times, box.x1 << times, box.y1 << times)


def cut(box: Box, edge: int) -> Iterator[tuple[tuple[int, int], Box]]:
    """The parts of `box` by the squares of a grid: (column, row) of the square, part."""
    for row in range(box.y0 // edge, -(-box.y1 // edge)):
        for column in range(box.x0 // edge, -(-box.x1 // edge)):
            square = Box(column * edge, row * edge, (column + 1) * edge, (row + 1) * edge)
            part = meet(box, square)
            if part is not None:
                yield (column, row), part
