"""Edge-aware enlargement: what a network answers for a small picture, brought up along the large one's edges.

The guided filter (He, Sun, Tang 2010) models an answer as a linear function of the colours around it; its
coefficients, found on the small picture, are smooth and can be enlarged (He, Sun: Fast Guided Filter, 2015).
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

_RADIUS = 2  # pixels of the small picture
_SMOOTH = 1e-4  # of squared colours: less variance than this is no edge
_STRIP = 1 << 20  # pixels brought up at a time


class GuidedPlane:
    """An answer to a small picture, to be looked up along the edges of the large one.

    Args:
        answer: (h, w, c) float32.
        guide: (h, w, 3) uint8, the small picture.
    """

    def __init__(self, answer: Plane, guide: NDArray[np.uint8]) -> None:
        self._least, self._most = answer.min((0, 1)), answer.max((0, 1))
        self._coefficients = _coefficients(answer, _colours(guide))

    def strips(self, guide: NDArray[np.uint8]) -> Iterator[tuple[slice, Plane]]:
        """The answer for the rows of the large picture, some at a time.

        Args:
            guide: (H, W, 3 or more) uint8; channels beyond the third are not looked at.

        Yields:
            which rows, and (rows, W, c) float32 within the range of the small answer.
        """
        height, width = guide.shape[:2]
        step = max(1, _STRIP // width)
        for first in range(0, height, step):
            rows = slice(first, min(first + step, height))
            answer = self._at(_colours(guide[rows, :, :3]), rows, (width, height))
            yield rows, np.clip(answer, self._least, self._most)

    def _at(self, colours: Plane, rows: slice, size: tuple[int, int]) -> Plane:
        slope, offset = self._coefficients
        across, down = (n / m for n, m in zip(offset.shape[1::-1], size, strict=True))
        # Maps from the centres of large pixels to indices of small ones.
        back = np.array(
            [[across, 0, across / 2 - 0.5], [0, down, (rows.start + 0.5) * down - 0.5]], np.float32
        )
        out: list[Plane] = []
        for i in range(offset.shape[-1]):
            small = np.dstack([slope[..., i], offset[..., i]])
            large = cv2.warpAffine(
                small,
                back,
                (size[0], rows.stop - rows.start),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            )
            out.append((large[..., :3] * colours).sum(-1) + large[..., 3])
        return np.stack(out, axis=-1)


def _colours(image: NDArray[np.uint8]) -> Plane:
    return image.astype(np.float32) * np.float32(1 / 255)


def _coefficients(answer: Plane, guide: Plane) -> tuple[Plane, Plane]:
    """The smoothed slopes (h, w, 3, c) and offsets (h, w, c) of answer ≈ slope · colour + offset."""
    mean, of_answer = _mean(guide), _mean(answer)
    products = _mean((guide[..., :, None] * guide[..., None, :]).reshape(*guide.shape[:2], 9))
    covariance = products.reshape(*guide.shape[:2], 3, 3) - mean[..., :, None] * mean[..., None, :]
    channels = answer.shape[-1]
    mixed = _mean((guide[..., :, None] * answer[..., None, :]).reshape(*guide.shape[:2], 3 * channels))
    cross = mixed.reshape(*guide.shape[:2], 3, channels) - mean[..., :, None] * of_answer[..., None, :]
    slope = np.linalg.solve(covariance + _SMOOTH * np.eye(3, dtype=np.float32), cross)
    offset = of_answer - (mean[..., :, None] * slope).sum(-2)
    smooth = _mean(slope.reshape(*guide.shape[:2], 3 * channels)).reshape(slope.shape)
    return smooth, _mean(offset)


def _mean(plane: Plane) -> Plane:
    """Box means, channel by channel."""
    side = 2 * _RADIUS + 1
    means = [
        cv2.blur(np.ascontiguousarray(plane[..., i]), (side, side), borderType=cv2.BORDER_REPLICATE)
        for i in range(plane.shape[-1])
    ]
    return np.asarray(np.stack(means, axis=-1), np.float32)
