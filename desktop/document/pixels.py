"""numpy ↔ QImage without a copy."""

from PySide6.QtGui import QImage

from engine import Image


def image_view(pixels: Image) -> QImage:
    """A QImage that shows `pixels`, (h, w, 4) uint8 straight RGBA and C-contiguous, in their own memory.

    The array must outlive the QImage: keep it beside.
    """
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGBA8888)
