"""Against naive float64 loops from Schaefer et al. (2006) and against NumPy's least squares."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine.motion import Similarity, fit_similarity, paths, rigid_mls

coordinates = st.floats(0, 1000).map(lambda x: round(x, 2))
points = st.tuples(coordinates, coordinates)
NO_PINS = np.empty((0, 2))


def schaefer(v: np.ndarray, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The rigid deformation of one point, section 2.3, with the matrices A_i of equation 7 written out."""
    w = np.array([1 / ((p_i - v) @ (p_i - v)) for p_i in p])  # alpha = 1
    p_star = sum(w_i * p_i for w_i, p_i in zip(w, p, strict=True)) / w.sum()
    q_star = sum(w_i * q_i for w_i, q_i in zip(w, q, strict=True)) / w.sum()

    def perp(x: np.ndarray) -> np.ndarray:
        return np.array([-x[1], x[0]])

    f_r = np.zeros(2)
    for w_i, p_i, q_i in zip(w, p, q, strict=True):
        p_hat, q_hat, d = p_i - p_star, q_i - q_star, v - p_star
        a_i = w_i * np.array([p_hat, -perp(p_hat)]) @ np.array([d, -perp(d)]).T
        f_r += q_hat @ a_i
    if np.linalg.norm(f_r) == 0:
        return v - p_star + q_star
    return np.linalg.norm(v - p_star) * f_r / np.linalg.norm(f_r) + q_star


def best_angle(v: np.ndarray, p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The same point by its definition: the rotation that minimises Σ w |R p̂ − q̂|², found by search."""
    w = 1 / np.square(p - v).sum(1)
    p_star, q_star = w @ p / w.sum(), w @ q / w.sum()

    def cost(angle: float) -> float:
        c, s = math.cos(angle), math.sin(angle)
        turned = (p - p_star) @ np.array([[c, s], [-s, c]])
        return float(w @ np.square(turned - (q - q_star)).sum(1))

    low, step = min(np.linspace(-math.pi, math.pi, 721), key=cost), math.pi / 180
    for _ in range(60):  # thirds of an interval that holds the one minimum
        a, b = low - step / 3, low + step / 3
        low, step = (a if cost(a) < cost(b) else b), step * 2 / 3
    c, s = math.cos(low), math.sin(low)
    return (v - p_star) @ np.array([[c, s], [-s, c]]) + q_star


def scattered(n: int, seed: int, spread: float = 1000, offset: float = 0) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    return tuple(random.uniform(0, spread, (m, 2)) + offset for m in (40, n, n))


@pytest.mark.parametrize("n", [2, 3, 7, 200])
@pytest.mark.parametrize("offset", [0, 50_000, -1e6])
def test_rigid_mls_is_the_paper_s(n: int, offset: float) -> None:
    at, p, q = scattered(n, seed=n, offset=offset)
    moved, squared = rigid_mls(at, p, q)
    expected = np.array([schaefer(v, p, q) for v in at])
    tolerance = 1e-5 if n == 200 else 1e-6  # weights are bounded at the handles
    assert np.abs(moved - expected).max() < tolerance * max(1, abs(offset) / 1e5)
    assert np.allclose(squared, [[(v - p_i) @ (v - p_i) for p_i in p] for v in at])


def test_rigid_mls_minimises_its_cost() -> None:
    at, p, q = scattered(5, seed=5)
    expected = [best_angle(v, p, q) for v in at]
    assert np.abs(rigid_mls(at, p, q)[0] - expected).max() < 1e-3


def test_rigid_mls_of_one_pair_is_a_translation() -> None:
    at, p, q = scattered(1, seed=1)
    assert np.abs(rigid_mls(at, p, q)[0] - (at + q - p)).max() < 1e-9


def test_rigid_mls_of_equal_handles_is_a_translation() -> None:
    at, p, _ = scattered(1, seed=2)
    handles = np.repeat(p, 3, axis=0)
    shift = np.array([30, -7])
    assert np.abs(rigid_mls(at, handles, handles + shift)[0] - (at + shift)).max() < 1e-9


def test_rigid_mls_of_collinear_pairs() -> None:
    at, _, q = scattered(4, seed=3)
    p = np.array([[100, 200], [200, 300], [400, 500], [650, 750]], np.float64)
    expected = [schaefer(v, p, q) for v in at]
    assert np.abs(rigid_mls(at, p, q)[0] - expected).max() < 1e-6


@given(st.lists(st.tuples(points, points), min_size=1, max_size=12, unique_by=lambda pair: pair[0]))
def test_rigid_mls_interpolates_its_handles(pairs: list) -> None:
    p, q = (np.array(ends, np.float64) for ends in zip(*pairs, strict=True))
    apart = [np.hypot(*(a - b)) for i, a in enumerate(p) for b in p[:i]]
    if min(apart, default=1) < 1:
        return  # weights are bounded, so that nearer handles share what they do
    assert np.abs(rigid_mls(p, p, q)[0] - q).max() < 1e-2


@pytest.mark.parametrize("scale", [0.5, 1, 1000])
def test_rigid_mls_of_a_rigid_motion_is_that_motion(scale: float) -> None:
    at, p, _ = scattered(6, seed=4, spread=scale)
    c, s = math.cos(2.5), math.sin(2.5)
    turn = np.array([[c, s], [-s, c]])
    assert np.abs(rigid_mls(at, p, p @ turn + [9, 5])[0] - (at @ turn + [9, 5])).max() < 1e-6 * max(scale, 1)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_fit_similarity_is_least_squares(n: int) -> None:
    at, p, q = scattered(n, seed=10 + n)
    # q = (a·x − b·y + c, b·x + a·y + d), linear in a, b, c, d
    rows = [row for x, y in p for row in ((x, -y, 1, 0), (y, x, 0, 1))]
    a, b, c, d = np.linalg.lstsq(np.array(rows), q.reshape(-1), rcond=None)[0]
    expected = [(a * x - b * y + c, b * x + a * y + d) for x, y in at]
    assert np.abs(fit_similarity(p, q)(at) - expected).max() < 1e-6


def test_fit_similarity_of_one_pair_and_of_equal_handles_is_a_translation() -> None:
    at, p, q = scattered(1, seed=1)
    assert np.allclose(fit_similarity(p, q)(at), at + q - p)
    targets = np.array([[0, 0], [10, 20]], np.float64)
    assert np.allclose(fit_similarity(np.repeat(p, 2, axis=0), targets)(at), at + targets.mean(0) - p)


def test_fit_similarity_of_a_collapse_can_be_undone() -> None:
    at, p, _ = scattered(4, seed=8)
    fit = fit_similarity(p, np.full_like(p, 500))
    assert np.abs(fit(p) - 500).max() < 1
    assert np.allclose(fit.inverse(fit(at)), at)


angles = st.floats(-3.1, 3.1)


@given(angles, st.floats(0.3, 3), points, st.floats(0, 1), points)
def test_a_path_is_the_same_whether_followed_at_once_or_in_two_parts(
    angle: float, scale: float, shift: tuple, share: float, at: tuple
) -> None:
    whole = Similarity(scale * complex(math.cos(angle), math.sin(angle)), complex(*shift))
    place = np.array([at], np.float64)
    # About a fixed point that lies far away, digits are lost in proportion.
    lost = 1e-6 * (1 + 1 / max(abs(whole.a - 1), 1e-6))
    for first, second in ((share, 1 - share), (1 - share, share)):
        (part,) = whole.path(place, np.array([first]))
        (twice,) = whole.path(part, np.array([second]))
        assert np.allclose(twice, whole(place), rtol=0, atol=lost)
    start, end = whole.path(place, np.array([0.0, 1.0]))
    assert np.allclose(start, place, atol=1e-3)
    assert np.allclose(end, whole(place), rtol=0, atol=lost)
    assert np.allclose(whole.inverse(whole(place)), place)


def test_the_path_of_a_translation_is_a_straight_line() -> None:
    place = np.array([[1.0, 2.0]])
    assert np.array_equal(Similarity(1, 8 + 4j).path(place, np.array([0.25])), [[[3, 3]]])


@given(
    st.lists(st.tuples(points, points), min_size=1, max_size=8),
    st.lists(points, max_size=4),
    st.integers(1, 12),
)
def test_paths_lead_from_handles_to_targets(pairs: list, pins: list, steps: int) -> None:
    handles, targets = (np.array(ends, np.float64) for ends in zip(*pairs, strict=True))
    track = paths(handles, targets, np.array(pins, np.float64).reshape(-1, 2), steps)
    assert track.shape == (steps + 1, len(pairs), 2)
    assert np.abs(track[0] - handles).max() < 1e-4
    assert np.abs(track[-1] - targets).max() < 1e-4


@pytest.mark.parametrize("turn", [math.pi, -3, 0.5])
def test_paths_of_a_turn_keep_its_radius(turn: float) -> None:
    centre = np.array([400, 300])
    handles = np.array([[500, 300], [400, 420], [310, 260]], np.float64)
    c, s = math.cos(turn), math.sin(turn)
    targets = (handles - centre) @ np.array([[c, s], [-s, c]]) + centre
    track = paths(handles, targets, NO_PINS, 9)
    radius = np.linalg.norm(track - centre, axis=-1)
    assert np.abs(radius - radius[0]).max() < 1e-6
    turned = np.unwrap(np.arctan2(*np.moveaxis(track - centre, -1, 0)[::-1]), axis=0)
    assert np.abs(np.diff(turned, axis=0) - turn / 9).max() < 1e-6  # evenly


def test_paths_of_one_handle_are_straight_and_even() -> None:
    track = paths(np.array([[1.0, 2]]), np.array([[11.0, 42]]), NO_PINS, 4)
    assert np.allclose(track[:, 0], [(1, 2), (3.5, 12), (6, 22), (8.5, 32), (11, 42)])


@settings(max_examples=50)
@given(st.lists(points, min_size=2, max_size=5, unique=True), points)
def test_paths_of_a_collapse_stay_near(handles: list, target: tuple) -> None:
    start = np.array(handles, np.float64)
    track = paths(start, np.repeat([target], len(start), axis=0).astype(np.float64), NO_PINS, 8)
    everything = np.concatenate([start, [target]])
    assert (track >= everything.min(0) - 1e-6).all()
    assert (track <= everything.max(0) + 1e-6).all()
