import math

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from desktop.canvas.patch import Patch
from desktop.canvas.projection import Projection
from desktop.canvas.viewport import Viewport
from engine import Box
from tests.desktop.canvas.pictures import SURROUND, Fake, flat, numbered, read, screen, shown

pytestmark = pytest.mark.usefixtures("qapp")

DPRS = (1.0, 1.25, 1.5, 2.0)
TURNS = tuple(math.radians(angle) for angle in (0, 90, 180, -90))


def device_places(viewport, dpr, size):
    """For each device pixel's centre its place in the picture: (h, w), (h, w)."""
    height, width = round(size[1] * dpr), round(size[0] * dpr)
    y, x = np.mgrid[:height, :width]
    a, b, c, d = viewport.matrix
    inverse = np.linalg.inv([[a, c], [b, d]])
    dx, dy = (x + 0.5) / dpr - viewport.x, (y + 0.5) / dpr - viewport.y
    return inverse[0, 0] * dx + inverse[0, 1] * dy, inverse[1, 0] * dx + inverse[1, 1] * dy


def expected_sharp(pixels, viewport, dpr, size):
    """What nearest sampling shows, and where no place lies so near a pixel's edge that rounding decides."""
    u, v = device_places(viewport, dpr, size)
    height, width = pixels.shape[:2]
    inside = (u >= 0) & (u < width) & (v >= 0) & (v < height)
    out = np.empty((*u.shape, 3), np.uint8)
    out[:] = SURROUND
    out[inside] = pixels[v[inside].astype(int), u[inside].astype(int), :3]
    near = 0.02
    sure = (np.abs(u - np.round(u)) > near) & (np.abs(v - np.round(v)) > near)
    return out, sure


@pytest.mark.parametrize("dpr", DPRS)
@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("mirrored", [False, True])
def test_at_100_percent_a_picture_pixel_is_a_device_pixel(dpr, turn, mirrored):
    source = Fake(numbered(120, 90))
    view = Viewport(zoom=1 / dpr, angle=turn, mirrored=mirrored, x=100.3, y=70.7).aligned(dpr)
    expected, _ = expected_sharp(source.pixels, view, dpr, (200, 150))
    assert np.array_equal(shown(Projection(source), view, dpr=dpr), expected)


@pytest.mark.parametrize("dpr", DPRS)
@pytest.mark.parametrize("times", [2, 3, 5, 16])
@pytest.mark.parametrize("mirrored", [False, True])
def test_at_whole_zooms_a_picture_pixel_is_a_square_of_device_pixels(dpr, times, mirrored):
    source = Fake(numbered(120, 90))
    view = Viewport(zoom=times / dpr, mirrored=mirrored, x=60.37, y=-31.21).aligned(dpr)
    expected, _ = expected_sharp(source.pixels, view, dpr, (200, 150))
    assert np.array_equal(shown(Projection(source), view, dpr=dpr), expected)


@pytest.mark.parametrize("dpr", DPRS)
@pytest.mark.parametrize("turn", [0.0, 0.3, 1.2, math.pi / 2, 2.9])
@pytest.mark.parametrize("zoom", [2.3, 6.1, 20.0])
def test_from_200_percent_up_pixels_are_sharp_and_where_the_viewport_says(dpr, turn, zoom):
    source = Fake(numbered(300, 200))
    view = Viewport(zoom=zoom, angle=turn).zoomed(1, 0, 0)
    u, v = view.to_widget(120.2, 80.9)
    view = view.panned(100 - u, 75 - v).aligned(dpr)
    expected, sure = expected_sharp(source.pixels, view, dpr, (200, 150))
    edge = (expected == SURROUND).all(-1)
    sure &= ~cv2.dilate(edge.astype(np.uint8), np.ones((5, 5))).astype(bool)
    got = shown(Projection(source), view, dpr=dpr)
    assert sure.mean() > 0.5
    assert np.array_equal(got[sure], expected[sure])


@pytest.mark.parametrize("dpr", DPRS)
@pytest.mark.parametrize("turn", [0.0, 0.5, math.pi / 2, 2.5])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("zoom", [0.07, 0.19, 0.34, 0.5, 0.81, 1.3])
def test_below_200_percent_a_smooth_picture_is_where_the_viewport_says(dpr, turn, mirrored, zoom):
    width, height = 1501, 1103
    rows, columns = np.mgrid[:height, :width]
    ramp = np.dstack([columns * 255 / width, rows * 255 / height, columns * 0 + 40, columns * 0 + 255])
    source = Fake(ramp.round().astype(np.uint8))
    view = Viewport(zoom=zoom, angle=turn, mirrored=mirrored)
    u, v = view.to_widget(800, 500)
    view = view.panned(100 - u, 75 - v).aligned(dpr)
    u, v = device_places(view, dpr, (200, 150))
    margin = 2.5 / (zoom * dpr)
    inside = (u > margin) & (v > margin) & (u < width - margin) & (v < height - margin)
    got = shown(Projection(source), view, dpr=dpr).astype(float)
    assert inside.sum() > 1000
    assert np.abs(got[inside][:, 0] - (u[inside] - 0.5) * 255 / width).max() < 1.7
    assert np.abs(got[inside][:, 1] - (v[inside] - 0.5) * 255 / height).max() < 1.7


def random_view(random, size, picture):
    view = Viewport(
        zoom=float(np.exp(random.uniform(math.log(0.06), math.log(9)))),
        angle=float(random.choice([0, math.pi / 2, random.uniform(-math.pi, math.pi)])),
        mirrored=bool(random.integers(2)),
    )
    u, v = view.to_widget(*(random.uniform(0.2, 0.8) * side for side in picture))
    return view.panned(size[0] / 2 - u, size[1] / 2 - v)


def test_no_view_shows_a_seam_between_tiles():
    """A constant picture stays constant up to its edge, where it blends with the surround alone."""
    random = np.random.default_rng(3)
    colour = np.array((200, 60, 20))
    projection = Projection(Fake(flat(1400, 1200)))
    for _ in range(200):
        dpr = float(random.choice(DPRS))
        view = random_view(random, (160, 120), (1400, 1200))
        view = view if random.integers(2) else view.aligned(dpr)
        u, v = device_places(view, dpr, (160, 120))
        margin = 1.01 / (view.zoom * dpr)
        inside = (u > margin) & (u < 1400 - margin) & (v > margin) & (v < 1200 - margin)
        outside = (u < -margin) | (u > 1400 + margin) | (v < -margin) | (v > 1200 + margin)
        got = shown(projection, view, size=(160, 120), dpr=dpr)
        assert (got[inside] == colour).all(), (view, dpr)
        assert (got[outside] == SURROUND).all(), (view, dpr)
        between = got[~inside & ~outside].astype(int)
        low, high = np.minimum(colour, SURROUND), np.maximum(colour, SURROUND)
        if view.quarter_turned:
            assert (between >= low - 1).all(), (view, dpr)
            assert (between <= high + 1).all(), (view, dpr)


def test_an_upright_picture_shows_no_checks_at_its_edge():
    random = np.random.default_rng(4)
    projection = Projection(Fake(flat(90, 70)))
    for _ in range(200):
        dpr = float(random.choice(DPRS))
        view = Viewport(zoom=random.uniform(0.2, 1.6), x=random.uniform(5, 40), y=random.uniform(5, 40))
        got = shown(projection, view, dpr=dpr).reshape(-1, 3)
        is_kind = [(got == colour).all(-1) for colour in ((200, 60, 20), SURROUND)]
        assert (is_kind[0] | is_kind[1]).all() and is_kind[0].any() and is_kind[1].any(), (view, dpr)


def test_repainting_a_part_gives_the_pixels_of_the_whole():
    random = np.random.default_rng(5)
    noise = random.integers(0, 256, (1300, 1100, 4)).astype(np.uint8)
    noise[..., 3] = np.maximum(noise[..., 3], 128)
    projection = Projection(Fake(noise))
    for _ in range(60):
        dpr = float(random.choice(DPRS))
        view = random_view(random, (160, 120), (1100, 1300)).aligned(dpr)
        whole = shown(projection, view, size=(160, 120), dpr=dpr)
        image = screen(160, 120, dpr)
        painter = QPainter(image)
        for part in (QRectF(0, 0, 70, 120), QRectF(70, 0, 90, 50), QRectF(70, 50, 90, 70)):
            projection.paint(painter, view, part, dpr)
        painter.end()
        difference = np.abs(read(image).astype(int) - whole).max(-1)
        if view.zoom * dpr < 2:  # QPainter weighs by 16.16 fractions, counted from where a row starts
            assert difference.max() <= (2 if view.quarter_turned else 16), (view, dpr)
        assert (difference > 16).mean() < 0.01, (view, dpr)


@pytest.mark.parametrize("dpr", DPRS)
def test_transparency_shows_squares_that_stand_still_in_the_widget(dpr):
    projection = Projection(Fake(flat(400, 400, (0, 0, 0, 0))))
    here = shown(projection, Viewport(x=-10, y=-20), dpr=dpr)
    there = shown(projection, Viewport(x=-31.3, y=-77, zoom=1.7), dpr=dpr)
    assert np.array_equal(here, there)
    edge = round(8 * dpr)
    assert (here[:edge, :edge] == here[0, 0]).all()
    assert (here[:edge, edge : 2 * edge] != here[0, 0]).all()
    half = shown(Projection(Fake(flat(400, 400, (255, 0, 0, 128)))), Viewport(x=-10, y=-20), dpr=dpr)
    assert np.abs(half[0, 0] - (np.array((255, 0, 0)) * 128 + here[0, 0] * 127.0) / 255).max() <= 2


def area(boxes):
    return sum(box.width * box.height for box in boxes)


def test_a_small_view_composites_what_it_shows():
    source = Fake(flat(4000, 3000))
    shown(Projection(source), Viewport(x=-1000, y=-1000))
    assert area(source.asked) <= 4 * 512 * 512


def test_a_fit_view_of_a_large_picture_fills_its_own_level_alone():
    source = Fake(flat(2000, 1600))
    projection = Projection(source)
    view = Viewport().fitted((2000, 1600), (200, 150))
    shown(projection, view)
    assert area(source.asked) == 2000 * 1600
    source.asked.clear()
    shown(projection, view.panned(3, 3))
    assert source.asked == []


@pytest.mark.parametrize("zoom", [0.11, 0.24, 0.6, 1.0, 3.0])
def test_a_change_is_shown_and_costs_its_own_pixels(zoom):
    pixels = numbered(1700, 1300)
    source = Fake(pixels)
    projection = Projection(source)
    view = Viewport(zoom=zoom, x=100 - 800 * zoom, y=75 - 600 * zoom).aligned(1)
    shown(projection, view)
    source.asked.clear()
    source.pixels[570:631, 770:831] = (255, 255, 255, 255)
    projection.invalidate(Box(770, 570, 831, 631))
    got = shown(projection, view)
    assert area(source.asked) <= 80 * 80
    assert np.array_equal(got, shown(Projection(source), view))
    assert (got[75, 100] == 255).all()


def test_a_change_out_of_sight_waits_until_it_is_seen():
    source = Fake(numbered(1700, 1300))
    projection = Projection(source)
    shown(projection, Viewport())
    source.asked.clear()
    projection.invalidate(Box(1500, 1100, 1600, 1200))
    shown(projection, Viewport())
    assert source.asked == []
    shown(projection, Viewport(x=-1450, y=-1050))
    assert source.asked


@pytest.mark.parametrize("dpr", [1.0, 1.5])
@pytest.mark.parametrize("turn", [0.0, 0.7])
@pytest.mark.parametrize("zoom", [0.13, 0.3, 0.75, 1.0, 4.0])
def test_a_patch_looks_as_if_it_were_in_the_picture(dpr, turn, zoom, paint):
    picture = paint(1300, 1000, seed=2, alpha=True)
    picture[..., 3] |= 128
    box = Box(451, 333, 818, 640)
    patched = picture.copy()
    patched[box.slices] = paint(box.width, box.height, seed=9, alpha=True)
    view = Viewport(zoom=zoom, angle=turn)
    u, v = view.to_widget(480, 350)
    view = view.panned(100 - u, 75 - v).aligned(dpr)
    projection = Projection(Fake(picture))
    image = screen(200, 150, dpr)
    painter = QPainter(image)
    projection.paint(painter, view, QRectF(0, 0, 200, 150), dpr)
    patch = Patch(np.ascontiguousarray(patched[box.slices]), box)
    projection.paint_patch(painter, view, QRectF(0, 0, 200, 150), dpr, patch)
    painter.end()
    whole = shown(Projection(Fake(patched)), view, dpr=dpr).astype(int)
    assert np.abs(read(image) - whole).max() <= (8 if turn else 3)  # at the patch's own hard edge


def test_a_very_wide_picture_is_shown_to_its_end():
    source = Fake(numbered(40_000, 60))
    view = Viewport(zoom=2, x=-2 * 39_950, y=10)
    got = shown(Projection(source), view)
    expected, _ = expected_sharp(source.pixels, view, 1, (200, 150))
    assert np.array_equal(got, expected)
