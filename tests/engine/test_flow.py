"""Against naive float64 evaluation: own bilinear look-ups, closed-form inverses, triangles one by one."""

import itertools
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from engine import flow as flow_module
from engine.bilinear import bilinear
from engine.flow import Flow, invert, uncovered, warp

LINEAR, CUBIC = cv2.INTER_LINEAR, cv2.INTER_CUBIC


def naive(table: np.ndarray, x: float, y: float) -> np.ndarray:
    """`table` (rows, columns, c) at one fractional index, clamped."""
    rows, columns = table.shape[:2]
    x, y = min(max(x, 0), columns - 1), min(max(y, 0), rows - 1)
    j, i = min(int(x), columns - 2), min(int(y), rows - 2)
    out = np.zeros(table.shape[2])
    for a, b in itertools.product((0, 1), (0, 1)):
        out += (abs(1 - a - (x - j)) * abs(1 - b - (y - i))) * table[i + b, j + a]
    return out


def displaced(flow: Flow, x: float, y: float) -> np.ndarray:
    return naive(flow.vectors, x / flow.cell + 0.5, y / flow.cell + 0.5)


def flow_of(size: tuple[int, int], cell: int, displacement) -> Flow:
    nodes = Flow.nodes(size, cell)
    return Flow(size=size, cell=cell, vectors=displacement(nodes[..., 0], nodes[..., 1]))


def shift(size: tuple[int, int], cell: int, x: float, y: float) -> Flow:
    return flow_of(size, cell, lambda px, py: np.stack([px * 0 + x, py * 0 + y], axis=-1))


def affine(size: tuple[int, int], cell: int, matrix: np.ndarray, b: np.ndarray) -> Flow:
    return flow_of(size, cell, lambda x, y: np.stack([x, y], -1) @ (matrix - np.eye(2)).T + b)


def smooth(size: tuple[int, int], cell: int, seed: int, steepness: float = 0.5, length: int = 0) -> Flow:
    """Waves about as long as `length` or the shorter side, whose gradients stay below `steepness`."""
    random = np.random.default_rng(seed)

    def waves(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = np.zeros((*x.shape, 2))
        for _ in range(3):
            angle = random.uniform(0, 2 * math.pi)
            k = np.array([math.cos(angle), math.sin(angle)]) * 2 * math.pi / (length or min(size))
            direction = random.normal(size=2)
            amplitude = steepness / 3 / np.hypot(*k) / np.hypot(*direction)
            out += np.sin(k[0] * x + k[1] * y + random.uniform(0, 7))[..., None] * direction * amplitude
        return out

    return flow_of(size, cell, waves)


def test_nodes_stand_at_cell_centres_and_one_ring_around() -> None:
    nodes = Flow.nodes((25, 10), 8)
    assert nodes.shape == (4, 6, 2)
    assert nodes[0, 0].tolist() == [-4, -4]
    assert nodes[1, 2].tolist() == [12, 4]


@given(st.floats(-50, 400), st.floats(-50, 300), st.integers(0, 5))
def test_bilinear_is_the_naive_one(x: float, y: float, seed: int) -> None:
    table = np.random.default_rng(seed).normal(size=(9, 13, 3))
    assert np.allclose(bilinear(table, np.array([[x / 25, y / 25]])), naive(table, x / 25, y / 25))
    flow = Flow(size=(300, 200), cell=25, vectors=table[..., :2])
    assert np.allclose(flow.at(np.array([[x, y]])), displaced(flow, x, y))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(200, 150, 7), (90, 300, 16), (64, 64, 1), (31, 17, 4)]))
def test_the_inverse_undoes_smooth_flows(seed: int, form: tuple[int, int, int]) -> None:
    width, height, cell = form
    flow = smooth((width, height), cell, seed)
    backward, error = invert(flow)
    nodes = Flow.nodes(flow.size, cell)
    low, high = nodes[0, 0], nodes[-1, -1]
    checked = 0
    for i, j in itertools.product(range(0, nodes.shape[0], 3), range(0, nodes.shape[1], 3)):
        g = backward.vectors[i, j]
        x = nodes[i, j] + g
        rest = g + displaced(flow, *x)
        assert error[i, j] == pytest.approx(np.hypot(*rest), abs=1e-9)
        if (x > low + cell).all() and (x < high - cell).all():
            assert np.abs(rest).max() < 1e-2, (i, j)
            checked += 1
    assert checked > 0 or max(flow.size) < 40


@pytest.mark.parametrize(
    "matrix",
    [
        [[math.cos(0.4), -math.sin(0.4)], [math.sin(0.4), math.cos(0.4)]],
        [[1.5, 0], [0, 0.75]],
        [[1, 0.6], [0, 1]],
        [[math.cos(2.5), -math.sin(2.5)], [math.sin(2.5), math.cos(2.5)]],
    ],
)
def test_the_inverse_of_an_affine_flow(matrix: list) -> None:
    a = np.array(matrix, np.float64)
    centre = np.array([100, 80])
    b = centre - a @ centre + [7, -3]  # about the centre, and a little away
    backward, _ = invert(affine((200, 160), 8, a, b))
    nodes = Flow.nodes((200, 160), 8)
    source = (nodes - b) @ np.linalg.inv(a).T
    inside = ((source > nodes[0, 0]) & (source < nodes[-1, -1])).all(-1)
    assert inside.sum() > 100
    assert np.abs(nodes + backward.vectors - source)[inside].max() < 1e-2


def test_the_inverse_of_a_fold_is_finite() -> None:
    """The left and the right third change places; the middle turns over."""
    flow = flow_of((300, 100), 5, lambda x, y: np.stack([2 * (150 - x), 0 * y], -1))
    crossed = flow_of(
        (300, 100),
        5,
        lambda x, y: np.stack([np.where(x < 100, 200, np.where(x > 200, -200, 0.0)), 0 * y], -1),
    )
    for folded in (flow, crossed):
        backward, error = invert(folded)
        assert np.isfinite(backward.vectors).all()
        assert np.isfinite(error).all()
    turned, error = invert(flow)
    assert error[1:-1, 2:-2].max() < 0.5  # each place is reached, from the other side
    assert np.abs(turned.vectors[:, 2:-2] - flow.vectors[:, 2:-2]).max() < 0.5


def test_the_inverse_of_noise_is_finite() -> None:
    nodes = Flow.nodes((100, 80), 4)
    noise = np.random.default_rng(0).normal(0, 200, nodes.shape)
    backward, error = invert(Flow(size=(100, 80), cell=4, vectors=noise))
    assert np.isfinite(backward.vectors).all()
    assert np.isfinite(error).all()


# --- what is uncovered


def arrived(flow: Flow, step: float) -> np.ndarray:
    """(h, w) bool: pixels whose centre lies in a forward-mapped triangle of the picture's own area."""
    width, height = flow.size
    xs, ys = (np.append(np.arange(0, n, step), n).astype(np.float64) for n in flow.size)
    moved = np.array([[np.array([x, y]) + displaced(flow, x, y) for x in xs] for y in ys])
    out = np.zeros((height, width), bool)
    for i, j in itertools.product(range(len(ys) - 1), range(len(xs) - 1)):
        a, b, c, d = moved[i, j], moved[i, j + 1], moved[i + 1, j], moved[i + 1, j + 1]
        for triangle in ((a, b, c), (b, d, c)):
            (x0, y0), (x1, y1) = np.min(triangle, 0), np.max(triangle, 0)
            for y in range(max(math.ceil(y0 - 0.5), 0), min(math.floor(y1 - 0.5) + 1, height)):
                for x in range(max(math.ceil(x0 - 0.5), 0), min(math.floor(x1 - 0.5) + 1, width)):
                    out[y, x] = out[y, x] or inside(triangle, (x + 0.5, y + 0.5))
    return out


def inside(triangle: tuple, point: tuple[float, float]) -> bool:
    sides = []
    for (ax, ay), (bx, by) in zip(triangle, (*triangle[1:], triangle[0]), strict=True):
        sides.append((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax))
    return all(side >= 0 for side in sides) or all(side <= 0 for side in sides)


FLOWS = {
    "in from the left": lambda x, y: np.stack([30 * np.exp(-(((y - 40) / 30) ** 2)) + 0 * x, 0 * y], -1),
    "in from a corner": lambda x, y: np.stack([12 + 0 * x, 17 + 0 * y], -1),
    "smaller": lambda x, y: np.stack([(60 - x) * 0.3, (40 - y) * 0.3], -1),
    "larger": lambda x, y: np.stack([(x - 60) * 0.3, (y - 40) * 0.3], -1),
    "turned": lambda x, y: np.stack([(y - 40) * 0.5, (60 - x) * 0.5], -1),
    "stretched": lambda x, y: np.stack([25 * np.tanh((x - 60) / 12), 0 * y], -1),
    "still": lambda x, y: np.stack([0 * x, 0 * y], -1),
}


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("cell", [4, 9])
def test_uncovered_is_where_no_triangle_arrives(name: str, cell: int) -> None:
    flow = flow_of((120, 80), cell, FLOWS[name])
    gaps = uncovered(*invert(flow)) > 0
    expected = ~arrived(flow, cell / 2)
    # An edge is found to a pixel.
    kernel = np.ones((3, 3), np.uint8)
    surely = cv2.erode(expected.astype(np.uint8), kernel, borderValue=1) > 0
    perhaps = cv2.dilate(expected.astype(np.uint8), kernel) > 0
    assert (gaps >= surely).all()
    assert (gaps <= perhaps).all()
    assert expected.any() == (name not in {"larger", "stretched", "still"})


@pytest.mark.parametrize("cell", [1, 3, 7, 20, 64])
def test_a_shift_uncovers_its_own_width(cell: int) -> None:
    gaps = uncovered(*invert(shift((130, 70), cell, 20, 0)))
    assert (gaps[:, :20] == 255).all()
    assert (gaps[:, 20:] == 0).all()
    gaps = uncovered(*invert(shift((130, 70), cell, 0, -11)))
    assert (gaps[-11:] == 255).all()
    assert (gaps[:-11] == 0).all()


# --- warping


@pytest.mark.parametrize("interpolation", [LINEAR, CUBIC])
@pytest.mark.parametrize("cell", [1, 5, 32])
def test_no_motion_changes_no_byte(cell: int, interpolation: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (90, 130, 4), np.uint8)
    image[20:40, :, 3] = 0  # colour under clear pixels
    still = shift((130, 90), cell, 0, 0)
    assert np.array_equal(warp(image, still, interpolation), image)
    image[..., 3] = 255
    assert np.array_equal(warp(image, still, interpolation), image)


@pytest.mark.parametrize("interpolation", [LINEAR, CUBIC])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("clear", [False, True])
def test_a_whole_shift_is_a_roll(interpolation: int, alpha: bool, clear: bool) -> None:
    image = np.random.default_rng(1).integers(0, 256, (90, 130, 4), np.uint8)
    image[..., 3] = np.maximum(image[..., 3], 1) if alpha else 255
    out = warp(image, shift((130, 90), 8, 13, -6), interpolation, clear=clear)
    assert np.array_equal(out[6:, :-13], np.roll(image, (6, -13), (0, 1))[6:, :-13])
    if clear:
        assert not out[:6, :, 3].any()
        assert not out[:, -13:, 3].any()
    else:
        assert np.array_equal(out[:6, :-13, 3], np.repeat(image[:1, 13:, 3], 6, axis=0))


def slowly_varying(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / a + y / b) for a, b in ((31, 47), (-53, 29), (77, -41), (23, 90))]
    return np.rint(np.stack(waves, -1) * 80 + 140).astype(np.uint8)


def sampled(image: np.ndarray, backward: Flow, places: np.ndarray) -> np.ndarray:
    """Pixels of the warped picture, one by one: colours weighed by alpha, the edge going on for ever."""
    weighed = image.astype(np.float64)
    weighed[..., :3] *= weighed[..., 3:] / 255
    out = []
    for x, y in places:
        dx, dy = displaced(backward, x + 0.5, y + 0.5)
        value = naive(weighed, x + dx, y + dy)
        out.append([*(value[:3] * 255 / max(value[3], 1e-3)), value[3]])
    return np.array(out)


@pytest.mark.parametrize("interpolation", [LINEAR, CUBIC])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("form", [(211, 140, 6), (97, 233, 13), (40, 40, 1)])
def test_warp_samples_where_the_flow_says(
    form: tuple[int, int, int], alpha: bool, interpolation: int
) -> None:
    width, height, cell = form
    image = slowly_varying(width, height)
    if not alpha:
        image[..., 3] = 255
    backward = smooth((width, height), cell, seed=7, steepness=0.3)
    out = warp(image, backward, interpolation)
    random = np.random.default_rng(3)
    places = random.integers(0, [width, height], (300, 2))
    expected = sampled(image, backward, places)
    assert np.abs(out[places[:, 1], places[:, 0]] - expected).max() < 1.1


@pytest.mark.parametrize("form", [(40_000, 12), (12, 40_000)])
@pytest.mark.parametrize("alpha", [False, True])
def test_pictures_beyond_the_reach_of_remap(form: tuple[int, int], alpha: bool) -> None:
    image = slowly_varying(*form)
    if not alpha:
        image[..., 3] = 255
    backward = smooth(form, 50, seed=2, length=40_000)
    assert np.abs(backward.vectors).max() > 1000
    out = warp(image, backward, LINEAR)
    places = np.random.default_rng(4).integers(0, form, (400, 2))
    assert np.abs(out[places[:, 1], places[:, 0]] - sampled(image, backward, places)).max() < 1.1
    assert np.array_equal(warp(image, shift(form, 50, 0, 0)), image)


@pytest.mark.parametrize("interpolation", [LINEAR, CUBIC])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("cell", [1, 7])
def test_tiles_do_not_show(
    monkeypatch: pytest.MonkeyPatch, cell: int, alpha: bool, interpolation: int
) -> None:
    image = np.random.default_rng(5).integers(0, 256, (230, 310, 4), np.uint8)
    if not alpha:
        image[..., 3] = 255
    backward = smooth((310, 230), cell, seed=9)
    gaps = invert(shift((310, 230), cell, 40, -9))
    whole = warp(image, backward, interpolation), uncovered(*gaps)
    monkeypatch.setattr(flow_module, "_TILE", 3000)
    monkeypatch.setattr(flow_module, "_COLUMNS", 64)
    tiled = warp(image, backward, interpolation), uncovered(*gaps)
    # A tile's maps count from elsewhere, in float32.
    assert np.abs(tiled[0].astype(int) - whole[0]).max() <= 1
    assert np.mean(tiled[0] == whole[0]) > 0.995
    assert np.array_equal(tiled[1], whole[1])


@pytest.mark.parametrize("interpolation", [LINEAR, CUBIC])
@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize("strength", [255, 128])
def test_no_dark_fringe_around_what_is_cut_out(strength: int, clear: bool, interpolation: int) -> None:
    image = np.zeros((80, 80, 4), np.uint8)  # clear black
    cv2.circle(image, (40, 40), 20, (250, 120, 30, strength), -1)
    out = warp(image, shift((80, 80), 8, 0.5, 0.3), interpolation, clear=clear)
    edge = (out[..., 3] > 8) & (out[..., 3] < strength - 8)
    assert edge.sum() > 30
    assert np.abs(out[edge][:, :3].astype(int) - [250, 120, 30]).max() <= 3


def test_colour_under_clear_pixels_does_not_bleed() -> None:
    image = np.zeros((40, 40, 4), np.uint8)
    image[:, :20] = (255, 0, 0, 0)
    image[:, 20:] = (0, 0, 255, 255)
    out = warp(image, shift((40, 40), 4, 0.5, 0))
    assert not out[out[..., 3] > 4][:, 0].any()
