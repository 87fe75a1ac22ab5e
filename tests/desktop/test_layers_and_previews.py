"""What a preview shows is what keeping it gives, whatever layers there are and whatever happens meanwhile."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication

from desktop.document import Document, Layer, Tiles
from engine import Box, DragEdit, Point, PointPair, open_photo
from tests.desktop.hands import BY_NAME, flat, grab, press, pull, send

START, END = (800, 300), (800, 240)
CONTROL = Qt.KeyboardModifier.ControlModifier


def add_layer(document, box, colour, *, active):
    """A layer that shows a plain rectangle, on top; `active` says which layer tools then work on."""
    pixels = np.full((box.height, box.width, 4), colour, np.uint8)
    tiles = Tiles.blank(document.size, 4).write(box, pixels)
    layer = Layer(id=document.new_id(), name="above", tiles=tiles)
    document.add_layer(layer, "Add")
    document.activate(active)
    return layer.id


def colour_at(window, x, y):
    u, v = (round(n) for n in window.workspace.canvas.viewport.to_widget(x, y))
    return tuple(int(n) for n in grab(window)[v, u, :3])


def test_another_active_layer_makes_another_picture(qtbot, opened):
    document = opened.document
    below = document.active_layer.id
    add_layer(document, Box(700, 150, 900, 400), (0, 200, 0, 255), active=below)
    with qtbot.waitSignal(opened.session.finished):
        pull(opened, START, END)
    with qtbot.waitSignal(opened.session.finished) as told:
        document.activate(document.layers[-1].id)
    assert not opened.session.busy
    shown = told.args[0].image
    assert opened.session.keep()
    assert np.array_equal(flat(opened), shown)


@pytest.mark.parametrize("opacity", [1.0, 0.5])
def test_layers_above_stay_above_the_preview(qtbot, opened, opacity):
    document = opened.document
    covered = Box(700, 150, 900, 400)
    above = add_layer(document, covered, (0, 200, 0, 255), active=document.active_layer.id)
    document.set_layer(above, "Fade", opacity=opacity)
    before = colour_at(opened, 760, 200)
    send(opened, QEvent.Type.MouseButtonPress, START)
    send(opened, QEvent.Type.MouseMove, END)
    during = colour_at(opened, 860, 350)
    if opacity == 1:
        assert during == before == (0, 200, 0)
    else:
        assert during[1] >= 95, "half of it is green"
    with qtbot.waitSignal(opened.session.finished):
        send(opened, QEvent.Type.MouseButtonRelease, END)
    opened.workspace.canvas.overlays.clear()  # the picture alone
    seen = grab(opened)
    press(qtbot, opened, Qt.Key.Key_Return)
    QApplication.processEvents()
    kept = grab(opened)
    x0, y0 = (round(n) for n in opened.workspace.canvas.viewport.to_widget(covered.x0, covered.y0))
    x1, y1 = (round(n) for n in opened.workspace.canvas.viewport.to_widget(covered.x1, covered.y1))
    inside = np.s_[y0 + 3 : y1 - 3, x0 + 3 : x1 - 3, :3]
    assert np.abs(seen[inside].astype(int) - kept[inside]).max() <= 3


def test_what_covers_the_preview_follows_the_active_layer(opened):
    document = opened.document
    below = document.active_layer.id
    above = add_layer(document, Box(700, 150, 900, 400), (0, 200, 0, 255), active=below)
    for active, covered in ((below, True), (above, False), (below, True)):
        document.activate(active)
        send(opened, QEvent.Type.MouseButtonPress, START)
        send(opened, QEvent.Type.MouseMove, END)
        assert colour_at(opened, 720, 380) == (0, 200, 0)
        assert opened.workspace.canvas.projection._source.covered == covered
        press_escape(opened)


def press_escape(window):
    window.walk_back()
    send(window, QEvent.Type.MouseButtonRelease, END)


def test_undo_in_the_middle_of_a_stroke_takes_back_the_stroke_alone(qtbot, opened):
    opened.use_tool("editable")
    pull(opened, (300, 300), (400, 300))
    first = opened.document.settled
    send(opened, QEvent.Type.MouseButtonPress, (600, 300))
    send(opened, QEvent.Type.MouseMove, (640, 300))
    press(qtbot, opened, Qt.Key.Key_Z, CONTROL)
    assert opened.document.state is first
    send(opened, QEvent.Type.MouseMove, (660, 300))
    send(opened, QEvent.Type.MouseButtonRelease, (680, 300))
    assert opened.document.state is first
    press(qtbot, opened, Qt.Key.Key_Z, CONTROL)
    assert opened.document.instruction.editable is None


def test_a_jump_in_the_history_ends_a_stroke(opened):
    opened.use_tool("editable")
    pull(opened, (300, 300), (400, 300))
    send(opened, QEvent.Type.MouseButtonPress, (600, 300))
    send(opened, QEvent.Type.MouseMove, (640, 300))
    opened.document.undo_stack.setIndex(0)
    send(opened, QEvent.Type.MouseMove, (660, 300))
    send(opened, QEvent.Type.MouseButtonRelease, (680, 300))
    assert opened.document.instruction.editable is None
    assert opened.document.undo_stack.count() == 1


@pytest.mark.parametrize("tool", ["editable", "drag"])
def test_a_gesture_on_one_picture_does_nothing_to_the_next(opened, tool):
    opened.use_tool(tool)
    send(opened, QEvent.Type.MouseButtonPress, (600, 300))
    send(opened, QEvent.Type.MouseMove, (640, 300))
    next_one = Document.from_photo(open_photo(BY_NAME["spices"].picture), None, name="Background")
    before = next_one.settled
    opened.workspace.set_document(next_one)
    send(opened, QEvent.Type.MouseMove, (620, 200))
    send(opened, QEvent.Type.MouseButtonRelease, (620, 200))
    assert next_one.state is before
    assert opened.document.state is opened.document.settled, "nor is it left half done on the first"


def test_a_hidden_layer_is_not_dragged_and_says_why(opened):
    document = opened.document
    document.set_layer(document.active_layer.id, "Hide", visible=False)
    pull(opened, START, END)
    assert not document.instruction.points
    assert "hidden" in opened.statusBar().currentMessage()
    document.set_layer(document.active_layer.id, "Lock", visible=True, locked=True)
    opened.workspace.place_pin()
    assert not document.instruction.pins
    assert "locked" in opened.statusBar().currentMessage()


def test_keys_alone_make_a_drag(qtbot, opened):
    press(qtbot, opened, Qt.Key.Key_Insert)
    (pair,) = opened.document.instruction.points
    canvas = opened.workspace.canvas
    middle = canvas.viewport.to_picture(canvas.width() / 2, canvas.height() / 2)
    assert pair.handle == pytest.approx(middle)
    press(qtbot, opened, Qt.Key.Key_Up, Qt.KeyboardModifier.ShiftModifier)
    (moved,) = opened.document.instruction.points
    assert moved.handle == pair.handle
    assert moved.target.y == pytest.approx(pair.target.y - 10)
    press(qtbot, opened, Qt.Key.Key_Insert, Qt.KeyboardModifier.ShiftModifier)
    assert len(opened.document.instruction.pins) == 1
    press(qtbot, opened, Qt.Key.Key_Return)
    assert len(opened.document.layers) == 2


def test_what_moves_is_outlined_anew_where_it_is_seen_nearer(opened):
    width, height = opened.document.size
    across, down = np.mgrid[:height, :width][::-1]
    disc = np.where(np.hypot(across - 400, down - 300) < 90, np.uint8(255), np.uint8(0))
    request = DragEdit(
        image=np.zeros((height, width, 4), np.uint8),
        points=(PointPair(Point(400, 300), Point(420, 300)),),
        subject=disc,
    )
    markers = opened.workspace._markers

    def count():
        return sum(map(len, markers._subjects))

    assert markers.plan(request, None, 8)
    coarse = count()
    assert not markers.plan(request, None, 8)
    assert markers.plan(request, None, 1)
    assert count() > coarse > 0
    assert markers.plan(None, None, 1)
    assert not markers.plan(None, None, 8)
