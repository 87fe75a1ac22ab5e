"""Holding a dense flow at what must not move; the published method knows neither masks nor pins.

Without this, what is protected would cut through what the network moves, and a seam would show. Away from the
border of what may change, and wherever all may change, the flow stays the network's own.
"""

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.edit import Mask
from engine.motion import Points

_ROOM = 1.25  # of the longest motion, over which it fades: less than 1 would fold the picture


def held(flow: Tensor, mask: Mask, handles: Points, pins: Points, content: tuple[int, int]) -> Tensor:
    """A dense flow that fades to nothing where it comes to protected pixels and pins, but for the handles.

    Args:
        flow: (1, 2, s, s) in its own pixels.
        mask: (h, w) uint8 of the crop; 0 is protected.
        handles, pins: (n, 2) in pixels of the flow.
        content: (width, height) in pixels of the flow of what shows the crop, from the top left.
    """
    if cv2.minMaxLoc(mask)[0] > 0 and not len(pins):
        return flow
    free = cv2.threshold(mask, 0, 255, cv2.THRESH_BINARY)[1]
    small = (np.asarray(cv2.resize(free, content, interpolation=cv2.INTER_AREA)) == 255).astype(np.uint8)
    last = np.array(content) - 1
    columns, rows = np.minimum(pins.astype(int), last).T
    small[rows, columns] = 0
    room = cv2.distanceTransform(small, cv2.DIST_L2, 5)
    columns, rows = np.minimum(handles.astype(int), last).T
    longest = float(flow.square().sum(1).amax().sqrt())
    width = max(min(_ROOM * longest, float(room[rows, columns].min())), 1.0)
    fade = np.ones(flow.shape[-2:], np.float32)
    fade[: content[1], : content[0]] = np.clip(room / width, 0, 1)
    return flow * torch.from_numpy(fade).to(flow.device)
