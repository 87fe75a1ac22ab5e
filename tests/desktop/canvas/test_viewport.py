import math

from hypothesis import given, strategies as st

from desktop.canvas.viewport import LEAST_ZOOM, MOST_ZOOM, Viewport

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
