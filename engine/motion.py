"""The motion that point pairs describe: a similarity as a whole, rigid moving least squares in detail.

Points are float64 arrays (n, 2) of x, y in one common unit. Inside, a similarity z ↦ a·z + b is written in
complex numbers: |a| is its scale and the argument of a its angle.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.edit import Point

Points = NDArray[np.float64]  # (n, 2)


class Similarity(NamedTuple):
    """z ↦ a·z + b for z = x + iy."""

    a: complex
    b: complex

    def __call__(self, points: Points) -> Points:
        return _real(self.a * _complex(points) + self.b)

    @property
    def inverse(self) -> "Similarity":
        return Similarity(1 / self.a, -self.b / self.a)

    def path(self, points: Points, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where points (n, 2) are after each of `shares` (k,) in [0, 1] of the motion, (k, n, 2): they go
        along circles or spirals about its fixed point."""
        z = _complex(points)
        if abs(self.a - 1) < 1e-9:
            gone = z + shares[:, None] * self.b
        else:
            centre = self.b / (1 - self.a)
            gone = centre + (self.a**shares)[:, None] * (z - centre)
        return np.stack([gone.real, gone.imag], axis=-1)


def fit_similarity(handles: Points, targets: Points) -> Similarity:
    """The least-squares similarity from handles to targets; a translation where there is but one handle."""
    p, q = _complex(handles), _complex(targets)
    p_mean, q_mean = p.mean(), q.mean()
    spread = float(np.sum(np.abs(p - p_mean) ** 2))
    a = complex(np.sum((q - q_mean) * np.conj(p - p_mean)) / spread) if spread > 1e-12 else 1 + 0j
    if abs(a) < 1e-3:  # everything collapses into one point: keep the map invertible
        a = 1e-3 + 0j
    return Similarity(a, complex(q_mean - a * p_mean))


def paths(handles: Points, targets: Points, pins: Points, steps: int) -> NDArray[np.float64]:
    """Where each handle is after 0 … `steps` steps, (steps + 1, n, 2).

    The handles follow their common similarity along its spiral, so that a turn stays a turn half-way, and
    what they do beside it in a straight line.
    """
    zero = np.concatenate([handles, pins]), np.concatenate([targets, pins])
    whole = fit_similarity(*zero)
    if not 0.2 < abs(whole.a) < 5:  # a collapse or a burst has no sensible spiral
        whole = fit_similarity(handles.mean(0, keepdims=True), targets.mean(0, keepdims=True))
    rest = targets - whole(handles)
    shares = np.linspace(0, 1, steps + 1)
    return whole.path(handles, shares) + shares[:, None, None] * rest


def rigid_mls(at: Points, handles: Points, targets: Points) -> tuple[Points, NDArray[np.float64]]:
    """Move points by the rigid moving-least-squares deformation of the pairs.

    Schaefer, McPhail, Warren: Image Deformation Using Moving Least Squares (2006), section 2.3, with weights
    1/d². In the plane the best rotation about the weighted centroids has a closed form: its angle is
    atan2(Σ w p̂ × q̂, Σ w p̂ · q̂). All sums come from one matrix product of the weights.

    Args:
        at: (m, 2) points to move.
        handles, targets: (n, 2) pairs, n ≥ 1; a pin is a pair whose ends are equal.

    Returns:
        The moved points (m, 2), and their squared distances to the handles, (m, n).
    """
    origin = handles.mean(0)
    v, p, q = at - origin, handles - origin, targets - origin
    squared = np.square(v[:, :1] - p[:, 0]) + np.square(v[:, 1:] - p[:, 1])  # (m, n)
    scale = max(float(np.ptp(p, axis=0).max()), 1.0)
    weights = 1 / (squared + 1e-12 * scale**2)
    dot = (p * q).sum(1)
    cross = p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]
    sums = weights @ np.column_stack([np.ones(len(p)), p, q, dot, cross])  # (m, 7)
    sums[:, 1:] /= sums[:, :1]
    px, py, qx, qy, dot, cross = sums[:, 1:].T
    cosine, sine = dot - (px * qx + py * qy), cross - (px * qy - py * qx)
    length = np.hypot(cosine, sine)
    turned = length > 1e-12 * scale**2  # a lone pair has no angle
    cosine = np.where(turned, cosine / np.where(turned, length, 1), 1.0)
    sine = np.where(turned, sine / np.where(turned, length, 1), 0.0)
    dx, dy = v[:, 0] - px, v[:, 1] - py
    moved = np.column_stack([cosine * dx - sine * dy + qx, sine * dx + cosine * dy + qy])
    return moved + origin, squared


def _complex(points: Points) -> NDArray[np.complex128]:
    return points[:, 0] + 1j * points[:, 1]


def _real(z: NDArray[np.complex128]) -> Points:
    return np.column_stack([z.real, z.imag])


def as_array(points: Iterable[Point]) -> Points:
    return np.array(list(points), np.float64).reshape(-1, 2)


def as_points(array: Points) -> tuple[Point, ...]:
    return tuple(Point(float(x), float(y)) for x, y in array)
