"""What moves, where the user has not painted it: a cut-out found from the handles by colour alone."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.edit import Box, DragEdit, Image, Mask, Point

_PIXELS = 224  # along the longer side of the picture that is segmented
_ITERATIONS = 4
_SEED_RADIUS = 0.02  # of the longer side: surely the subject, around each handle
_GUESS_RADIUS = 0.16  # perhaps the subject
_AROUND = 0.25  # of the picture's longer side, around the handles, within which the subject is sought
_LEAST_GAIN = 3  # times the seeds' area: less is a scrap beside an outline, not a thing


def with_subject(request: DragEdit) -> DragEdit:
    """The request with a subject wherever its motion needs one and nobody has painted it."""
    if request.motion == "deform" or request.subject is not None:
        return request
    return replace(request, subject=guess_subject(request))


def guess_subject(request: DragEdit) -> Mask:
    """Cut out what the handles stand on (GrabCut: Rother, Kolmogorov, Blake 2004).

    Only surroundings of the handles are looked at, which depend on them and the picture's size, but not on
    where the handles are pulled. Pins, the surroundings' border, and what is protected or may not change are
    taken for background. Where parts of the picture are clear, what is opaque there is the subject.

    Args:
        request: of the whole picture.

    Returns:
        (h, w) uint8, 255 = subject, soft at its edge; a disc around each handle where nothing stands out.
    """
    window = _surroundings(request)
    subject = np.zeros(request.image.shape[:2], np.uint8)
    size = window.width, window.height
    scale = min(1.0, _PIXELS / max(size))
    small = (max(8, round(size[0] * scale)), max(8, round(size[1] * scale)))
    fits = (small[0] / size[0], small[1] / size[1])
    handles = [_place(pair.handle, window, fits, small) for pair in request.points]
    pins = [_place(pin, window, fits, small) for pin in request.pins]
    labels = _seeds(small, handles, pins, _allowed(request, window, small))
    seeds = int((labels == cv2.GC_FGD).sum())
    picture = np.asarray(
        cv2.resize(request.image[window.slices], small, interpolation=cv2.INTER_AREA), np.uint8
    )
    found = _connected(_cut_out(picture, labels), handles)
    if np.count_nonzero(found) < _LEAST_GAIN * seeds:
        for handle in handles:
            cv2.circle(found, handle, round(_GUESS_RADIUS * max(small)), 255, -1)
    found[labels == cv2.GC_BGD] = 0  # a pin in the midst of it is no hole to close
    subject[window.slices] = _enlarged(found, size, scale)
    if not subject.any():  # in a picture of a few pixels
        width, height = request.size
        for (x, y), _ in request.points:
            subject[min(int(y), height - 1), min(int(x), width - 1)] = 255
    return subject


def _surroundings(request: DragEdit) -> Box:
    handles = np.array([pair.handle for pair in request.points])
    (x0, y0), (x1, y1) = handles.min(0), handles.max(0)
    around = _AROUND * max(request.size)
    return Box.clipped(x0 - around, y0 - around, x1 + around, y1 + around, request.size)


def _allowed(request: DragEdit, window: Box, small: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the subject may be, (h, w) of the small picture."""
    free = request.image[window.slices][..., 3]
    if request.mask is not None:
        free = np.minimum(free, request.mask[window.slices])
    if request.protected is not None:
        free = np.minimum(free, 255 - request.protected[window.slices])
    resized = cv2.resize(np.ascontiguousarray(free), small, interpolation=cv2.INTER_AREA)
    return np.asarray(resized > 127, np.bool_)


def _place(point: Point, window: Box, fits: tuple[float, float], small: tuple[int, int]) -> tuple[int, int]:
    """A point of the picture in the small picture of the window, at its edge where it lies outside."""
    x, y = (point.x - window.x0) * fits[0], (point.y - window.y0) * fits[1]
    return int(min(max(x, 0), small[0] - 1)), int(min(max(y, 0), small[1] - 1))


def _seeds(
    small: tuple[int, int],
    handles: list[tuple[int, int]],
    pins: list[tuple[int, int]],
    allowed: NDArray[np.bool_],
) -> Mask:
    """GrabCut's labels to start from."""
    labels = np.full((small[1], small[0]), cv2.GC_PR_BGD, np.uint8)
    longest = max(small)
    for handle in handles:
        cv2.circle(labels, handle, round(_GUESS_RADIUS * longest), cv2.GC_PR_FGD, -1)
    labels[~allowed] = cv2.GC_BGD
    labels[[0, -1]] = labels[:, [0, -1]] = cv2.GC_BGD
    for points, label in ((pins, cv2.GC_BGD), (handles, cv2.GC_FGD)):
        for point in points:
            cv2.circle(labels, point, max(1, round(_SEED_RADIUS * longest)), label, -1)
    return labels


def _cut_out(picture: Image, labels: Mask) -> Mask:
    clear = picture[..., 3] < 128
    if clear.any():  # a cut-out has told already what belongs together
        return np.where(clear, np.uint8(0), np.uint8(255))
    return grab_cut(np.ascontiguousarray(picture[..., :3]), labels, _ITERATIONS)


def _enlarged(found: Mask, size: tuple[int, int], scale: float) -> Mask:
    """Blurred, brought up, and steepened again, so that the edge is as sharp as the small picture allows."""
    soft = cv2.resize(cv2.GaussianBlur(found, (0, 0), 0.7), size, interpolation=cv2.INTER_CUBIC)
    steep = (np.arange(256) - 127.5) * 2.5 * max(1.0, 0.5 / scale) + 127.5
    return np.asarray(cv2.LUT(soft, np.rint(np.clip(steep, 0, 255)).astype(np.uint8)), np.uint8)


def grab_cut(picture: NDArray[np.uint8], labels: Mask, iterations: int) -> Mask:
    """Tell a thing from what is around it by their colours (GrabCut: Rother, Kolmogorov, Blake 2004).

    Args:
        picture: (h, w, 3) uint8.
        labels: (h, w), OpenCV's: surely or perhaps background or foreground; changed.

    Returns:
        (h, w) uint8, 255 where the foreground is; empty where all is labelled as one of the two.
    """
    cv2.setRNGSeed(0)  # of OpenCV's own generator, which draws the first clusters: same request, same subject
    behind = np.isin(labels, (cv2.GC_BGD, cv2.GC_PR_BGD))
    if behind.all() or not behind.any():
        return np.zeros_like(labels)  # nothing to tell, or to tell it from
    models = np.zeros((1, 65)), np.zeros((1, 65))
    nowhere = (0, 0, 0, 0)  # the labels say where
    cv2.grabCut(picture, labels, nowhere, *models, iterations, cv2.GC_INIT_WITH_MASK)
    return np.where((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), np.uint8(255), np.uint8(0))


def _connected(found: Mask, handles: list[tuple[int, int]]) -> Mask:
    """The parts of `found` that hold a handle, with their holes closed."""
    _, parts = cv2.connectedComponents(found, connectivity=4)
    wanted = {int(parts[y, x]) for x, y in handles} - {0}
    kept = np.where(np.isin(parts, list(wanted)), np.uint8(255), np.uint8(0))
    contours, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = np.zeros_like(kept)
    cv2.drawContours(whole, contours, -1, 255, cv2.FILLED)
    return whole
