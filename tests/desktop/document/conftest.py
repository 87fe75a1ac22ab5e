"""The composite as its definition says, slowly: what the document's tests compare with."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def oracle():
    """oracle(layers, size) → (h, w, 4) float64 premultiplied RGBA in 0 … 255, pixels of visible layers."""

    def composite(layers, size):
        width, height = size
        out = np.zeros((height, width, 4))
        for layer in layers:
            if not layer.visible:
                continue
            box = layer.box
            x0, y0, x1, y1 = max(box.x0, 0), max(box.y0, 0), min(box.x1, width), min(box.y1, height)
            if x0 >= x1 or y0 >= y1:
                continue
            source = layer.tiles.array()[y0 - box.y0 : y1 - box.y0, x0 - box.x0 : x1 - box.x0]
            source = source.astype(np.float64)
            alpha = source[..., 3:] / 255 * layer.opacity
            colour = np.concatenate([source[..., :3], np.full_like(alpha, 255)], -1)
            out[y0:y1, x0:x1] = colour * alpha + out[y0:y1, x0:x1] * (1 - alpha)
        return out

    return composite
