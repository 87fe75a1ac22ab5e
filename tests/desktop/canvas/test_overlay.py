import numpy as np
import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from desktop.canvas.hatch import MaskLayer
from desktop.canvas.markers import Marker, hit
from desktop.canvas.overlay import (
    marker_bounds,
    paint_brush,
    paint_markers,
    paint_outline,
)
from desktop.canvas.viewport import Viewport
from engine import Box, Point, PointPair
from tests.desktop.canvas.pictures import SURROUND, read, screen

pytestmark = pytest.mark.usefixtures("qapp")

DPRS = (1.0, 1.5, 2.0)
PAIR = PointPair(Point(30, 40), Point(90, 40))
PIN = Point(60, 80)


def painted(paint, dpr=1.0, size=(160, 120), ground=None):
    image = screen(*size, dpr)
    if ground is not None:
        image.fill(ground)
    painter = QPainter(image)
    paint(painter)
    painter.end()
    return read(image)


def touched(pixels):
    """x0, y0, x1, y1 of what differs from the ground."""
    rows, columns = np.nonzero((pixels != pixels[0, 0]).any(-1))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("dpr", DPRS)
@pytest.mark.parametrize("zoom", [0.5, 1.0, 3.0])
def test_a_marker_is_as_large_at_every_zoom_and_stands_on_its_place(dpr, zoom):
    view = Viewport(zoom=zoom, x=80 - 60 * zoom, y=60 - 80 * zoom)
    pixels = painted(lambda painter: paint_markers(painter, view, (), (PIN,)), dpr)
    x0, y0, x1, y1 = (n / dpr for n in touched(pixels))
    assert 13 <= x1 - x0 <= 19
    assert (x0 + x1) / 2 == pytest.approx(80, abs=1)
    assert y0 < 60 < y1


def test_handle_target_and_pin_differ_in_shape_and_every_state_shows():
    view = Viewport()

    def draw(**state):
        return painted(lambda painter: paint_markers(painter, view, (PAIR,), (PIN,), **state))

    plain = draw()
    handle, target, pin = (plain[y - 7 : y + 8, x - 7 : x + 8] for x, y in ((30, 40), (90, 40), (60, 80)))
    assert tuple(handle[3, 3]) == (255, 176, 0)
    assert tuple(target[7, 7]) == SURROUND, "a ring is open"
    assert tuple(pin[8, 7]) == (61, 220, 132)
    seen = [plain]
    for marker in (Marker("handle", 0), Marker("target", 0), Marker("pin", 0)):
        seen += [draw(hovered=marker), draw(selected=frozenset({marker}))]
    assert all((a != b).any() for i, a in enumerate(seen) for b in seen[:i])


def test_handles_carry_their_numbers():
    pairs = tuple(PointPair(Point(30, 40), Point(x, 100)) for x in range(60, 72))
    view = Viewport()
    one, twelve = (
        painted(lambda painter, n=n: paint_markers(painter, view, pairs[:n], ()))[33:48, 23:38]
        for n in (1, 12)
    )
    assert (one != twelve).any()


@pytest.mark.parametrize("dpr", DPRS)
def test_bounds_hold_all_that_is_painted(dpr):
    view = Viewport(zoom=1.3, angle=0.4, x=30)
    chosen = frozenset({Marker("handle", 0), Marker("target", 0), Marker("pin", 0)})
    for hovered in chosen:
        pixels = painted(
            lambda painter, at=hovered: paint_markers(
                painter, view, (PAIR,), (PIN,), hovered=at, selected=chosen
            ),
            dpr,
            (260, 240),
        )
        for bounds in marker_bounds(view, (PAIR,), (PIN,)):
            x0, y0, x1, y1 = (round(n * dpr) for n in bounds.getCoords())
            pixels[max(y0, 0) : y1, max(x0, 0) : x1] = SURROUND
        assert (pixels == SURROUND).all()


@pytest.mark.parametrize("ground", ["black", "white", "#808080", "#ff0000", "#2f9dff"])
def test_the_brush_is_seen_on_any_colour(ground):
    pixels = painted(lambda painter: paint_brush(painter, Viewport(), Point(80, 60), 60, 1), 1, ground=ground)
    ring = pixels[58:63, 46:55].astype(int)  # where the circle crosses a row at the left
    luma = ring @ np.array([0.299, 0.587, 0.114])
    assert np.abs(luma - luma[0, 0]).max() > 75 or luma.max() - luma.min() > 75
    x0, y0, x1, y1 = touched(pixels)
    assert (x1 - x0, y1 - y0) == pytest.approx((62, 62), abs=2)


def test_the_hard_part_shows_where_it_ends():
    def draw(hardness):
        return painted(lambda painter: paint_brush(painter, Viewport(), Point(80, 60), 80, hardness))

    assert (draw(1.0) != draw(0.5)).any()
    inner = draw(0.5)[60, 80 - 24 : 80 - 16]
    assert (inner != SURROUND).any()


def test_the_region_s_outline_is_dashed_where_it_lies():
    view = Viewport(zoom=2, x=10, y=10)
    corners = (Point(5, 5), Point(55, 5), Point(55, 45), Point(5, 45))
    dashed = painted(lambda painter: paint_outline(painter, view, corners))
    assert touched(dashed) == pytest.approx((20, 20, 120, 100), abs=2)
    line = (dashed[20, 24:116] > 130).all(-1)
    assert line.any(), "light dashes"
    assert not line.all(), "with gaps"


@pytest.mark.parametrize("dpr", DPRS)
@pytest.mark.parametrize("zoom", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("kind", ["editable", "protected", "subject"])
def test_a_mask_is_hatched_where_it_lies_and_nowhere_else(dpr, zoom, kind):
    mask = np.zeros((700, 900), np.uint8)
    box = Box(200, 150, 200 + round(80 / zoom), 150 + round(60 / zoom))
    mask[box.slices] = 255
    view = Viewport(zoom=zoom, x=40 - 200 * zoom, y=30 - 150 * zoom).aligned(dpr)
    layer = MaskLayer.of(kind, mask)
    pixels = painted(lambda painter: layer.paint(painter, view, QRect(0, 0, 160, 120)), dpr)
    x0, y0, x1, y1 = (round(n * dpr) for n in (40, 30, 120, 90))
    assert touched(pixels) == pytest.approx((x0, y0, x1, y1), abs=1)
    inside = pixels[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].astype(float)
    assert (inside != SURROUND).any(-1).all()
    assert inside.std((0, 1)).max() > 8, "a hatch, no flat tint"


def test_a_part_of_a_mask_is_hatched_as_the_whole_is(paint):
    mask = np.ascontiguousarray(paint(400, 300, seed=4)[..., 0])
    layer, view = MaskLayer.of("protected", mask), Viewport(zoom=0.7, angle=0.3, x=20)
    whole = painted(lambda painter: layer.paint(painter, view, QRect(0, 0, 160, 120)))

    def parts(painter):
        for part in (QRect(0, 0, 61, 120), QRect(61, 0, 99, 47), QRect(61, 47, 99, 73)):
            layer.paint(painter, view, part)

    assert np.abs(painted(parts).astype(int) - whole).max() <= 2


def test_the_hatches_differ_and_opacity_is_obeyed():
    mask = np.full((100, 100), 255, np.uint8)
    seen = []
    for kind in ("editable", "protected", "subject"):
        layer = MaskLayer.of(kind, mask)
        grey = painted(lambda painter, layer=layer: layer.paint(painter, Viewport(), QRect(0, 0, 100, 100)))
        luma = grey[8:72, 8:72].astype(float).sum(-1)
        seen.append(luma > luma.mean())
        layer.opacity = 0.0
        none = painted(lambda painter, layer=layer: layer.paint(painter, Viewport(), QRect(0, 0, 100, 100)))
        assert (none == SURROUND).all()
    assert all((a != b).mean() > 0.05 for i, a in enumerate(seen) for b in seen[:i]), "without colour too"


def test_a_mask_change_costs_its_own_pixels():
    asked = []
    mask = np.zeros((2000, 3000), np.uint8)

    def fill(box, out):
        asked.append(box)
        out[:] = mask[box.slices]

    layer, view = MaskLayer("editable", (3000, 2000), fill), Viewport(zoom=0.1)
    painted(lambda painter: layer.paint(painter, view, QRect(0, 0, 160, 120)))
    asked.clear()
    mask[700:764, 700:764] = 255
    layer.invalidate(Box(700, 700, 764, 764))
    pixels = painted(lambda painter: layer.paint(painter, view, QRect(60, 60, 30, 30)))
    assert sum(box.width * box.height for box in asked) <= 96 * 96
    assert (pixels[73, 73] != SURROUND).any()


def test_the_nearest_marker_is_hit():
    view, pairs = Viewport(zoom=0.5), (PAIR, PointPair(Point(34, 40), Point(200, 200)))
    assert hit(view, pairs, (PIN,), 15.2, 20) == Marker("handle", 0)
    assert hit(view, pairs, (PIN,), 16.9, 20) == Marker("handle", 1)
    assert hit(view, pairs, (PIN,), 45, 26) == Marker("target", 0)
    assert hit(view, pairs, (PIN,), 30, 41) == Marker("pin", 0)
    assert hit(view, pairs, (PIN,), 80, 70) is None
