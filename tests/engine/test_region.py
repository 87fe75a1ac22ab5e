"""What may change, the crop for it, and paste-back: nothing outside changes, whatever a method returns."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from engine import region as module
from engine.colour import from_srgb, to_srgb
from engine.edit import Box, DragEdit, EditRequest, EditResult, ExemplarEdit, Point, PointPair, TextEdit
from engine.engine import Engine
from engine.errors import InvalidRequest
from engine.method import Method
from engine.methods import METHODS
from engine.region import plan
from engine.settings import Settings

MASKS = ("none", "random", "soft", "box", "pixel", "full")


def noise(width, height, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)


def random_mask(kind, width, height, seed):
    random = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    if kind == "random":
        mask = (random.random((height, width)) < random.random()).astype(np.uint8) * np.uint8(255)
    elif kind == "soft":
        mask = random.choice(np.array([0, 1, 127, 128, 254, 255], np.uint8), (height, width))
    elif kind == "box":
        (x0, x1), (y0, y1) = np.sort(random.integers(0, [[width, width], [height, height]]))
        mask[y0 : y1 + 1, x0 : x1 + 1] = 255
    elif kind == "full":
        mask[:] = 255
    mask[random.integers(height), random.integers(width)] |= np.uint8(255)  # never empty
    return mask


@st.composite
def points_in(draw, width, height):
    x = draw(st.floats(0, width) | st.integers(0, width).map(float))
    y = draw(st.floats(0, height) | st.integers(0, height).map(float))
    return Point(x, y)


@st.composite
def drags(draw, *, most, masks=MASKS, profile=None):
    """A request of any shape, with any mask, alpha and points."""
    width, height = draw(st.integers(1, most)), draw(st.integers(1, most))
    seed = draw(st.integers(0, 2**32))
    ends = draw(
        st.lists(st.tuples(points_in(width, height), points_in(width, height)), min_size=1, max_size=4)
    )
    pairs = {handle: PointPair(handle, target) for handle, target in ends if handle != target}
    assume(pairs)
    pins = draw(st.lists(points_in(width, height), max_size=2))
    kind = draw(st.sampled_from(masks))
    mask = None if kind == "none" else random_mask(kind, width, height, seed + 1)
    subject = random_mask("box", width, height, seed + 2) if draw(st.booleans()) else None
    assume(mask is None or subject is None or (mask & subject).any())
    image = noise(width, height, seed)
    image[..., 3] |= np.uint8(draw(st.sampled_from([0, 255])))
    return DragEdit(
        image=image,
        mask=mask,
        subject=subject,
        motion=draw(st.sampled_from(["deform", "move"])),
        profile=profile if draw(st.booleans()) else None,
        points=tuple(pairs.values()),
        pins=tuple(pin for pin in pins if pin not in pairs),
    )


def whole_mask(request, region):
    mask = np.zeros(request.image.shape[:2], np.uint8)
    mask[region.crop.slices] = region.mask
    return mask


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_method_changes_what_the_mask_allows_and_nothing_else(display_p3, data):
    request = data.draw(drags(most=80, profile=display_p3))
    srgb = data.draw(st.booleans())
    before = request.image.copy()
    region = plan(request)
    cut = region.cut(request, srgb=srgb)
    edited = noise(*cut.size, seed=7)
    out = region.paste(request, cut, edited)

    mask = whole_mask(request, region)
    assert out.dtype == np.uint8
    assert out.shape == request.image.shape
    assert not out.flags.writeable
    assert np.array_equal(request.image, before)
    assert np.array_equal(out[mask == 0], before[mask == 0])
    if request.mask is not None:
        assert np.array_equal(mask, request.mask)

    converted = srgb and request.profile is not None
    new = before.copy()
    new[region.crop.slices] = from_srgb(edited, display_p3) if converted else edited
    if converted:  # what a method left as it saw it is left as it was
        kept = np.zeros_like(mask)
        kept[region.crop.slices] = (edited == cut.image).all(-1)
        new[kept > 0] = before[kept > 0]
    assert np.array_equal(out[mask == 255], new[mask == 255])
    low, high = np.minimum(before, new), np.maximum(before, new)
    assert ((low <= out) & (out <= high)).all()


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_method_that_changes_nothing_gives_the_picture_back(display_p3, data):
    request = data.draw(drags(most=80, profile=display_p3))
    region = plan(request)
    for srgb in (True, False):
        cut = region.cut(request, srgb=srgb)
        assert np.array_equal(region.paste(request, cut, cut.image), request.image)


@given(drags(most=900, masks=("none", "box")))
@settings(deadline=None, max_examples=100)
def test_a_crop_holds_what_it_must_and_cutting_it_again_changes_nothing(request_):
    region = plan(request_)
    cut = region.cut(request_)
    assert cut.size == (region.crop.width, region.crop.height)
    assert cut.mask.shape == region.mask.shape
    assert not cut.image.flags.writeable
    assert not cut.mask.flags.writeable
    assert cut.image.flags.c_contiguous
    assert region.crop == union(region.crop, region.box)
    assert region.box == Box.around(whole_mask(request_, region)), "the box is as tight as can be"
    for ends, inner in zip(request_.points, cut.points, strict=True):
        for point, inside in zip(ends, inner, strict=True):
            assert 0 <= inside.x <= cut.size[0]
            assert 0 <= inside.y <= cut.size[1]
            assert region.outside(inside) == pytest.approx(point, abs=1e-9)
    assert [region.inside(pin) for pin in request_.pins] == list(cut.pins)

    again = plan(cut)
    assert again.whole
    assert np.array_equal(again.mask, region.mask)
    twice = again.cut(cut)
    assert np.array_equal(twice.image, cut.image)
    assert twice.points == cut.points
    assert twice.pins == cut.pins


def union(a, b):
    return Box(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 40_000), st.integers(0, 40_000))
def test_whole_and_quarter_pixels_map_exactly(x0, y0, x, y):
    region = module.Region(
        size=(50_000, 50_000),
        box=Box(x0, y0, x0 + 1, y0 + 1),
        crop=Box(x0, y0, x0 + 1, y0 + 1),
        mask=np.full((1, 1), 255, np.uint8),
    )
    point = Point(x / 4, y / 4)
    assert region.inside(point) == Point(x / 4 - x0, y / 4 - y0)
    assert region.outside(region.inside(point)) == point
    assert not region.whole


# --- the automatic region


def drag(width, height, *pairs, **changes):
    points = tuple(PointPair(Point(*ends[:2]), Point(*ends[2:])) for ends in pairs)
    return DragEdit(image=np.zeros((height, width, 4), np.uint8), points=points, **changes)


def automatic(request):
    region = plan(request)
    return region, whole_mask(request, region)


def distances(size, corners):
    """(h, w) from each pixel's centre to the convex hull of the corners; 0 inside."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]] + 0.5
    ring = hull(corners)
    inside = np.full(x.shape, len(ring) > 2)
    nearest = np.full(x.shape, np.inf)
    for (ax, ay), (bx, by) in zip(ring, [*ring[1:], ring[0]], strict=True):
        dx, dy = bx - ax, by - ay
        along = ((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12)
        along = np.clip(along, 0, 1)
        nearest = np.minimum(nearest, np.hypot(x - ax - along * dx, y - ay - along * dy))
        inside &= dx * (y - ay) - dy * (x - ax) >= 0
    return np.where(inside, 0, nearest)


def hull(points):
    """Andrew's monotone chain."""
    points = sorted({tuple(map(float, point)) for point in points})
    chains = []
    for run in (points, points[::-1]):
        chain = []
        for p in run:
            while len(chain) > 1 and turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        chains.append(chain[:-1])
    return chains[0] + chains[1] or points


def turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def growth_of(longest):
    return max(module._LEAST_GROWTH, module._GROWTH * longest)


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_the_automatic_region_is_the_grown_hull_of_handles_and_targets(data):
    width, height = data.draw(st.integers(1, 500)), data.draw(st.integers(1, 500))
    place = points_in(width, height)
    ends = data.draw(
        st.lists(st.tuples(place, place), min_size=1, max_size=5, unique_by=lambda pair: pair[0])
    )
    ends = [(*a, *b) for a, b in ends if a != b]
    assume(ends)
    request = drag(width, height, *ends)
    _, mask = automatic(request)
    growth = growth_of(max(math.dist(pair[:2], pair[2:]) for pair in ends))
    away = distances((width, height), [pair[:2] for pair in ends] + [pair[2:] for pair in ends])
    assert set(np.unique(mask)) <= {0, 255}
    assert (mask[away < growth - 2] == 255).all()
    assert (mask[away > growth + 2] == 0).all()


@pytest.mark.parametrize(
    ("length", "growth"), [(8, growth_of(0)), (200, growth_of(200))], ids=["short", "long"]
)
def test_the_region_grows_with_the_longest_drag_and_by_64_pixels_at_least(length, growth):
    request = drag(2000, 1600, (700, 800, 700 + length, 800), (700, 900, 704, 900))
    box = plan(request).box
    assert box.x0 == pytest.approx(700 - growth, abs=1.5)
    assert box.x1 == pytest.approx(700 + length + growth, abs=1.5)
    assert box.y0 == pytest.approx(800 - growth, abs=1.5)
    assert box.y1 == pytest.approx(900 + growth, abs=1.5)


def test_the_region_holds_the_subject_before_and_after_its_motion():
    subject = np.zeros((1200, 1600), np.uint8)
    subject[300:500, 200:700] = 255
    request = drag(1600, 1200, (450, 400, 850, 500), subject=subject, motion="move")
    _, mask = automatic(request)
    assert (mask[300:500, 200:700] == 255).all()
    assert (mask[400:600, 600:1100] == 255).all()


def test_the_region_holds_a_subject_that_turns_about_a_pin():
    """Its far end travels much further than the handle."""
    subject = np.zeros((1600, 1600), np.uint8)
    subject[790:810, 850:1500] = 255
    request = drag(1600, 1600, (900, 800, 800, 900), pins=(Point(800, 800),), subject=subject)
    _, mask = automatic(request)
    assert (mask[subject > 0] == 255).all()
    assert (mask[850:1500, 791:810] == 255).all()
    assert (mask[1400:, 1400:] == 0).all()


def test_a_subject_where_nothing_may_change_is_refused():
    mask, subject = np.zeros((2, 200, 300), np.uint8)
    mask[10:30, 10:30] = 255
    subject[150:180, 200:250] = 255
    request = drag(300, 200, (20, 20, 25, 25), mask=mask, subject=subject)
    with pytest.raises(InvalidRequest, match="subject lies where nothing may change"):
        plan(request)
    subject = subject.copy()
    subject[29, 29] = 1
    request = drag(300, 200, (20, 20, 25, 25), mask=mask, subject=subject)
    assert plan(request).cut(request).subject.any()


def test_a_request_without_mask_and_points_may_change_everywhere():
    for request in (EditRequest(image=noise(9, 5, 0)), TextEdit(image=noise(9, 5, 0), prompt="a bird")):
        region = plan(request)
        assert region.whole
        assert region.box == Box(0, 0, 9, 5)
        assert (region.mask == 255).all()


def test_an_exemplar_edit_sees_its_mask_with_context():
    mask = np.zeros((200, 300), np.uint8)
    mask[80:120, 100:180] = 255
    request = ExemplarEdit(image=noise(300, 200, 0), mask=mask, exemplar=noise(4, 4, 1))
    region = plan(request)
    assert region.box == Box(100, 80, 180, 120)
    assert region.crop == Box(90, 70, 190, 130)
    cut = region.cut(request)
    assert cut.exemplar is request.exemplar
    assert np.array_equal(cut.image, request.image[70:130, 90:190])


# --- extreme pictures


@pytest.mark.parametrize("ends", [(0, 0, 1, 1), (0.2, 0.3, 0.9, 0.1), (1, 0, 0, 1)])
@pytest.mark.parametrize("motion", ["deform", "move"])
def test_a_picture_of_one_pixel(ends, motion):
    request = drag(1, 1, ends, motion=motion)
    region = plan(request)
    assert region.whole
    assert region.box == Box(0, 0, 1, 1)
    assert region.mask.tolist() == [[255]]


@pytest.mark.parametrize("upright", [False, True])
def test_a_picture_of_30000_by_10(upright):
    pairs = [(100, 5, 300, 5), (28_000, 5, 29_990, 9)]
    if upright:
        pairs = [(y0, x0, y1, x1) for x0, y0, x1, y1 in pairs]
    for pair in pairs:
        request = drag(*((10, 30_000) if upright else (30_000, 10)), pair)
        _, mask = automatic(request)
        line = mask[:, 5] if upright else mask[5]
        at = (pair[1], pair[3]) if upright else (pair[0], pair[2])
        growth = growth_of(math.dist(pair[:2], pair[2:]))
        found = np.flatnonzero(line)
        assert found[0] == pytest.approx(max(at[0] - growth, 0), abs=2)
        assert found[-1] + 1 == pytest.approx(min(at[1] + growth, 30_000), abs=2)
        assert (line[found[0] : found[-1] + 1] == 255).all()


@pytest.mark.parametrize("ends", [(25_000, 3, 44_000, 990), (0, 0, 60_000, 1000), (30_000, 500, 30_000, 0)])
def test_drags_longer_than_opencv_draws_lines(ends):
    request = drag(60_000, 1000, ends)
    region, mask = automatic(request)
    growth = growth_of(math.dist(ends[:2], ends[2:]))
    x = np.arange(60_000) + 0.5
    surely = (x > min(ends[0], ends[2]) - growth * 0.5) & (x < max(ends[0], ends[2]) + growth * 0.5)
    assert (mask[int(min(max(ends[1], 0), 999)), surely] == 255).all()
    assert (mask[:, x < min(ends[0], ends[2]) - growth - 2] == 0).all()
    assert (mask[:, x > max(ends[0], ends[2]) + growth + 2] == 0).all()
    assert region.box == Box.around(mask)


def test_a_subject_flung_far_outside_takes_the_region_to_the_edge():
    subject = np.zeros((400, 600), np.uint8)
    subject[100:300, 100:500] = 255
    request = drag(600, 400, (300, 200, 600, 0), (300.5, 200, 0, 400), subject=subject, motion="move")
    _, mask = automatic(request)
    assert (mask == 255).all()


# --- paste


@pytest.mark.parametrize("shape", [(5, 9, 4), (6, 9, 3), (6, 9), (12, 18, 4)])
def test_a_picture_of_another_size_is_not_pasted(shape):
    request = EditRequest(image=noise(9, 6, 0))
    region = plan(request)
    with pytest.raises(InvalidRequest, match=r"\(6, 9, 4\)"):
        region.paste(request, region.cut(request), np.zeros(shape, np.uint8))


def test_strips_make_no_difference(display_p3, monkeypatch):
    mask = random_mask("soft", 40, 30, 3)
    request = EditRequest(image=noise(40, 30, 0), mask=mask, profile=display_p3)
    region = plan(request)
    cut = region.cut(request)
    edited = noise(*cut.size, seed=1)
    whole = region.paste(request, cut, edited)
    for strip in (1, 41, 40 * 29):
        monkeypatch.setattr(module, "_STRIP", strip)
        assert np.array_equal(region.paste(request, cut, edited), whole)


def test_a_soft_mask_blends_by_mask_and_alpha():
    rows = [  # before, edited, after: one fifth of the way, as 51 / 255 = 0.2
        ([200, 0, 0, 255], [0, 100, 0, 255], [160, 20, 0, 255]),  # opaque over opaque
        ([200, 0, 0, 0], [0, 100, 0, 255], [0, 100, 0, 51]),  # nothing below: the new colour
        ([200, 0, 0, 255], [0, 100, 0, 0], [200, 0, 0, 204]),  # nothing above: the old colour
        ([9, 9, 9, 0], [1, 1, 1, 0], [9, 9, 9, 0]),  # nothing at all
        ([10, 10, 10, 255], [13, 12, 10, 255], [11, 10, 10, 255]),  # 10.6 and 10.4
    ]
    image, edited, after = np.array(rows, np.uint8).swapaxes(0, 1)[:, None]
    request = EditRequest(image=image, mask=np.full((1, len(rows)), 51, np.uint8))
    region = plan(request)
    out = region.paste(request, region.cut(request), edited)
    assert out.tolist() == after.tolist()


# --- what a method sees


class Looking:
    """An editor that keeps what it is shown and answers with `answer` of it."""

    def __init__(self, answer=lambda image: image):
        self.answer = answer

    def edit(self, request, settings, progress):
        self.seen = request
        return EditResult(image=self.answer(request.image), region=Box(0, 0, *request.size))


@pytest.fixture
def looking(monkeypatch):
    """register(sees_colours, answer) → the editor of a method “looking” of the engine."""

    def register(sees_colours, answer=lambda image: image):
        editor = Looking(answer)
        method = Method(
            name="looking",
            title="Looking",
            request=DragEdit,
            settings=Settings,
            roles=frozenset(),
            sees_colours=sees_colours,
            build=lambda components: editor,
        )
        monkeypatch.setitem(METHODS, "looking", method)
        return editor

    return register


def test_a_method_that_sees_colours_is_shown_srgb(looking, paint, display_p3):
    editor = looking(sees_colours=True)
    request = DragEdit(
        image=paint(300, 200), profile=display_p3, points=(PointPair(Point(90, 90), Point(120, 90)),)
    )
    Engine().edit("looking", request)
    crop = plan(request).crop
    assert editor.seen.profile is None
    assert np.array_equal(editor.seen.image, to_srgb(request.image[crop.slices], display_p3))
    assert editor.seen.points[0].handle == Point(90 - crop.x0, 90 - crop.y0)


def test_what_it_paints_comes_back_in_the_pictures_own_colours(looking, paint, display_p3):
    looking(sees_colours=True, answer=lambda image: np.full_like(image, 255) * np.uint8([1, 0, 0, 1]))
    request = DragEdit(
        image=paint(300, 200), profile=display_p3, points=(PointPair(Point(20, 20), Point(30, 20)),)
    )
    result = Engine().edit("looking", request)
    inside = whole_mask(request, plan(request)) == 255
    red = from_srgb(np.uint8([[[255, 0, 0, 255]]]), display_p3)[0, 0]
    assert (result.image[inside] == red).all()
    assert np.array_equal(result.image[~inside], request.image[~inside])


def test_a_method_that_moves_pixels_sees_the_pictures_own_colours(looking, paint, display_p3):
    editor = looking(sees_colours=False)
    request = DragEdit(
        image=paint(300, 200), profile=display_p3, points=(PointPair(Point(90, 90), Point(120, 90)),)
    )
    Engine().edit("looking", request)
    crop = plan(request).crop
    assert editor.seen.profile == display_p3
    assert np.array_equal(editor.seen.image, request.image[crop.slices])


def test_flow_warp_keeps_colours_that_srgb_has_not(display_p3):
    """A full green of Display P3 is moved as it is, though sRGB could not even name it."""
    image = np.full((400, 500, 4), (0, 255, 0, 255), np.uint8)
    image[150:250, 150:250] = (255, 0, 255, 255)
    request = DragEdit(image=image, profile=display_p3, points=(PointPair(Point(200, 200), Point(240, 210)),))
    result = Engine().edit("flow_warp", request)
    outside = whole_mask(request, plan(request)) == 0
    assert outside.any()
    assert np.array_equal(result.image[outside], image[outside])
    assert result.image[210, 240].tolist() == [255, 0, 255, 255]
    colours = result.image.reshape(-1, 4)
    pure = (colours == (0, 255, 0, 255)).all(1) | (colours == (255, 0, 255, 255)).all(1)
    assert pure.mean() > 0.97, "all but the square's edges"
    back = from_srgb(to_srgb(image, display_p3), display_p3)
    assert not np.array_equal(back, image), "going through sRGB would have changed them"


@pytest.mark.parametrize("painted", [False, True])
def test_what_is_protected_stays_whatever_else_is_said(painted):
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (90, 120, 4), dtype=np.uint8)
    protected = np.zeros((90, 120), np.uint8)
    protected[:, 60:] = 255
    protected[:, 50:60] = 128
    request = DragEdit(
        image=image,
        mask=np.full((90, 120), 255, np.uint8) if painted else None,
        protected=protected,
        points=(PointPair(Point(40, 40), Point(70, 45)),),
    )
    region = plan(request)
    cut = region.cut(request)
    assert cut.protected is None
    edited = rng.integers(0, 256, cut.image.shape, dtype=np.uint8)
    pasted = region.paste(request, cut, edited)
    assert np.array_equal(pasted[:, 60:], image[:, 60:])
    assert (pasted[:, 50:60] != image[:, 50:60]).any()
    assert (pasted[40, 20:50] != image[40, 20:50]).any()


def test_when_all_is_protected_there_is_a_sentence():
    request = DragEdit(
        image=np.zeros((40, 40, 4), np.uint8),
        protected=np.full((40, 40), 255, np.uint8),
        points=(PointPair(Point(10, 10), Point(20, 20)),),
    )
    with pytest.raises(InvalidRequest, match="unprotect"):
        plan(request)


def test_a_protected_subject_cannot_move_and_there_is_a_sentence():
    subject = np.zeros((90, 120), np.uint8)
    subject[30:60, 30:60] = 255
    request = DragEdit(
        image=np.zeros((90, 120, 4), np.uint8),
        subject=subject,
        protected=subject,
        motion="move",
        points=(PointPair(Point(40, 40), Point(70, 45)),),
    )
    with pytest.raises(InvalidRequest, match="subject lies where nothing may change"):
        plan(request)
