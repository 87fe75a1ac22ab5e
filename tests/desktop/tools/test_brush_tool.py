"""Brush and brush tool against a plain array."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtCore import Qt

from desktop.canvas.viewport import Viewport
from desktop.document import Document, Tiles, TilesEditor
from desktop.tools.brush import Brush, Stroke
from desktop.tools.brush_options import BrushOptions
from desktop.tools.brush_tool import BrushTool
from desktop.tools.tool import Pointer
from engine import Photo, Point

VIEW = Viewport()
SIZE = (300, 200)


def stroke(points, brush, *, subtract=False, before=None):
    editor = TilesEditor(before or Tiles.blank(SIZE, 1))
    drawn = Stroke(editor, brush, subtract=subtract)
    for x, y in points:
        drawn.to(Point(x, y), 1.0)
    return editor.frozen()


def test_a_hard_dab_is_a_disc():
    mask = stroke([(150, 100)], Brush(41, 1.0)).array()
    yy, xx = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    distance = np.hypot(xx - 150, yy - 100)
    assert (mask[distance < 19] == 255).all()
    assert (mask[distance > 22.5] == 0).all()


def test_a_soft_dab_falls_off_from_its_hard_part():
    row = stroke([(150, 100)], Brush(80, 0.5)).array()[100].astype(int)
    assert (row[135:165] == 255).all()
    assert (np.diff(row[110:135]) >= 0).all()
    assert 60 < row[120] < 200


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-40, 340), st.floats(-40, 240)), min_size=1, max_size=5))
def test_a_stroke_has_no_gaps_and_stays_near_its_line(points):
    mask = stroke(points, Brush(24, 1.0)).array()
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        for t in np.linspace(0, 1, 40):
            x, y = x0 + t * (x1 - x0), y0 + t * (y1 - y0)
            if 1 <= x < SIZE[0] - 1 and 1 <= y < SIZE[1] - 1:
                assert mask[int(y), int(x)] == 255
    rows, columns = np.nonzero(mask)
    if len(rows):
        assert columns.min() >= min(p[0] for p in points) - 15
        assert rows.max() <= max(p[1] for p in points) + 15


def test_subtracting_undoes_adding():
    added = stroke([(50, 50), (200, 150)], Brush(30, 0.7))
    gone = stroke([(40, 45), (210, 158)], Brush(60, 1.0), subtract=True, before=added)
    assert gone.empty
    assert not added.empty


def test_pressure_scales_the_size():
    editor = TilesEditor(Tiles.blank(SIZE, 1))
    drawn = Stroke(editor, Brush(60, 1.0), subtract=False)
    drawn.to(Point(60, 100), 0.1)
    drawn.to(Point(240, 100), 1.0)
    widths = (editor.frozen().array() > 127).sum(0)
    assert widths[60] < 12
    assert widths[235] > 50


def test_a_pen_that_rests_while_its_pressure_falls_paints_on():
    editor = TilesEditor(Tiles.blank(SIZE, 1))
    drawn = Stroke(editor, Brush(60, 1.0), subtract=False)
    drawn.to(Point(60, 100), 1.0)
    for x in (66, 66, 200):  # at half the pressure the next dab is due where the pen rests
        drawn.to(Point(x, 100), 0.5)
    mask = editor.frozen().array()
    assert (mask[100, 62:198] == 255).all()
    assert np.flatnonzero(mask.any(0)).min() >= 60 - 32


@pytest.fixture
def document(qapp):
    return Document.from_photo(Photo(pixels=np.full((SIZE[1], SIZE[0], 4), 255, np.uint8)), None)


@pytest.fixture
def options(qapp):
    return BrushOptions()


@pytest.fixture
def tool(document, options):
    return BrushTool(lambda: document, "protected", options)


def at(x, y, **more):
    return Pointer(Point(float(x), float(y)), VIEW, **more)


def test_a_stroke_is_one_step_and_shows_while_it_lasts(tool, document):
    tool.press(at(50, 50))
    tool.move(at(120, 80))
    assert document.instruction.protected.array()[50, 50] == 255
    assert document.undo_stack.count() == 0
    tool.release(at(120, 80))
    assert document.undo_stack.count() == 1
    document.undo_stack.undo()
    assert document.instruction.protected is None
    document.undo_stack.redo()
    assert document.instruction.protected.array()[80, 119] == 255


@pytest.mark.parametrize(
    "how",
    [{"secondary": True}, {"modifiers": Qt.KeyboardModifier.AltModifier}],
    ids=["right or eraser", "alt"],
)
def test_taking_everything_away_leaves_no_mask(tool, options, document, how):
    tool.press(at(50, 50))
    tool.release(at(50, 50))
    options.set_brush(Brush(200, 1.0))
    tool.press(at(50, 50, **how))
    tool.release(at(50, 50, **how))
    assert document.instruction.protected is None
    assert document.undo_stack.count() == 2


def test_escape_drops_the_stroke(tool, document):
    tool.press(at(50, 50))
    assert tool.cancel()
    assert document.instruction.protected is None
    tool.release(at(60, 60))
    assert document.undo_stack.count() == 0
    assert not tool.cancel()


@pytest.mark.parametrize(
    ("how", "adds"),
    [
        ({}, False),
        ({"secondary": True}, True),
        ({"modifiers": Qt.KeyboardModifier.AltModifier}, True),
        ({"secondary": True, "eraser": True, "device": "pen"}, False),
    ],
    ids=["left", "right", "alt", "eraser"],
)
def test_where_taking_away_is_set_only_the_opposite_adds(tool, options, document, how, adds):
    options.erase(True)
    tool.press(at(50, 50, **how))
    tool.release(at(50, 50, **how))
    assert (document.instruction.protected is not None) is adds


def test_keys_change_size_and_hardness(tool, options):
    before = options.brush
    assert tool.key(Qt.Key.Key_BracketRight, Qt.KeyboardModifier.NoModifier)
    assert options.brush.size > before.size
    assert tool.key(Qt.Key.Key_BraceLeft, Qt.KeyboardModifier.ShiftModifier)
    assert options.brush.hardness < before.hardness
    assert not tool.key(Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier)


@pytest.mark.parametrize(
    ("key", "size"), [(Qt.Key.Key_BracketLeft, 1), (Qt.Key.Key_BracketRight, 1000)], ids=["least", "most"]
)
def test_keys_stop_at_the_limits(tool, options, key, size):
    for _ in range(40):
        tool.key(key, Qt.KeyboardModifier.NoModifier)
    assert options.brush.size == size


def test_shift_and_a_pull_set_size_and_hardness_and_paint_nothing(tool, options, document):
    shift = Qt.KeyboardModifier.ShiftModifier
    tool.press(at(100, 100, modifiers=shift))
    tool.move(at(120, 140, modifiers=shift))
    tool.release(at(120, 140, modifiers=shift))
    assert options.brush.size == 100
    assert options.brush.hardness == pytest.approx(0.6)
    assert document.undo_stack.count() == 0
