"""What a drag does to the picture: dots are painted, dragged, and looked for."""

import math
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import pytest

from engine.clearance import Clearance
from engine.edit import Box, DragEdit, Point, PointPair
from engine.engine import Engine
from engine.fill import fill
from engine.flow import Flow
from engine.lift import similarity_flow
from engine.motion import Similarity
from engine.region import plan
from engine.warp import FINAL_CELLS, Warped, drag_flow, warp_by, warp_drag

SIZE = WIDTH, HEIGHT = 400, 300
PREVIEW_CELLS = 40
EVERYTHING = np.full((HEIGHT, WIDTH), 255, np.uint8)

Pairs = Iterable[tuple[tuple[float, float], tuple[float, float]]]


def request(pairs: Pairs, pins: Iterable = (), **changes) -> DragEdit:
    changes.setdefault("image", np.full((HEIGHT, WIDTH, 4), 255, np.uint8))
    changes.setdefault("mask", np.full(changes["image"].shape[:2], 255, np.uint8))
    points = tuple(PointPair(Point(*map(float, a)), Point(*map(float, b))) for a, b in pairs)
    return DragEdit(points=points, pins=tuple(Point(*map(float, pin)) for pin in pins), **changes)


def flow_of(asked: DragEdit, cells: int, stiffness: float) -> tuple[Flow, tuple[Point, ...]]:
    assert asked.mask is not None
    return drag_flow(asked, cells, stiffness, Clearance(asked.mask))


def warped_by(asked: DragEdit, preview: bool) -> Warped:
    """As coarse as a preview, or as finely as the finished picture."""
    if not preview:
        return warp_drag(asked)
    flow, handles = flow_of(asked, PREVIEW_CELLS, 0.5)
    image, unknown = warp_by(asked.image, flow, cv2.INTER_LINEAR)
    return Warped(image=image, unknown=unknown, overlay=None, handles=handles)


def dot(at: Sequence[float], size: tuple[int, int] = SIZE) -> np.ndarray:
    """A soft red dot on black."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    away = np.square(x - at[0]) + np.square(y - at[1])
    image = np.zeros((size[1], size[0], 4), np.uint8)
    image[..., 0], image[..., 3] = np.rint(255 * np.exp(-away / 8)), 255
    return image


def found(image: np.ndarray) -> np.ndarray:
    """The middle of all that is red."""
    red = np.where(image[..., 0] > 40, image[..., 0], 0).astype(np.float64)
    assert red.any(), "the dot is gone"
    y, x = np.mgrid[: red.shape[0], : red.shape[1]] + 0.5
    return np.array([(x * red).sum(), (y * red).sum()]) / red.sum()


def least_determinant(flow: Flow) -> float:
    """Of the bilinear map's Jacobian, over all cells: it is least in a cell's corner."""
    at = Flow.nodes(flow.size, flow.cell) + flow.vectors
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]

    def area(o: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        return (u - o)[..., 0] * (v - o)[..., 1] - (u - o)[..., 1] * (v - o)[..., 0]

    areas = area(a, b, c), area(b, d, a), area(c, a, d), area(d, c, b)
    return float(np.min(areas)) / flow.cell**2


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Handles, targets, pins: no drag is longer than the marks are ever apart, but for a lone one."""
    random = np.random.default_rng(seed)
    n, k = int(random.integers(1, 7)), int(random.integers(0, 5))
    apart = 60 if n < 4 else 40
    longest = 200 if n == 1 and k == 0 else apart
    while True:
        handles = random.uniform(25, [WIDTH - 25, HEIGHT - 25], (n, 2))
        angle = random.uniform(0, 2 * math.pi, n)
        length = random.uniform(2, longest, n)
        targets = handles + np.column_stack([np.cos(angle), np.sin(angle)]) * length[:, None]
        pins = random.uniform(0, SIZE, (k, 2))
        if (targets < 25).any() or (targets > [WIDTH - 25, HEIGHT - 25]).any():
            continue
        if all(separation(handles + (targets - handles) * s, pins) > apart for s in np.linspace(0, 1, 9)):
            return handles, targets, pins


def separation(*points: np.ndarray) -> float:
    joined = np.concatenate(points)
    return min((math.dist(a, b) for i, a in enumerate(joined) for b in joined[:i]), default=math.inf)


# --- deform


@pytest.mark.parametrize("seed", range(40))
def test_what_lies_under_a_handle_comes_to_lie_under_its_target(seed: int) -> None:
    handles, targets, pins = scene(seed)
    pairs = list(zip(handles, targets, strict=True))
    stiffness = (0, 0.5, 1)[seed % 3]
    warped = warp_drag(request(pairs, pins, image=dot(handles[0])), stiffness=stiffness)
    assert math.dist(found(warped.image), targets[0]) < 1
    assert max(math.dist(rest, target) for rest, target in zip(warped.handles, targets, strict=True)) < 0.5
    assert warped.unknown is None
    for pin in pins:
        if 8 < pin[0] < WIDTH - 8 and 8 < pin[1] < HEIGHT - 8:
            kept = warp_drag(request(pairs, pins, image=dot(pin)), stiffness=stiffness)
            assert math.dist(found(kept.image), pin) < 1


def test_the_sheet_does_not_fold() -> None:
    for seed in range(100):
        handles, targets, pins = scene(seed)
        asked = request(zip(handles, targets, strict=True), pins)
        for stiffness in (0, 1):
            flow, _ = flow_of(asked, FINAL_CELLS, stiffness)
            assert least_determinant(flow) > 0.05, seed


@pytest.mark.long
def test_the_sheet_does_not_fold_in_a_thousand_scenes() -> None:
    for seed in range(1000):
        handles, targets, pins = scene(seed)
        asked = request(zip(handles, targets, strict=True), pins)
        for stiffness in (0, 0.5, 1):
            flow, rest = flow_of(asked, FINAL_CELLS, stiffness)
            assert least_determinant(flow) > 0.05, (seed, stiffness)
            assert max(math.dist(a, b) for a, b in zip(rest, targets, strict=True)) < 0.5, (seed, stiffness)


@pytest.mark.parametrize("seed", range(40))
def test_a_lone_drag_never_folds_however_tight_its_mask(seed: int) -> None:
    """Along the grid: in slanted drags a sheared cell's corner may turn over where the sheet does not."""
    random = np.random.default_rng(seed)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    (x0, y0), axis = random.integers(0, [150, 100]), seed // 2 % 2
    x1, y1 = (int(n) for n in random.integers([x0 + 80, y0 + 80], SIZE))
    if seed % 2:
        mask[y0:y1, x0:x1] = 255
    else:
        y, x = np.ogrid[:HEIGHT, :WIDTH]
        mask[np.square((2 * x - x0 - x1) / (x1 - x0)) + np.square((2 * y - y0 - y1) / (y1 - y0)) <= 1] = 255
    edged = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    places = np.argwhere(cv2.distanceTransform(edged, cv2.DIST_L2, 5)[1:-1, 1:-1] > 15)
    handle = places[random.integers(len(places))]
    reachable = places[(places[:, axis] == handle[axis]) & (places[:, 1 - axis] != handle[1 - axis])]
    target = reachable[random.integers(len(reachable))]
    pair = tuple(handle[::-1] + 0.5), tuple(target[::-1] + 0.5)
    for stiffness in (0.3, 0.5, 0.7):
        flow, (rest,) = flow_of(request([pair], mask=mask), FINAL_CELLS, stiffness)
        assert least_determinant(flow) > 0
        assert math.dist(rest, pair[1]) < 0.5


@pytest.mark.parametrize("cells", [PREVIEW_CELLS, FINAL_CELLS])
def test_two_hundred_drags_that_agree_do_not_fold(cells: int) -> None:
    random = np.random.default_rng(0)
    handles = random.uniform(20, [WIDTH - 20, HEIGHT - 20], (200, 2))
    swell = np.column_stack([np.sin(handles[:, 1] / 50), np.cos(handles[:, 0] / 60)]) * 12
    flow, rest = flow_of(request(zip(handles, handles + swell, strict=True)), cells, 0.5)
    assert least_determinant(flow) > 0
    assert max(math.dist(a, b) for a, b in zip(rest, handles + swell, strict=True)) < (
        1 if cells > 100 else 6
    )


CONTRADICTIONS = {
    "crossing": ([((100, 150), (300, 150)), ((300, 140), (100, 160))], []),
    "swapped": ([((100, 150), (300, 150)), ((300, 150), (100, 150))], []),
    "onto a pin": ([((100, 150), (300, 150))], [(300, 150)]),
    "through a pin": ([((100, 150), (300, 150))], [(200, 150)]),
    "into one place": ([((100, 100), (200, 150)), ((300, 100), (200, 150)), ((200, 280), (200, 150))], []),
    "neighbours apart": ([((150, 150), (250, 150)), ((151, 150), (50, 150))], []),
    "corners swapped": ([((0, 0), (400, 300)), ((400, 300), (0, 0))], []),
    "two hundred at random": (np.random.default_rng(1).uniform(0, 1, (200, 2, 2)) * SIZE, []),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
@pytest.mark.parametrize("preview", [False, True])
def test_contradictions_still_give_a_picture(name: str, preview: bool, picture: np.ndarray) -> None:
    """The sheet may fold here: no motion of it could do what is asked."""
    image = cv2.resize(picture, SIZE)
    warped = warped_by(request(*CONTRADICTIONS[name], image=image), preview)
    assert np.isfinite(warped.handles).all()
    assert warped.image.shape == image.shape
    assert (warped.image[..., 3] == 255).all()
    if name in {"crossing", "swapped", "through a pin"}:  # the way round is free
        assert math.dist(warped.handles[0], (300, 150)) < 1


@pytest.mark.parametrize("seed", range(12))
def test_protected_pixels_keep_every_byte(seed: int, clear_picture: np.ndarray) -> None:
    random = np.random.default_rng(seed)
    mask = np.zeros(clear_picture.shape[:2], np.uint8)
    cv2.circle(mask, (160, 120), int(random.integers(40, 110)), 255, -1)
    if seed % 2:
        mask = cv2.GaussianBlur(mask, (0, 0), 6)
    pair = random.uniform(0, 1, (2, 2)) * [320, 240]
    asked = request([pair], image=clear_picture, mask=mask)
    region = plan(asked)
    cut = region.cut(asked)
    whole = region.paste(asked, cut, warp_drag(cut).image)
    assert np.array_equal(whole[mask == 0], clear_picture[mask == 0])


def test_the_handle_on_a_protected_pixel_stays() -> None:
    mask = EVERYTHING.copy()
    mask[:, :100] = 0
    asked = request([((60, 150), (200, 150))], mask=mask, image=dot((60, 150)))
    warped = warp_drag(asked)
    assert math.dist(warped.handles[0], (60, 150)) < 1e-6
    assert np.array_equal(warped.image[:, :100], asked.image[:, :100])


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("size", [(400, 300), (397, 301)])
def test_drags_at_the_edge_uncover_nothing(seed: int, size: tuple[int, int]) -> None:
    """Whether or not the picture is a whole number of cells wide, its edge stays filled."""
    random = np.random.default_rng(seed)
    handle, axis = random.uniform(0, size), random.integers(0, 2)
    handle[axis] = random.choice([0, size[axis]])
    handle = np.clip(handle + random.uniform(-12, 12, 2), 0, size)
    target = np.clip(handle + random.normal(0, 60, 2), 0, size)
    image = np.full((size[1], size[0], 4), 255, np.uint8)
    for preview in (False, True):
        assert warped_by(request([(handle, target)], image=image), preview).unknown is None


@pytest.mark.parametrize("seed", range(20))
def test_the_edge_of_the_sheet_never_moves_inwards(seed: int) -> None:
    random = np.random.default_rng(seed)
    size = int(random.integers(150, 450)), int(random.integers(150, 450))
    pairs = random.uniform(0, 1, (3, 2, 2)) * size
    image = np.full((size[1], size[0], 4), 255, np.uint8)
    flow, _ = flow_of(request(pairs, image=image), int(random.choice([PREVIEW_CELLS, FINAL_CELLS])), 0.5)
    along = np.linspace(0, 1, 500)
    for axis, n in enumerate(size):
        for edge, inwards in ((0, 1), (n, -1)):
            at = np.full((500, 2), float(edge))
            at[:, 1 - axis] = along * size[1 - axis]
            assert (flow.at(at)[:, axis] * inwards).max() < 1e-6


@pytest.mark.parametrize("at", [(0, 150), (3, 150), (398, 150), (200, 2)])
@pytest.mark.parametrize("preview", [False, True])
def test_a_handle_at_the_very_edge_falls_short_and_says_so_but_tears_nothing(
    at: tuple, preview: bool
) -> None:
    warped = warped_by(request([(at, (200, 150))], image=dot(at)), preview)
    assert warped.unknown is None
    assert math.dist(warped.handles[0], (200, 150)) > 1
    if min(at[0], 400 - at[0], at[1]) > 0 and not preview:
        assert math.dist(found(warped.image), warped.handles[0]) < 12, "where it says that it rests"


def test_a_handle_near_the_edge_arrives() -> None:
    for at in ((20, 150), (380, 150), (200, 20), (200, 280)):
        warped = warp_drag(request([(at, (200, 150))], image=dot(at)))
        assert math.dist(warped.handles[0], (200, 150)) < 1
        assert math.dist(found(warped.image), (200, 150)) < 4  # a dot drawn out to one side


def test_a_drag_that_leads_past_the_edge_on_its_way_arrives() -> None:
    """Both turn about (200, 150), above and below which there is less room than beside it."""
    pairs = [((80, 150), (320, 150)), ((320, 150), (80, 150))]
    warped = warp_drag(request(pairs))
    assert max(math.dist(a, b[1]) for a, b in zip(warped.handles, pairs, strict=True)) < 1


def test_a_subject_moves_as_one_piece() -> None:
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(subject, (180, 150), (90, 40), 0, 0, 360, 255, -1)
    pair, far = ((105, 150), (145, 165)), (255, 150)
    together = warp_drag(request([pair], image=dot(far), subject=subject), stiffness=0)
    assert math.dist(found(together.image), (295, 165)) < 1.5
    alone = warp_drag(request([pair], image=dot(far)), stiffness=0)
    assert math.dist(found(alone.image), (295, 165)) > 4
    flow, _ = flow_of(request([pair], subject=subject), FINAL_CELLS, 0)
    assert least_determinant(flow) > 0


def test_a_subject_turns_with_its_handles() -> None:
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    subject[120:180, 120:280] = 255
    c, s = math.cos(0.5), math.sin(0.5)

    def turned(x: float, y: float) -> tuple[float, float]:
        return 200 + c * (x - 200) - s * (y - 150), 150 + s * (x - 200) + c * (y - 150)

    pairs = [((135, 150), turned(135, 150)), ((200, 150), (201, 150))]
    warped = warp_drag(request(pairs, image=dot((265, 150)), subject=subject))
    assert math.dist(found(warped.image), turned(265, 150)) < 3


def test_stiffness_widens_what_moves() -> None:
    beside = [
        found(warp_drag(request([((200, 150), (230, 150))], image=dot((200, 220))), stiffness=s).image)[0]
        for s in (0, 0.5, 1)
    ]
    assert beside[0] < beside[1] - 1
    assert beside[1] <= beside[2] + 0.1
    assert beside[2] == pytest.approx(230, abs=1)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 7), (5, 5), (3000, 4)])
@pytest.mark.parametrize("motion", ["deform", "move"])
def test_tiny_pictures(size: tuple[int, int], motion: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), np.uint8)
    asked = request(
        [((0, 0), size)], image=image, subject=np.full(image.shape[:2], 255, np.uint8), motion=motion
    )
    for preview in (False, True):
        warped = warped_by(asked, preview)
        assert warped.flatten(warped.image).shape == image.shape


# --- move


SENTINEL = (1, 2, 3, 255)


def moved(pairs: Pairs, subject: np.ndarray, image: np.ndarray, **rest) -> tuple:
    """The picture after the move with SENTINEL wherever fill would come to show, and the gap to fill."""
    warped = warp_drag(request(pairs, subject=subject, image=image, motion="move", **rest))
    assert warped.unknown is not None
    filled = np.where(warped.unknown[..., None] > 0, np.array(SENTINEL, np.uint8), warped.image)
    return warped.flatten(filled), warped.unknown > 0


def test_move_uncovers_the_subject_s_place_but_for_where_it_lies_now() -> None:
    image = np.random.default_rng(2).integers(10, 256, (HEIGHT, WIDTH, 4), np.uint8)
    image[..., 3] = 255
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(subject, (150, 150), 50, 255, -1)
    out, unknown = moved([((140, 150), (165, 130))], subject, image)
    now = np.roll(subject, (-20, 25), (0, 1)) > 0
    seen = (out == SENTINEL).all(-1)
    was = subject > 0
    assert (unknown >= was).all()
    around = cv2.dilate(subject, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (41, 41))) > 0
    assert (unknown <= around).all()
    assert np.array_equal(seen, unknown & ~now)
    assert np.array_equal(out[now], np.roll(image, (-20, 25), (0, 1))[now])
    untouched = ~unknown & ~now
    assert np.array_equal(out[untouched], image[untouched])


def test_move_turns_and_grows_as_its_handles_say() -> None:
    """A dot at a third place of the subject goes where the similarity of the two handles takes it."""
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(subject, (150, 150), 60, 255, -1)
    pairs = [((110, 150), (200, 110)), ((190, 150), (200, 210))]  # a quarter turn, 1.25 times as large
    warped = warp_drag(request(pairs, subject=subject, image=dot((150, 120)), motion="move"))
    out = warped.flatten(fill(warped.image, warped.unknown))
    assert math.dist(found(out), (237.5, 160)) < 0.3
    assert max(math.dist(a, b[1]) for a, b in zip(warped.handles, pairs, strict=True)) < 1e-6


def test_what_is_protected_is_not_lifted() -> None:
    image = np.random.default_rng(3).integers(10, 256, (HEIGHT, WIDTH, 4), np.uint8)
    image[..., 3] = 255
    subject, mask = np.zeros((HEIGHT, WIDTH), np.uint8), EVERYTHING.copy()
    subject[100:200, 100:200] = 255
    mask[:, :150] = 0
    out, unknown = moved([((170, 150), (270, 150))], subject, image, mask=mask)
    assert not unknown[:, :140].any()
    assert np.array_equal(out[100:200, 250:300], image[100:200, 150:200])
    assert np.array_equal(out[100:200, 215:250], image[100:200, 215:250])


def test_where_all_of_the_subject_is_protected_nothing_moves() -> None:
    image = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
    subject, mask = np.zeros((HEIGHT, WIDTH), np.uint8), EVERYTHING.copy()
    subject[100:200, 100:200] = 255
    mask[90:210, 90:210] = 0
    pair = ((120, 150), (220, 150))
    still = warp_drag(request([pair], subject=subject, image=image, mask=mask, motion="move"))
    assert still.unknown is None
    assert np.array_equal(still.flatten(still.image), image)


def test_a_soft_subject_is_laid_over_softly() -> None:
    image = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    image[...] = (0, 0, 200, 255)
    image[100:200, 100:200] = (200, 0, 0, 255)
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    subject[100:200, 100:200] = 255
    subject[100:200, 190:200] = 128
    warped = warp_drag(request([((150, 150), (280, 150))], subject=subject, image=image, motion="move"))
    out = warped.flatten(fill(warped.image, warped.unknown))
    assert np.abs(out[150, 325].astype(int) - (100, 0, 100, 255)).max() <= 2
    assert out[150, 280].tolist() == [200, 0, 0, 255]


def test_a_subject_moved_beyond_the_edge_is_cut_off_there() -> None:
    image = np.full((HEIGHT, WIDTH, 4), 200, np.uint8)
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    subject[100:200, 100:200] = 255
    for target in ((399, 150), (0, 0), (200, 299), (400, 300)):
        out, _ = moved([((150, 150), target)], subject, image)
        assert out.shape == image.shape


def test_shrinking_does_not_shimmer() -> None:
    """A fine chequerboard made nearly four times smaller is grey, not a coarse pattern."""
    image = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image[..., :3] = ((x // 2 + y // 2) % 2 * 255)[..., None]
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    subject[50:250, 100:300] = 255
    pairs = [((100, 150), (173, 150)), ((300, 150), (227, 150))]
    warped = warp_drag(request(pairs, subject=subject, image=image, motion="move"))
    inside = warped.flatten(warped.image)[135:165, 185:215, 0].astype(float)
    assert abs(inside.mean() - 127.5) < 10
    assert inside.std() < 15


def test_similarity_flow_is_exact_between_its_nodes() -> None:
    motion = Similarity(1.3 * complex(math.cos(2), math.sin(2)), 12 - 7j)
    flow = similarity_flow(motion, (203, 97))
    at = np.random.default_rng(0).uniform(0, (203, 97), (50, 2))
    assert np.abs(at + flow.at(at) - motion(at)).max() < 1e-9


def test_the_edge_of_a_crop_inside_the_picture_holds_nothing_back() -> None:
    """What a method is shown beyond the mask changes nothing of how the masked part moves."""
    mask = np.zeros((250, 250), np.uint8)
    mask[80:170, 80:170] = 255
    image = np.zeros((250, 250, 4), np.uint8)
    pair = ((90, 125), (116, 125))
    whole, _ = flow_of(request([pair], image=image, mask=mask), 250, 0.5)
    at = np.random.default_rng(0).uniform(82, 168, (400, 2))
    for rim in (1, 8, 30):
        shift = 80 - rim
        part = np.s_[shift : 170 + rim, shift : 170 + rim]
        small = request(
            [tuple((x - shift, y - shift) for x, y in pair)],
            image=np.ascontiguousarray(image[part]),
            mask=np.ascontiguousarray(mask[part]),
        )
        crop, _ = flow_of(small, 250, 0.5)
        assert np.abs(whole.at(at) - crop.at(at - shift)).max() < 0.01
    assert np.abs(whole.at(at)).max() > 20


def test_warps_repeat_to_the_byte(picture: np.ndarray) -> None:
    asked = request([((150, 120), (190, 110)), ((50, 60), (50, 90))], image=picture)
    assert np.array_equal(warp_drag(asked).image, warp_drag(asked).image)


def test_flatten_leaves_what_it_is_given() -> None:
    image = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    subject[100:150, 100:150] = 255
    warped = warp_drag(request([((120, 120), (200, 120))], subject=subject, image=image, motion="move"))
    assert warped.overlay is not None
    assert isinstance(warped.overlay[0], Box)
    before = warped.image.copy()
    warped.flatten(warped.image)
    assert np.array_equal(warped.image, before)


@pytest.mark.parametrize("size", [(1, 70000), (20, 40000), (90000, 4), (3, 3)])
@pytest.mark.parametrize("motion", ["deform", "move"])
def test_the_oddest_shapes_work_and_give_the_same_bytes_twice(size: tuple[int, int], motion: str) -> None:
    width, height = size
    image = np.random.default_rng(1).integers(0, 256, (height, width, 4), dtype=np.uint8)
    start, end = Point(width / 2, height / 2), Point(0.65 * width, 0.65 * height)
    asked = DragEdit(image=image, points=(PointPair(start, end),), motion=motion)
    first = Engine().edit("flow_warp", asked).image
    assert first.shape == image.shape
    assert np.array_equal(Engine().edit("flow_warp", asked).image, first)
