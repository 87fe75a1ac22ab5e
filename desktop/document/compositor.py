"""Layers as one picture: quickly for the screen, exactly for a file."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter

from desktop.document.boxes import meet, moved
from desktop.document.layer import Layer
from desktop.document.pixels import image_view
from desktop.document.tiles import TILE
from engine import Box, Image, is_opaque

_STRIP = 1 << 18  # pixels painted at a time, so that what is read of a layer stays in the processor's cache
_BLOCK = 4 * TILE  # a side of what is flattened at a time

_Part = NDArray[np.float32]  # (h, w, 4) straight RGBA, 0 to 255


def composite(layers: Sequence[Layer], box: Box, out: QImage | NDArray[np.uint8]) -> None:
    """Paint the visible layers inside `box`, which is in the document's pixels, for the screen.

    Each translucent layer may add one level of rounding; opaque pixels come as they are.

    Args:
        layers: the lowest first.
        out: as large as `box`; an image in ARGB32_Premultiplied, or its bytes, (h, w, 4) uint8 B, G, R, A,
            where rows may lie apart, such as a part of a larger image's.
    """
    image, pixels = (out, _pixels_of(out)) if isinstance(out, QImage) else (_image_on(out), out)
    assert image.format() == QImage.Format.Format_ARGB32_Premultiplied
    assert (image.width(), image.height()) == (box.width, box.height)
    painter = QPainter(image)
    lines = max(_STRIP // box.width // TILE, 1) * TILE
    top = box.y0
    while top < box.y1:
        bottom = min(box.y1, (top // TILE) * TILE + lines)
        _paint(painter, pixels, layers, Box(box.x0, top, box.x1, bottom), box)
        top = bottom
    painter.end()


def _paint(painter: QPainter, out: NDArray[np.uint8], layers: Sequence[Layer], strip: Box, box: Box) -> None:
    fresh = True  # the strip still shows what it showed before
    for layer in layers:
        part = meet(strip, layer.box)
        if not layer.shown or part is None or layer.tiles.vacant(_inside(part, layer)):
            continue
        if fresh and part != strip:
            _clear(painter, moved(strip, -box.x0, -box.y0))
        covering = fresh and part == strip
        mode = QPainter.CompositionMode
        painter.setCompositionMode(
            mode.CompositionMode_Source if covering else mode.CompositionMode_SourceOver
        )
        pixels = layer.tiles.read(_inside(part, layer))
        if layer.opacity < 1:  # Qt's own opacity is coarser
            faded = np.rint(np.arange(256) * layer.opacity).astype(np.uint8)
            pixels[..., 3] = faded[pixels[..., 3]]
        elif covering and is_opaque(pixels):  # most of most pictures; Qt's conversion takes six times as long
            cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA, dst=out[moved(part, -box.x0, -box.y0).slices])
            fresh = False
            continue
        painter.drawImage(part.x0 - box.x0, part.y0 - box.y0, image_view(pixels))
        fresh = False
    if fresh:
        _clear(painter, moved(strip, -box.x0, -box.y0))


def _clear(painter: QPainter, place: Box) -> None:
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    painter.fillRect(place.x0, place.y0, place.width, place.height, Qt.GlobalColor.transparent)


def _pixels_of(image: QImage) -> NDArray[np.uint8]:
    """The bytes of an image in ARGB32_Premultiplied, to paint into."""
    lines = np.frombuffer(image.bits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)


def _image_on(pixels: NDArray[np.uint8]) -> QImage:
    """A QImage that paints into `pixels`; their rows may lie apart, which Qt takes, but no ndarray of it."""
    height, width = pixels.shape[:2]
    line = pixels.strides[0]
    assert pixels.dtype == np.uint8 and pixels.flags.writeable and pixels.strides[1:] == (4, 1)
    flat = as_strided(pixels, ((height - 1) * line + width * 4,), (1,))
    return QImage(flat.data, width, height, line, QImage.Format.Format_ARGB32_Premultiplied)


def flatten(layers: Sequence[Layer], size: tuple[int, int]) -> Image:
    """The visible layers as one picture for a file, (h, w, 4) uint8 straight RGBA, read-only.

    Bytes stay exact wherever only one layer says anything: under what is transparent above, on what is
    opaque, and the colour of transparent pixels that a single layer covers. One alone is not even copied.

    Args:
        layers: the lowest first.
        size: (width, height) of the document.
    """
    whole = Box(0, 0, *size)
    shown = [layer for layer in layers if layer.shown and meet(layer.box, whole)]
    if len(shown) == 1 and shown[0].box == whole and shown[0].opacity == 1:
        return shown[0].tiles.array()
    out = np.zeros((size[1], size[0], 4), np.uint8)
    for y in range(0, size[1], _BLOCK):
        for x in range(0, size[0], _BLOCK):
            block = Box(x, y, min(x + _BLOCK, size[0]), min(y + _BLOCK, size[1]))
            _flatten_block(shown, block, out[block.slices])
    out.flags.writeable = False
    return out


def _flatten_block(layers: Sequence[Layer], block: Box, out: Image) -> None:
    result = np.zeros(out.shape, np.float32)
    covered = np.zeros(out.shape[:2], bool)
    for layer in layers:
        part = meet(block, layer.box)
        if part is None or layer.tiles.vacant(_inside(part, layer)):
            continue
        place = moved(part, -block.x0, -block.y0).slices
        pixels = layer.tiles.read(_inside(part, layer))
        alpha = pixels[..., 3]
        if layer.opacity == 1 and alpha.min() == 255:
            result[place] = pixels
        elif alpha.any() or not covered[place].all():
            result[place] = _over(result[place], covered[place], pixels.astype(np.float32), layer.opacity)
        covered[place] = True
    np.rint(result, out=result)
    out[:] = result


def _over(below: _Part, covered: NDArray[np.bool_], above: _Part, opacity: float) -> _Part:
    """`above` laid over `below` (Porter and Duff 1984); where both are transparent, what was there first."""
    upper = above[..., 3:] * np.float32(opacity / 255)
    lower = below[..., 3:] / np.float32(255) * (1 - upper)
    alpha = upper + lower
    mixed = (above[..., :3] * upper + below[..., :3] * lower) / np.maximum(alpha, np.float32(1e-9))
    unmixed = np.where(covered[..., None], below[..., :3], above[..., :3])
    return np.concatenate([np.where(alpha > 0, mixed, unmixed), alpha * 255], axis=2, dtype=np.float32)


def _inside(part: Box, layer: Layer) -> Box:
    """A part of the document in the layer's own pixels."""
    return moved(part, -layer.offset[0], -layer.offset[1])
