"""What is bent arrives: a found flow is led through the very ends of the drags.

The network's region is soft, and of drags that disagree its motion is a mean: what lies under a handle would
stop short of where it was pulled, by a twentieth of the way as a rule and a quarter at worst.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.motion import Points

Plane = NDArray[np.float32]

_REACH = 0.5  # of its drag: how far around a handle the flow is mended (σ); as gently as not to fold,
_GENTLE = 2.0  # of what is lacking, at least
_LEAST = 3.0  # pixels
_FLAT = 1.0  # pixels around a handle that are under it
_STEEP = 0.4  # pixels a pixel: handles that would be pushed into one another by more stay short
_NOTHING = 1e-3  # pixels


class Arrival(NamedTuple):
    """What leads a flow through the ends of drags.

    Args:
        lacking: (h, w, 2), to be added to the flow.
        near: (h, w), 0 to 1, where that is: how near the handles that lack something are.
    """

    lacking: Plane
    near: Plane


def arrival(flow: Plane, handles: Points, targets: Points) -> Arrival:
    """What a flow lacks to lead from handles to targets, spread by inverse distance (Shepard 1968).

    Args:
        flow: (h, w, 2), pixels, x and y.
        handles, targets: (n, 2), n ≥ 1, pixels from the corner of the first.
    """
    ways = targets - handles
    lacks = _bearable(ways - _at(flow, handles), handles)
    height, width = flow.shape[:2]
    columns, rows = (np.arange(n, dtype=np.float32) + np.float32(0.5) for n in (width, height))
    mended, near = np.zeros_like(flow), np.zeros((height, width), np.float32)
    weights = np.zeros_like(near)
    for (x, y), way, lack in zip(handles.astype(np.float32), ways, lacks, strict=True):
        away = np.hypot(columns - x, rows[:, None] - y)
        weight = 1 / np.square(np.maximum(away, np.float32(0.01)))
        weights += weight
        missing = float(np.hypot(*lack))
        if missing > _NOTHING:
            sigma = max(_REACH * float(np.hypot(*way)), _GENTLE * missing, _LEAST)
            reached = np.exp(np.square(np.maximum(away - np.float32(_FLAT), 0) / np.float32(sigma)) / -2)
            mended += (weight * reached)[..., None] * lack.astype(np.float32)
            np.maximum(near, reached, out=near)
    return Arrival(mended / weights[..., None], near)


def _at(flow: Plane, places: Points) -> Points:
    columns, rows = (np.asarray(line[:, None] - 0.5, np.float32) for line in places.T)
    found = cv2.remap(flow, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(-1, 2), np.float64)


def _bearable(lacks: Points, handles: Points) -> Points:
    """What handles lack, less where it pushes two of them into one another."""
    out = lacks.copy()
    between = handles[:, None] - handles[None]
    apart = np.maximum(np.square(between).sum(-1), 1e-6)
    for _ in handles:
        approach = -((out[:, None] - out[None]) * between).sum(-1) / apart  # pixels a pixel
        steepest = approach.max(1)
        if steepest.max() <= _STEEP:
            break
        out *= np.minimum(1, _STEEP / np.maximum(steepest, 1e-6))[:, None]
    return out
