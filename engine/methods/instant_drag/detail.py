"""Detail transfer: the crop at its own resolution, moved by the dense flow wherever only motion happened.

FlowDiffusion works at half a megapixel, and its autoencoder rewrites every pixel of it; a photo comes back
softer even where nothing changed. But most of what it shows is the photo itself, moved. So the crop is warped
by the dense flow at full resolution, which keeps its grain, and compared with what the network shows: the two
are softened by as much as an autoencoder blurs and a flow errs, and where they still differ, or where nothing
of the crop arrives at all, the network counts; elsewhere the warped crop. Between the two, one fades into the
other.
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.bilinear import bilinear
from engine.diffusion.frame import Colours, Frame
from engine.edit import Image, Mask, Point
from engine.fill import fill
from engine.flow import MOST_CELL, Flow, invert, uncovered, warp
from engine.lift import Overlay
from engine.methods.instant_drag.grain import regrained
from engine.motion import Points
from engine.region import blend

_CELLS = 160  # of the flow's grid, along the crop's longer side
_STILL = 0.04  # of the longest motion: a network never answers an exact zero, and this little means none
_SOFT = 1 / 256  # of the working side: what the autoencoder blurs and the flow errs (σ)
_NEAR = 1 / 64  # of the working side: over what neighbourhood a difference is weighed (σ)
_SAME, _OTHER = 0.035, 0.09  # of the range of colours: differences up to here are none, from here on full


class Moved(NamedTuple):
    """The crop after its motion.

    Args:
        image: (h, w, 4) uint8.
        unknown: (h, w) uint8 0 or 255, what no pixel of the crop reaches, or None where there is no such.
        handles: where the content under each handle came to rest.
        overlay: what was lifted off and lies over the filled picture, or None.
    """

    image: Image
    unknown: Mask | None
    handles: tuple[Point, ...]
    overlay: Overlay | None = None

    def filled(self, by: Callable[[Image, Mask], Image] | None = None) -> Image:
        """The moved crop alone, its gaps filled by a function, or with smooth colour."""
        image = self.image
        if self.unknown is not None:
            image = fill(image, self.unknown, smooth=True) if by is None else by(image, self.unknown)
        if self.overlay is not None:
            image = image.copy() if image is self.image else image
            self.overlay.lay_on(image)
        return image

    def flattened(self) -> "Moved":
        """The same without an overlay: laid on, and nothing unknown where it is opaque."""
        if self.overlay is None:
            return self
        unknown = None if self.unknown is None else self.unknown.copy()
        if unknown is not None:
            unknown[self.overlay.box.slices][self.overlay.image[..., 3] == 255] = 0
        return Moved(self.filled(), unknown, self.handles)


def motion(flow: NDArray[np.float32], frame: Frame, side: int, *, steady: bool = True) -> Flow:
    """A dense flow as a displacement of the crop.

    Args:
        flow: (s, s, 2) in pixels of the working square, which it covers.
        side: of that square, in working pixels.
        steady: what hardly moves stands still.
    """
    size = frame.size
    cell = min(max(1, -(-max(size) // _CELLS)), MOST_CELL)
    nodes = Flow.nodes(size, cell)
    places = frame.inside(nodes.reshape(-1, 2)) * (len(flow) / side)
    places = np.clip(places, 0, np.array(frame.content) * (len(flow) / side))
    vectors = frame.outside(bilinear(flow.astype(np.float64), places - 0.5))
    vectors = _without_tremor(vectors) if steady else vectors
    return Flow(size=size, cell=cell, vectors=vectors.reshape(nodes.shape))


def move(image: Image, forward: Flow, handles: Points, check: Callable[[], None] = lambda: None) -> Moved:
    """The crop, (h, w, 4) uint8, moved by a forward flow; what `check` raises now and then ends the work."""
    backward, error = invert(forward)
    check()
    gaps = uncovered(backward, error)
    check()
    warped = warp(image, backward, check=check)
    moved = regrained(warped, image, backward, check)
    unknown = gaps if gaps.any() else None
    rest = handles + forward.at(handles)
    return Moved(moved, unknown, tuple(Point(float(x), float(y)) for x, y in rest))


def transfer(moved: Moved, answer: Colours, frame: Frame) -> Image:
    """The moved crop, and the network's answer where it shows something else.

    Args:
        answer: (h, w, 3) uint8, the content of `frame` as the network shows it.

    Returns:
        (h, w, 4) uint8, of the crop's size; its alpha is the moved crop's.
    """
    weight = frame.enlarge(_difference(moved, answer, frame))
    network = np.dstack([frame.enlarge(answer), moved.image[..., 3]])
    return blend(moved.image, network, weight)


def _difference(moved: Moved, answer: Colours, frame: Frame) -> Mask:
    """How much the answer shows something else, (h, w) uint8 of the content, 0 to 255."""
    working = max(frame.content)
    soft, near = working * _SOFT, working * _NEAR
    difference = _blurred(answer, soft) - _blurred(frame.shrink(moved.image), soft)
    squared = np.square(difference).max(-1)
    rms = np.sqrt(np.maximum(cv2.GaussianBlur(squared, (0, 0), near, borderType=cv2.BORDER_REFLECT), 0))
    share = np.clip((rms - _SAME) / (_OTHER - _SAME), 0, 1)
    share = share * share * (3 - 2 * share)
    if moved.unknown is not None:
        gaps = cv2.resize(moved.unknown, frame.content, interpolation=cv2.INTER_AREA).astype(np.float32)
        wide = cv2.GaussianBlur(
            np.minimum(gaps / 255 * 4, 1), (0, 0), 2 * soft, borderType=cv2.BORDER_REFLECT
        )
        share = np.maximum(share, np.minimum(2 * wide, 1))
    return np.rint(share * 255).astype(np.uint8)


def _blurred(colours: Colours, sigma: float) -> NDArray[np.float32]:
    values = colours.astype(np.float32) / 255
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)


def _without_tremor(vectors: Points) -> Points:
    """Fade what hardly moves to what does not: what stands still keeps its very pixels."""
    length = np.hypot(vectors[:, 0], vectors[:, 1])
    share = np.clip(length / max(_STILL * float(length.max()), 1e-9) - 0.5, 0, 1)
    return vectors * (share * share * (3 - 2 * share))[:, None]
