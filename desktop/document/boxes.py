"""What rectangles of pixels share, and where they lie in arrays."""

from collections.abc import Iterable

from engine import Box


def overlap(a: Box, b: Box) -> Box | None:
    """What both cover, or None where that is nothing."""
    x0, y0, x1, y1 = max(a.x0, b.x0), max(a.y0, b.y0), min(a.x1, b.x1), min(a.y1, b.y1)
    return Box(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def enclosing(boxes: Iterable[Box | None]) -> Box | None:
    """The smallest box around all that are not None."""
    there = [box for box in boxes if box is not None]
    if not there:
        return None
    lefts, tops, rights, bottoms = zip(*there, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms))


def moved(box: Box, x: int, y: int) -> Box:
    return Box(box.x0 + x, box.y0 + y, box.x1 + x, box.y1 + y)
