"""Patch: pixels shown in place of a box of the picture, which stays as it is."""

import numpy as np

from desktop.canvas.boxes import doubled, grown, halved, meet
from desktop.canvas.piece import Piece, is_opaque, premultiplied
from desktop.canvas.pyramid import Plane, Pyramid, halve
from engine import Box, Image

_MARGIN = 24  # of the level's pixels: room for smooth sampling and for a clip by whole pixels


class Patch:
    """A preview of an edit.

    On each level it is what the composite would be with the image in its place: what did not move does not
    flicker, and its edge cannot be seen.

    Args:
        image: (h, w, 4) straight RGBA, of the size of `box`; also where transparent in place of the picture.
        box: where it lies in the picture.
    """

    def __init__(self, image: Image, box: Box) -> None:
        assert image.shape == (box.height, box.width, 4)
        self.box = box
        self.opaque = is_opaque(image)
        self._image = image
        self._key: tuple[int, int] | None = None
        self._piece: Piece | None = None

    def piece(self, composite: Pyramid, level: int) -> Piece:
        """The pixels of this level, with some more on each side from the composite."""
        key = level, composite.revision
        if self._piece is None or self._key != key:
            self._key, self._piece = key, self._made(composite, level)
        return self._piece

    def _made(self, composite: Pyramid, level: int) -> Piece:
        whole = composite.box(level)
        held = meet(grown(halved(self.box, level), _MARGIN), whole)
        assert held is not None
        below = meet(doubled(held, level), composite.box(0))
        assert below is not None
        pixels = composite.pixels(0, below).copy()
        x, y = self.box.x0 - below.x0, self.box.y0 - below.y0
        premultiplied(self._image, pixels[y : y + self.box.height, x : x + self.box.width])
        for _ in range(level):
            height, width = pixels.shape[:2]
            smaller: Plane = np.empty(((height + 1) // 2, (width + 1) // 2, 4), np.uint8)
            halve(pixels, smaller)
            pixels = smaller
        return Piece(pixels, held, level, composite.size)
