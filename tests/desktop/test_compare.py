"""Before and after, divided on the canvas, in the window."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.desktop.canvas.events import MIDDLE, MOVE, PRESS, RELEASE, mouse, pen, stylus
from tests.desktop.hands import BY_NAME, grab, press, pull, send, settle

SHIFT = Qt.KeyboardModifier.ShiftModifier
CLEAR = 60  # device-independent pixels at the top, where the words stand
ROUNDING = 16  # between smooth sampling of a part and of the whole, where the view is turned


@pytest.fixture
def dragged(qtbot, opened):
    """A window with a drag and its finished preview."""
    with qtbot.waitSignal(opened.session.finished):
        pull(opened, (800, 300), (800, 200))
    opened.workspace.canvas.overlays.clear()  # the pictures are compared
    return opened


def eyes(window):
    QApplication.processEvents()
    return grab(window)[..., :3].astype(int)


def before_and_after(window):
    canvas = window.workspace.canvas
    after = eyes(window)
    canvas.set_preview_hidden(True)
    before = eyes(window)
    canvas.set_preview_hidden(False)
    assert np.abs(before - after).max() > 30
    return before, after


def assert_same(seen, expected):
    assert np.abs(seen - expected).max() <= ROUNDING


def assert_divided(seen, before, after, x):
    """Left of x as before, right as after, but for the line and its words."""
    rows = np.s_[CLEAR:]
    left, right = np.s_[rows, : x - 15], np.s_[rows, x + 15 :]
    assert_same(seen[left], before[left])
    assert_same(seen[right], after[right])
    assert (seen[rows, x - 2 : x + 2] != after[rows, x - 2 : x + 2]).any(), "the line"


def test_the_key_divides_and_the_mouse_moves_the_divider(qtbot, dragged):
    canvas, split = dragged.workspace.canvas, dragged.workspace.split
    before, after = before_and_after(dragged)
    press(qtbot, dragged, Qt.Key.Key_Y, SHIFT)
    middle = round(canvas.width() / 2)
    assert_divided(eyes(dragged), before, after, middle)
    for x in (middle + 100, middle - 200):
        height = split.height() - 60
        start = split.width() / 2 + 3
        mouse(split, PRESS, start, height)
        for _ in range(2):
            to_x = x + 3 - split.x()
            mouse(split, MOVE, to_x, height + 40)
        mouse(split, RELEASE, split.width() / 2 + 3, height)
        assert_divided(eyes(dragged), before, after, x)
    assert len(dragged.document.instruction.points) == 1, "nothing was dragged on the picture"
    press(qtbot, dragged, Qt.Key.Key_Y, SHIFT)
    assert_same(eyes(dragged), after)


def test_it_divides_the_screen_however_the_picture_stands(qtbot, dragged):
    canvas = dragged.workspace.canvas
    canvas.zoom_by_steps(2)
    canvas.rotate(30)
    canvas.mirror()
    before, after = before_and_after(dragged)
    dragged.actions_["compare"].trigger()
    middle = round(canvas.width() / 2)
    assert_divided(eyes(dragged), before, after, middle)
    dragged.workspace.split.move_to(0.4)
    assert_divided(eyes(dragged), before, after, round(0.4 * canvas.width()))
    canvas.rotate(20)
    canvas.rotate(-20)
    assert_divided(eyes(dragged), before, after, round(0.4 * canvas.width()))


def test_it_keeps_its_part_of_the_canvas_when_that_is_resized(qtbot, dragged):
    canvas, split = dragged.workspace.canvas, dragged.workspace.split
    dragged.actions_["compare"].trigger()
    split.move_to(0.25)
    dragged.resize(dragged.width() - 120, dragged.height() - 80)
    QApplication.processEvents()
    x = round(0.25 * canvas.width())
    assert split.geometry().center().x() == pytest.approx(x, abs=1)
    assert split.height() == canvas.height()
    seen = eyes(dragged)
    assert_divided(seen, *before_and_after_of_plain(dragged), x)


def before_and_after_of_plain(window):
    window.actions_["compare"].setChecked(False)
    return before_and_after(window)


def test_only_what_the_divider_passes_is_painted_anew(dragged, monkeypatch):
    canvas, split = dragged.workspace.canvas, dragged.workspace.split
    dragged.actions_["compare"].trigger()
    split.move_to(0.5)
    eyes(dragged)
    painted = []
    real = canvas.projection.paint

    def paint(painter, viewport, exposed, dpr):
        painted.append(exposed)
        real(painter, viewport, exposed, dpr)

    monkeypatch.setattr(canvas.projection, "paint", paint)
    split.move_to(0.5 + 20 / canvas.width())
    eyes(dragged)
    assert painted
    assert sum(rect.width() * rect.height() for rect in painted) <= 26 * canvas.height()
    painted.clear()
    split.move_to(0.5 + 20 / canvas.width())
    eyes(dragged)
    assert not painted


def test_a_drag_is_previewed_right_of_the_divider_only(qtbot, opened):
    canvas = opened.workspace.canvas
    canvas.overlays.clear()
    opened.actions_["compare"].trigger()
    before = eyes(opened)
    middle = round(canvas.width() / 2)
    u, v = canvas.viewport.to_picture(middle, canvas.height() / 2)
    send(opened, QEvent.Type.MouseButtonPress, (u + 60, v))
    send(opened, QEvent.Type.MouseMove, (u + 60, v - 80))
    seen = eyes(opened)
    assert_same(seen[CLEAR:, : middle - 15], before[CLEAR:, : middle - 15])
    assert np.abs(seen[CLEAR:, middle + 15 :] - before[CLEAR:, middle + 15 :]).max() > 30
    send(opened, QEvent.Type.MouseButtonRelease, (u + 60, v - 80))


def test_escape_ends_the_comparison_before_it_takes_the_drags(qtbot, dragged):
    compare = dragged.actions_["compare"]
    press(qtbot, dragged, Qt.Key.Key_Y, SHIFT)
    assert compare.isChecked()
    press(qtbot, dragged, Qt.Key.Key_Escape)
    assert not compare.isChecked() and not dragged.workspace.split.isVisible()
    assert dragged.document.instruction.points and dragged.workspace.drag_tool.selected
    for _ in range(2):
        press(qtbot, dragged, Qt.Key.Key_Escape)
    assert not dragged.document.instruction.points


def test_a_gesture_is_given_up_before_the_comparison(qtbot, dragged):
    dragged.actions_["compare"].trigger()
    send(dragged, QEvent.Type.MouseButtonPress, (400, 400))
    send(dragged, QEvent.Type.MouseMove, (450, 420))
    assert len(dragged.document.instruction.points) == 2
    dragged.walk_back()
    assert len(dragged.document.instruction.points) == 1
    assert dragged.actions_["compare"].isChecked()


def test_the_keyboard_moves_the_divider(dragged):
    split = dragged.workspace.split
    dragged.actions_["compare"].trigger()
    QTest.keyClick(split, Qt.Key.Key_Right)
    QTest.keyClick(split, Qt.Key.Key_Left, SHIFT)
    assert split.at == pytest.approx(0.41)
    for _ in range(20):
        QTest.keyClick(split, Qt.Key.Key_Left, SHIFT)
    assert split.at == 0
    assert split.accessibleName()


def test_escape_on_the_divider_gives_the_canvas_its_keys_back(qtbot, dragged):
    split = dragged.workspace.split
    dragged.activateWindow()
    dragged.actions_["compare"].trigger()
    split.setFocus()
    assert dragged.focusWidget() is split
    qtbot.keyClick(split, Qt.Key.Key_Escape)
    assert not split.isVisible()
    assert dragged.focusWidget() is dragged.workspace.canvas


def test_a_pen_moves_the_divider_and_paints_nothing(dragged):
    split = dragged.workspace.split
    dragged.use_tool("editable")
    dragged.actions_["compare"].trigger()
    tip, y = stylus(), split.height() - 60
    assert pen(split, tip, QEvent.Type.TabletPress, split.width() / 2, y).isAccepted()
    pen(split, tip, QEvent.Type.TabletMove, split.width() / 2 - 90, y)
    pen(split, tip, QEvent.Type.TabletRelease, split.width() / 2, y)
    assert split.at == pytest.approx(0.5 - 90 / dragged.workspace.canvas.width(), abs=0.002)
    assert dragged.document.instruction.editable is None


def test_other_buttons_on_the_divider_move_the_view(dragged):
    canvas, split = dragged.workspace.canvas, dragged.workspace.split
    dragged.actions_["compare"].trigger()
    before = canvas.exact_viewport
    x, y = split.width() / 2, split.height() - 60
    mouse(split, PRESS, x, y, MIDDLE)
    mouse(split, MOVE, x + 40, y, MIDDLE)
    mouse(split, RELEASE, x + 40, y, MIDDLE)
    assert canvas.exact_viewport.x == pytest.approx(before.x + 40)
    assert split.at == 0.5


def test_beside_the_divider_the_tool_has_the_pointer(dragged):
    canvas, split = dragged.workspace.canvas, dragged.workspace.split
    dragged.actions_["compare"].trigger()
    x, y = round(canvas.width() / 2), canvas.height() - 60
    assert canvas.childAt(x, y) is split
    assert canvas.childAt(x - 12, y) is None
    assert canvas.childAt(x + 12, y) is None


def test_another_picture_begins_undivided(qtbot, dragged):
    dragged.actions_["compare"].trigger()
    settle(dragged)
    with qtbot.waitSignal(dragged.filing.worker.opened):
        dragged.filing.open_path(BY_NAME["osprey"].picture)
    assert not dragged.workspace.split.isVisible()
    assert not dragged.actions_["compare"].isChecked()


def test_where_nothing_differs_the_window_says_so(opened):
    opened.actions_["compare"].trigger()
    assert "no drag yet" in opened.statusBar().currentMessage()
