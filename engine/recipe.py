"""A generated picture's origin as a text in its PNG file; it counts only for the very pixels it came with."""

import hashlib
import json
from contextlib import suppress

import numpy as np

from engine.edit import Image
from engine.errors import InvalidRequest
from engine.origin import Origin

KEY = "pliant"  # of the text chunk
_PIXELS = "pixels"


def write_recipe(origin: Origin, pixels: Image) -> str:
    """The text that goes with a picture, (h, w, 4) uint8."""
    return json.dumps(origin.as_json() | {_PIXELS: _digest(pixels)})


def read_recipe(text: object, pixels: Image) -> Origin | None:
    """The origin that such a text tells; None where it tells none, or where the picture has been changed.

    Args:
        text: what a file holds under `KEY`, whoever wrote it.
        pixels: the file's picture, (h, w, 4) uint8.
    """
    if not isinstance(text, str):
        return None
    with suppress(InvalidRequest, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        values = json.loads(text)
        if values[_PIXELS] == _digest(pixels):
            return Origin.from_json(values)
    return None


def _digest(pixels: Image) -> str:
    """The same for equal pictures; colours under transparent alpha count too."""
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(f"{width} {height}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
