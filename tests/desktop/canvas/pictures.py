"""Sources and readers of pixels for the tests of the canvas."""

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

SURROUND = (0, 0, 90)


class Fake:
    """A source that shows an array, (h, w, 4) straight RGBA, and notes what is asked of it."""

    def __init__(self, pixels):
        self.pixels = np.ascontiguousarray(pixels)
        self.asked = []

    @property
    def size(self):
        return self.pixels.shape[1], self.pixels.shape[0]

    covered = False

    def composite(self, box, out):
        assert (out.width(), out.height()) == (box.width, box.height)
        assert out.format() == QImage.Format.Format_ARGB32_Premultiplied
        self.asked.append(box)
        part = np.ascontiguousarray(self.pixels[box.slices])
        image = QImage(part.data, box.width, box.height, part.strides[0], QImage.Format.Format_RGBA8888)
        painter = QPainter(out)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(0, 0, image)
        painter.end()


def flat(width, height, colour=(200, 60, 20, 255)):
    return np.full((height, width, 4), colour, np.uint8)


def numbered(width, height):
    """Each pixel's colour tells its place: red its column, green its row."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack(
        [columns % 256, rows % 256, (columns // 256 + 16 * (rows // 256)) % 256, np.full_like(rows, 255)]
    ).astype(np.uint8)


def screen(width, height, dpr):
    image = QImage(round(width * dpr), round(height * dpr), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(dpr)
    image.fill(QColor(*SURROUND))
    return image


def read(image):
    """(h, w, 3) RGB of an image's device pixels."""
    image = image.convertToFormat(QImage.Format.Format_RGBA8888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 4].reshape(image.height(), image.width(), 4)[..., :3].copy()


def shown(projection, viewport, *, size=(200, 150), dpr=1.0, exposed=None):
    """What a projection paints, on a surround that no picture has."""
    image = screen(*size, dpr)
    painter = QPainter(image)
    projection.paint(painter, viewport, exposed or QRectF(0, 0, *size), dpr)
    painter.end()
    return read(image)
