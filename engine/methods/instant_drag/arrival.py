"""What is dragged arrives: a found motion is led through the very ends of the drags.

The network's region is soft, and of drags that disagree its motion is a mean: what lies under a handle would
stop short of where it was pulled, by a twentieth of the way as a rule and a quarter at worst.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.motion import Points

Plane = NDArray[np.float32]

_REACH = 0.5  # of the longest drag: how far around a handle its motion is mended (σ), and not to fold,
_GENTLE = 1.0  # of what is lacking
_TOUCH = 0.25  # likewise the region
_LEAST = 3.0  # pixels of either
_FLAT = 1.0  # pixels around a handle that are under it
_STEEP = 0.5  # pixels a pixel: two handles that lack more than this against each other stay short of it


def arriving(region: Plane, motion: Plane, handles: Points, targets: Points) -> tuple[Plane, Plane]:
    """Region and motion whose product, at the handles, is the way to the targets.

    Args:
        region: (h, w), 0 to 1.
        motion: (h, w, 2), pixels, x and y.
        handles, targets: (n, 2), n ≥ 1, pixels from the corner of the first.
    """
    ways = targets - handles
    longest = float(np.hypot(*ways.T).max())
    height, width = region.shape
    lines = [np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (width, height)]
    away = np.stack([np.hypot(lines[0] - x, lines[1][:, None] - y) for x, y in handles])  # (n, h, w)
    lacking = _even(ways - _at(motion, handles), handles)
    share = 1 / np.square(np.maximum(away, 1e-2))
    share /= share.sum(0)
    reach = max(_REACH * longest, _GENTLE * float(np.hypot(*lacking.T).max()))
    mended = np.einsum("nhw,nc->hwc", share, lacking) * _near(away, reach)[..., None]
    whole = np.maximum(region, _near(away, _TOUCH * longest))
    return np.asarray(whole, np.float32), np.asarray(motion + mended, np.float32)


def _near(away: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """How near the nearest handle is, (h, w) from 0 to 1."""
    beyond = np.maximum(away.min(0) - _FLAT, 0)
    return np.exp(np.square(beyond / max(sigma, _LEAST)) / -2)


def _at(motion: Plane, places: Points) -> Points:
    columns, rows = (np.asarray(line[:, None] - 0.5, np.float32) for line in places.T)
    found = cv2.remap(motion, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, 2), np.float64)


def _even(lacking: Points, handles: Points) -> Points:
    """What handles lack, as far as it differs little between neighbours: the sheet shall not fold."""
    apart = np.hypot(*(handles[:, None] - handles[None]).transpose(2, 0, 1))
    differ = np.hypot(*(lacking[:, None] - lacking[None]).transpose(2, 0, 1))
    steepest = float((differ / np.maximum(apart, 1e-6)).max(initial=0))
    return lacking * min(1.0, _STEEP / steepest) if steepest > 0 else lacking
