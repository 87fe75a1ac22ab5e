"""The drag tool without a window: pointers in, steps of the document's undo out."""

import numpy as np
import pytest
from PySide6.QtCore import Qt

from desktop.canvas.markers import Marker
from desktop.canvas.viewport import Viewport
from desktop.document import Document
from desktop.tools.drag_tool import DragTool
from desktop.tools.tool import Pointer
from engine import Photo, Point

VIEW = Viewport(zoom=0.5, x=20, y=10)
NONE, SHIFT, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def document(qapp):
    return Document.from_photo(Photo(pixels=np.full((300, 400, 4), 255, np.uint8)), None)


@pytest.fixture
def tool(document):
    return DragTool(lambda: document)


def at(x, y, keys=NONE, **more):
    return Pointer(Point(float(x), float(y)), VIEW, keys, **more)


def pull(tool, start, end, keys=NONE):
    tool.press(at(*start, keys))
    tool.move(at((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, keys))
    tool.move(at(*end, keys))
    tool.release(at(*end, keys))


def test_press_and_pull_is_handle_and_target_in_one_step(tool, document):
    pull(tool, (100, 100), (150, 120))
    assert document.instruction.points == (((100, 100), (150, 120)),)
    assert document.undo_stack.count() == 1
    assert tool.selected == {Marker("target", 0)}
    document.undo_stack.undo()
    assert document.instruction.points == ()


def test_the_document_follows_during_the_pull_without_steps(tool, document):
    tool.press(at(100, 100))
    tool.move(at(140, 100))
    assert document.instruction.points[0].target == (140, 100)
    assert document.undo_stack.count() == 0
    assert document.state is not document.settled


def test_less_than_three_screen_pixels_is_a_click(tool, document):
    pull(tool, (100, 100), (104, 101))
    assert document.instruction.points == ()
    assert document.undo_stack.count() == 0


def test_both_ends_can_be_moved_later(tool, document):
    pull(tool, (100, 100), (150, 120))
    pull(tool, (150, 120), (170, 90))
    pull(tool, (102, 101), (92, 111))
    assert document.instruction.points == (((90, 110), (170, 90)),)
    assert document.undo_stack.count() == 3


def test_targets_outside_stop_at_the_edge(tool, document):
    pull(tool, (100, 100), (9000, -50))
    assert document.instruction.points[0].target == (400, 0)


def test_a_pull_that_stays_outside_marks_nothing(tool, document):
    pull(tool, (-100, -100), (-50, -50))
    assert document.undo_stack.count() == 0
    assert tool.selected == frozenset()
    assert not tool.key(Qt.Key.Key_Tab, NONE)


def test_double_click_pins_and_alt_click_deletes(tool, document):
    tool.press(at(50, 60, double=True))
    tool.release(at(50, 60))
    assert document.instruction.pins == ((50, 60),)
    tool.press(at(52, 61, ALT))
    tool.release(at(52, 61, ALT))
    assert document.instruction.pins == ()
    assert document.undo_stack.count() == 2


def test_several_move_together(tool, document):
    pull(tool, (100, 100), (150, 120))
    pull(tool, (200, 100), (250, 120))
    tool.press(at(150, 120, SHIFT))
    tool.release(at(150, 120, SHIFT))
    assert tool.selected == {Marker("target", 0), Marker("target", 1)}
    pull(tool, (150, 120), (160, 140))
    assert [pair.target for pair in document.instruction.points] == [(160, 140), (260, 140)]
    assert [pair.handle for pair in document.instruction.points] == [(100, 100), (200, 100)]


def test_arrows_nudge_in_one_step(tool, document):
    pull(tool, (100, 100), (150, 120))
    for _ in range(5):
        assert tool.key(Qt.Key.Key_Right, NONE)
    tool.key(Qt.Key.Key_Up, SHIFT)
    assert document.instruction.points[0].target == (155, 110)
    assert document.undo_stack.count() == 2
    document.undo_stack.undo()
    assert document.instruction.points[0].target == (150, 120)


def test_tab_walks_through_the_markers_and_out(tool):
    pull(tool, (100, 100), (150, 120))
    tool.cancel()
    assert tool.key(Qt.Key.Key_Tab, NONE)
    assert tool.selected == {Marker("handle", 0)}
    assert tool.key(Qt.Key.Key_Tab, NONE)
    assert tool.selected == {Marker("target", 0)}
    assert not tool.key(Qt.Key.Key_Tab, NONE), "the focus may go on to the panels"


def test_escape_walks_back_one_state(tool, document):
    pull(tool, (100, 100), (150, 120))
    tool.press(at(200, 200))
    tool.move(at(250, 200))
    assert tool.cancel()
    assert len(document.instruction.points) == 1
    assert document.state is document.settled
    tool.press(at(150, 120))
    tool.release(at(150, 120))
    assert tool.cancel()
    assert tool.selected == frozenset()
    assert not tool.cancel()


def test_delete_reverse_and_mirror(tool, document):
    pull(tool, (100, 100), (150, 120))
    tool.reverse()
    assert document.instruction.points == (((150, 120), (100, 100)),)
    tool.mirror()
    assert document.instruction.points[1] == ((250, 120), (300, 100))
    tool.mirror()
    assert len(document.instruction.points) == 2, "what is there already is not doubled"
    tool.press(at(250, 120))
    tool.release(at(250, 120))
    tool.key(Qt.Key.Key_Delete, NONE)
    assert len(document.instruction.points) == 1


def test_a_locked_layer_gives_a_hint_and_no_drag(tool, document, qtbot):
    document.set_layer(document.active_layer.id, "Lock", locked=True)
    with qtbot.waitSignal(tool.hint, timeout=500) as blocker:
        pull(tool, (100, 100), (150, 120))
    assert "locked" in blocker.args[0]
    assert document.instruction.points == ()


def test_hovering_highlights(tool, qtbot):
    pull(tool, (100, 100), (150, 120))
    with qtbot.waitSignal(tool.changed, timeout=500):
        tool.hover(at(101, 99))
    assert tool.hovered == Marker("handle", 0)
    tool.leave()
    assert tool.hovered is None
