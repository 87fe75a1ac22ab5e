"""Piece: pixels of one level of a picture, and how they come to the screen."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.lib.stride_tricks import as_strided
from PySide6.QtCore import QRectF
from PySide6.QtGui import QBrush, QImage, QPainter, QTransform

from desktop.canvas.pyramid import Plane
from desktop.canvas.viewport import Viewport
from engine import Box

SHARP = 2.0  # device pixels per picture pixel from which on pixels are shown as squares


class Piece(NamedTuple):
    """Premultiplied BGRA pixels of a box of a level (box in the level's pixels) of a picture of `size`."""

    pixels: Plane
    box: Box
    level: int
    size: tuple[int, int]


def premultiplied_view(pixels: Plane) -> QImage:
    """A QImage on the memory of (h, w, 4) pixels, rows of which may lie apart. The array must outlive it."""
    height, width = pixels.shape[:2]
    stride = pixels.strides[0]
    flat = as_strided(pixels, shape=((height - 1) * stride + 4 * width,), strides=(1,))
    return QImage(flat.data, width, height, stride, QImage.Format.Format_ARGB32_Premultiplied)


def paint_piece(painter: QPainter, viewport: Viewport, dpr: float, piece: Piece) -> None:
    """Draw a piece where the viewport puts it, cut off at the picture's edge; changes the painter's state."""
    step = 2**piece.level
    a, b, c, d = (part * step for part in viewport.matrix)
    scale = viewport.zoom * dpr
    as_it_is = viewport.quarter_turned and abs(scale * step - 1) < 1e-6
    smooth = scale < SHARP and not as_it_is
    hints = QPainter.RenderHint
    painter.setRenderHint(hints.SmoothPixmapTransform, smooth)
    painter.setRenderHint(hints.Antialiasing, not viewport.quarter_turned)
    painter.setWorldTransform(QTransform(a, b, c, d, viewport.x, viewport.y), combine=True)
    box = piece.box
    right, bottom = min(box.x1, piece.size[0] / step), min(box.y1, piece.size[1] / step)
    shown = QRectF(box.x0, box.y0, right - box.x0, bottom - box.y0)
    image = premultiplied_view(piece.pixels)
    if smooth or as_it_is:
        painter.drawImage(shown, image, shown.translated(-box.x0, -box.y0))
    else:  # drawImage would first round the whole picture's size to device pixels
        painter.translate(box.x0, box.y0)
        painter.fillRect(shown.translated(-box.x0, -box.y0), QBrush(image))


def premultiplied(image: Plane, out: Plane, *, opaque: bool = False) -> None:
    """Write straight RGBA pixels into premultiplied BGRA ones of the same size.

    Args:
        opaque: that alpha is 255 everywhere; saves time.
    """
    if opaque:
        cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA, dst=out)
        return
    straight = np.ascontiguousarray(image)
    height, width = straight.shape[:2]
    source = QImage(straight.data, width, height, straight.strides[0], QImage.Format.Format_RGBA8888)
    target = premultiplied_view(out)
    painter = QPainter(target)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    painter.drawImage(0, 0, source)
    painter.end()


def lay_over(above: Plane, below: Plane) -> None:
    """Composite premultiplied pixels into others of the same size."""
    target = premultiplied_view(below)  # a painter does not keep what it paints on
    painter = QPainter(target)
    painter.drawImage(0, 0, premultiplied_view(above))
    painter.end()
