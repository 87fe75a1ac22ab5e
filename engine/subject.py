"""What moves, where the user has not painted it: a cut-out found from the handles by colour alone."""

import cv2
import numpy as np

from engine.edit import DragEdit, Image, Mask, Point

_PIXELS = 224  # along the longer side of the picture that is segmented
_ITERATIONS = 4
_SEED_RADIUS = 0.02  # of the longer side: surely the subject, around each handle
_GUESS_RADIUS = 0.16  # perhaps the subject


def guess_subject(request: DragEdit) -> Mask:
    """Cut out what the handles stand on (GrabCut: Rother, Kolmogorov, Blake 2004).

    Pins, the border of the picture and what is protected are taken for background.

    Args:
        request: a cut request.

    Returns:
        (h, w) uint8, 255 = subject, soft at its edge; a disc around each handle where nothing stands out.
    """
    assert request.mask is not None
    width, height = request.size
    scale = min(1.0, _PIXELS / max(width, height))
    small = (max(8, round(width * scale)), max(8, round(height * scale)))
    picture = np.asarray(cv2.resize(request.image[..., :3], small, interpolation=cv2.INTER_AREA), np.uint8)
    fits = (small[0] / width, small[1] / height)
    handles = [_place(pair.handle, fits, small) for pair in request.points]
    pins = [_place(pin, fits, small) for pin in request.pins]
    allowed = cv2.resize(request.mask, small, interpolation=cv2.INTER_AREA) > 127
    labels = _seeds(small, handles, pins, allowed)
    found = _grab(picture, labels)
    found = _connected(found, handles)
    if not found.any():
        for handle in handles:
            cv2.circle(found, handle, round(_GUESS_RADIUS * max(small)), 255, -1)
    found[labels == cv2.GC_BGD] = 0  # a pin in the midst of it is no hole to close
    soft = cv2.resize(cv2.GaussianBlur(found, (0, 0), 0.7), (width, height), interpolation=cv2.INTER_CUBIC)
    # The blur is steepened again, so that the edge is as sharp as the small picture allows.
    steep = (np.arange(256) - 127.5) * 2.5 * max(1.0, 0.5 / scale) + 127.5
    subject = np.asarray(cv2.LUT(soft, np.rint(np.clip(steep, 0, 255)).astype(np.uint8)), np.uint8)
    if not subject.any():  # in a picture of a few pixels
        for x, y in (_place(pair.handle, (1, 1), (width, height)) for pair in request.points):
            subject[y, x] = 255
    return subject


def _place(point: Point, fits: tuple[float, float], small: tuple[int, int]) -> tuple[int, int]:
    return min(int(point.x * fits[0]), small[0] - 1), min(int(point.y * fits[1]), small[1] - 1)


def _seeds(
    small: tuple[int, int], handles: list[tuple[int, int]], pins: list[tuple[int, int]], allowed: np.ndarray
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


def _grab(picture: Image, labels: Mask) -> Mask:
    cv2.setRNGSeed(0)  # of OpenCV's own generator, which draws the first clusters: same request, same subject
    models = np.zeros((1, 65)), np.zeros((1, 65))
    nowhere = (0, 0, 0, 0)  # the labels say where
    cv2.grabCut(picture, labels, nowhere, *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
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
