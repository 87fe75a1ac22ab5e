"""Patch: pixels shown in place of a box of the picture, which stays as it is."""

import numpy as np

from desktop.canvas.piece import Piece, lay_over, premultiplied
from desktop.canvas.pyramid import Pyramid
from desktop.document.boxes import doubled, grown, halved, meet, moved
from engine import Box, Image, halve, is_opaque

_MARGIN = 24  # of the level's pixels: room for smooth sampling and for a clip by whole pixels


class Patch:
    """A preview of an edit.

    On each level it is what the composite would be with the image in its place: what did not move does not
    flicker, and its edge cannot be seen.

    Args:
        image: (h, w, 4) straight RGBA, also where transparent in place of the picture.
        box: where it lies in the picture halved `halvings` times, (h, w) large.
        halvings: finer levels than this show it enlarged.
    """

    def __init__(self, image: Image, box: Box, halvings: int = 0) -> None:
        assert image.shape == (box.height, box.width, 4)
        self.box = doubled(box, halvings)  # of the picture, which may end before it
        self.opaque = is_opaque(image)
        self._image, self._place, self._finest = image, box, halvings
        self._key: tuple[int, ...] | None = None
        self._piece: Piece | None = None

    def piece(self, composite: Pyramid, level: int, cover: Pyramid | None) -> Piece:
        """The pixels of this level or the finest there is, with some more on each side from the composite.

        Args:
            composite: of all layers, without the patch.
            cover: of the layers over the patch, or None where there are none.
        """
        key = max(level, self._finest), composite.revision, -1 if cover is None else cover.revision
        if self._piece is None or self._key != key:
            self._key, self._piece = key, self._made(composite, key[0], cover)
        return self._piece

    def _made(self, composite: Pyramid, level: int, cover: Pyramid | None) -> Piece:
        whole, times = composite.box(level), level - self._finest
        held = meet(grown(halved(self._place, times), _MARGIN), whole)
        assert held is not None
        below = meet(doubled(held, times), composite.box(self._finest))
        assert below is not None
        pixels = composite.pixels(self._finest, below).copy()
        place = moved(self._place, -below.x0, -below.y0)
        premultiplied(self._image, pixels[place.slices], opaque=self.opaque)
        if cover is not None:
            lay_over(cover.pixels(self._finest, self._place), pixels[place.slices])
        for _ in range(times):
            pixels = np.asarray(halve(pixels), np.uint8)
        return Piece(pixels, held, level, composite.size)
