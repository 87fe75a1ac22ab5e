import math

from hypothesis import given, strategies as st

from desktop.canvas.viewport import LEAST_ZOOM, MOST_ZOOM, TURN_STEP, ZOOM_STEPS, Viewport
from engine import Box

place = st.floats(-5000, 5000)
views = st.builds(
    Viewport,
    zoom=st.floats(LEAST_ZOOM, MOST_ZOOM),
    angle=st.floats(-math.pi, math.pi),
    mirrored=st.booleans(),
    x=place,
    y=place,
)


def close(a, b, tolerance):
    return math.dist(a, b) <= tolerance


@given(views, place, place)
def test_there_and_back(view, u, v):
    assert close(view.to_picture(*view.to_widget(u, v)), (u, v), 1e-6)


@given(views, st.floats(0.2, 5), place, place)
def test_zoom_holds_the_place_under_the_pointer(view, factor, x, y):
    at = view.to_picture(x, y)
    assert close(view.zoomed(factor, x, y).to_widget(*at), (x, y), 1e-4)


@given(views, place, place, st.floats(-3, 3))
def test_turning_and_mirroring_hold_the_place_too(view, x, y, radians):
    at = view.to_picture(x, y)
    assert close(view.rotated(radians, x, y).to_widget(*at), (x, y), 1e-4)
    assert close(view.flipped(x, y).to_widget(*at), (x, y), 1e-4)


@given(views, place, place)
def test_mirroring_reverses_the_screen_left_to_right(view, u, v):
    x, y = view.to_widget(u, v)
    mirrored = view.flipped(100, 0).to_widget(u, v)
    assert close(mirrored, (200 - x, y), 1e-4)


@given(st.integers(1, 9000), st.integers(1, 9000), st.floats(-math.pi, math.pi), st.booleans())
def test_fitted_shows_all_four_corners(width, height, angle, mirrored):
    view = Viewport(angle=angle, mirrored=mirrored).fitted((width, height), (800, 600))
    assert view.zoom <= 1
    for corner in ((0, 0), (width, 0), (0, height), (width, height)):
        x, y = view.to_widget(*corner)
        assert -0.01 <= x <= 800.01
        assert -0.01 <= y <= 600.01


def test_zoom_keeps_within_its_limits():
    assert Viewport().zoomed(1e9, 0, 0).zoom == MOST_ZOOM
    assert Viewport().zoomed(1e-9, 0, 0).zoom == LEAST_ZOOM


ratios = st.sampled_from([1.0, 1.25, 1.5, 1.75, 2.0, 3.0])
quarters = st.sampled_from([0.0, math.pi / 2, math.pi, -math.pi / 2])


def whole(number):
    return abs(number - round(number)) < 1e-9


@given(ratios, quarters, st.booleans(), place, place, st.integers(-500, 500), st.integers(-500, 500))
def test_aligned_at_100_percent_every_pixel_stands_on_device_pixels(dpr, angle, mirrored, x, y, u, v):
    view = Viewport(zoom=1 / dpr, angle=angle, mirrored=mirrored, x=x, y=y).aligned(dpr)
    at = view.to_widget(u, v)
    assert whole(at[0] * dpr)
    assert whole(at[1] * dpr)
    assert math.dist((view.x, view.y), (x, y)) * dpr <= math.sqrt(0.5) + 1e-9
    assert view.aligned(dpr) == view


@given(views, ratios)
def test_aligning_shifts_by_less_than_a_device_pixel_and_turned_views_not_at_all(view, dpr):
    aligned = view.aligned(dpr)
    assert (aligned.angle, aligned.mirrored) == (view.angle, view.mirrored)
    assert math.isclose(aligned.zoom, view.zoom, rel_tol=1e-8)
    assert math.dist((view.x, view.y), (aligned.x, aligned.y)) * dpr <= math.sqrt(0.5) + 1e-9
    assert view.quarter_turned or aligned == view


def test_a_quarter_turn_is_exact():
    assert Viewport(angle=math.pi / 2).matrix == (0, 1, -1, 0)
    assert Viewport(angle=-math.pi, mirrored=True).matrix == (1, 0, 0, -1)


@given(views, place, place)
def test_snapping_turns_to_the_nearest_15_degrees_about_the_place(view, x, y):
    at = view.to_picture(x, y)
    snapped = view.snapped(x, y)
    assert whole(snapped.angle / TURN_STEP)
    assert abs(snapped.angle - view.angle) <= TURN_STEP / 2 + 1e-9
    assert close(snapped.to_widget(*at), (x, y), 1e-4)
    near = abs(snapped.angle - view.angle) <= 0.03
    assert (view.snapped(x, y, 0.03) == snapped) == (near or snapped == view)


@given(views, place, place, st.floats(0, 900), st.floats(0, 900), st.floats(0, 1), st.floats(0, 1))
def test_the_box_of_a_rectangle_holds_all_it_shows(view, x, y, width, height, across, down):
    box = view.picture_box(x, y, x + width, y + height)
    u, v = view.to_picture(x + across * width, y + down * height)
    assert box.x0 - 1e-5 <= u <= box.x1 + 1e-5
    assert box.y0 - 1e-5 <= v <= box.y1 + 1e-5


def test_the_visible_box_is_as_tight_as_whole_pixels_allow():
    assert Viewport(zoom=2, x=-10, y=-21).visible_box((100, 51)) == Box(5, 10, 55, 36)
    assert Viewport(angle=math.pi / 2, x=100).visible_box((100, 50)) == Box(0, 0, 50, 100)


@given(views, st.integers(-90, 90), st.integers(-90, 90), st.integers(1, 90), st.integers(1, 90))
def test_the_bounds_of_a_box_hold_its_corners(view, x0, y0, width, height):
    left, top, right, bottom = view.widget_bounds(Box(x0, y0, x0 + width, y0 + height))
    for corner in ((x0, y0), (x0 + width, y0), (x0, y0 + height), (x0 + width, y0 + height)):
        x, y = view.to_widget(*corner)
        assert left - 1e-6 <= x <= right + 1e-6
        assert top - 1e-6 <= y <= bottom + 1e-6


@given(ratios, st.floats(LEAST_ZOOM, MOST_ZOOM / 3), place, place)
def test_zoom_keys_stop_at_round_steps_of_device_pixels(dpr, zoom, x, y):
    view = Viewport(zoom=zoom)
    steps = []
    for _ in range(30):
        view = view.stepped(1, x, y, dpr)
        steps.append(view.zoom * dpr)
    assert all(any(math.isclose(step, round_one) for round_one in ZOOM_STEPS) for step in steps)
    assert steps == sorted(steps)
    below = Viewport(zoom=1.2 / dpr).stepped(-1, x, y, dpr)
    assert below.zoom == 1 / dpr
    assert math.isclose(below.stepped(-2, x, y, dpr).zoom, 0.5 / dpr)


@given(st.integers(1, 9000), st.integers(1, 9000), ratios)
def test_fitted_enlarges_no_pixel(width, height, dpr):
    assert Viewport().fitted((width, height), (800, 600), dpr=dpr).zoom <= 1 / dpr
