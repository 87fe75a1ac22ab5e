"""The options of the tool in the hand, in the window: what is set, what is shown, what stays in its place."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QToolButton

from desktop.panels.edit_panel import EditPanel
from desktop.panels.number_field import NumberField
from desktop.panels.tool_bar import ToolBar
from desktop.tools.brush import Brush
from tests.desktop.canvas.events import MOVE, PRESS, RELEASE, mouse
from tests.desktop.hands import press, pull

TOOLS = ("drag", "editable", "protected", "subject", "select", "hand")
BRUSHES = TOOLS[1:4]
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def bar(opened):
    bar = opened.findChild(ToolBar)
    opened.activateWindow()
    opened.workspace.canvas.setFocus()
    return bar


@pytest.fixture
def options(opened):
    return opened.workspace.options


def shown(part):
    return part.isVisible()


def button(bar, text):
    (found,) = (each for each in bar.findChildren(QToolButton) if each.text().replace("&", "") == text)
    return found


@pytest.mark.parametrize("tool", TOOLS)
def test_the_brush_is_shown_for_brushes_and_the_picture_keeps_its_place(opened, bar, tool):
    opened.use_tool("drag")
    QApplication.processEvents()
    before = opened.workspace.canvas.mapTo(opened, QPoint()), opened.workspace.canvas.size(), bar.height()
    opened.use_tool(tool)
    QApplication.processEvents()
    assert shown(bar.size_field) == shown(bar.hardness_field) == (tool in BRUSHES)
    after = opened.workspace.canvas.mapTo(opened, QPoint()), opened.workspace.canvas.size(), bar.height()
    assert before == after


def test_what_brushes_share_stands_in_one_place_and_fits(opened, bar):
    def places():
        QApplication.processEvents()
        clear = next(
            each for each in bar.findChildren(QToolButton) if shown(each) and "Forget" in each.text()
        )
        parts = bar.size_field, bar.hardness_field, button(bar, "Erase"), clear
        return [part.geometry() for part in parts]

    opened.use_tool("editable")
    before = places()
    assert before[-1].right() < bar.width()
    for tool in BRUSHES:
        opened.use_tool(tool)
        assert places() == before


def test_keys_and_pulls_on_the_canvas_are_shown(qtbot, opened, bar, options):
    press(qtbot, opened, Qt.Key.Key_M)
    press(qtbot, opened, Qt.Key.Key_BracketRight)
    press(qtbot, opened, Qt.Key.Key_BraceLeft, SHIFT)
    assert bar.size_field.value == round(options.brush.size) == 75
    assert bar.hardness_field.value == round(100 * options.brush.hardness) == 70
    canvas = opened.workspace.canvas
    mouse(canvas, PRESS, 300, 300, keys=SHIFT)
    mouse(canvas, MOVE, 340, 280, keys=SHIFT)
    mouse(canvas, RELEASE, 340, 280, keys=SHIFT)
    assert options.brush.size > 100
    assert bar.size_field.value == round(options.brush.size)
    assert bar.hardness_field.value == round(100 * options.brush.hardness) == 80


def test_what_is_typed_is_painted_with_and_enter_goes_back_to_the_picture(qtbot, opened, bar, options):
    options.set_brush(Brush(60, 1.0))
    pull(opened, (800, 300), (800, 260))
    press(qtbot, opened, Qt.Key.Key_M)
    box = bar.size_field.spin_box
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "200")
    assert options.brush.size == 60, "half-typed numbers are none"
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert options.brush.size == 200
    assert opened.focusWidget() is opened.workspace.canvas
    assert len(opened.document.layers) == 1, "Enter keeps no drag there"
    pull(opened, (300, 300), (300, 300))
    mask = opened.document.instruction.editable.array()
    assert 195 <= (mask[300] > 127).sum() <= 205


def test_escape_forgets_what_is_typed_and_leaves_the_drags(qtbot, opened, bar, options):
    pull(opened, (800, 300), (800, 240))
    press(qtbot, opened, Qt.Key.Key_M)
    box = bar.size_field.spin_box
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "7")
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    assert options.brush.size == 60
    assert box.findChild(QLineEdit).text() == "60 px"
    assert opened.focusWidget() is opened.workspace.canvas
    assert opened.document.instruction.points


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_enter_and_escape_in_a_panel_s_field_keep_and_drop_no_drag(qtbot, opened, key):
    pull(opened, (800, 300), (800, 240))
    panel = opened.findChild(EditPanel)
    box = panel.findChild(NumberField).spin_box
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "0.9")
    qtbot.keyClick(box, key)
    assert len(opened.document.layers) == 1 and opened.document.instruction.points
    assert box.value() == (0.9 if key == Qt.Key.Key_Return else 0.5)


def test_the_slider_gives_each_doubling_the_same_way(bar, options):
    slider = bar.size_field.slider
    sizes = []
    for part in (0, 1 / 3, 2 / 3, 1):
        slider.setValue(round(part * slider.maximum()))
        sizes.append(options.brush.size)
    assert sizes == [1, 10, 100, 1000]


def test_the_keyboard_moves_the_sliders_from_their_ends_on(qtbot, opened, bar, options):
    press(qtbot, opened, Qt.Key.Key_M)
    size, hardness = bar.size_field.slider, bar.hardness_field.slider
    options.set_brush(Brush(1, 0))
    QTest.keyClick(size, Qt.Key.Key_Right)
    QTest.keyClick(size, Qt.Key.Key_Right)
    QTest.keyClick(hardness, Qt.Key.Key_Right)
    assert options.brush == Brush(2, 0.01)
    QTest.keyClick(size, Qt.Key.Key_End)
    QTest.keyClick(hardness, Qt.Key.Key_End)
    assert options.brush == Brush(1000, 1)


def test_a_pull_on_a_slider_leaves_the_canvas_its_keys(opened, bar, options):
    opened.use_tool("editable")
    QApplication.processEvents()
    slider = bar.size_field.slider
    before = options.brush.size
    for kind, x in (
        (QEvent.Type.MouseButtonPress, 20),
        (QEvent.Type.MouseMove, 110),
        (QEvent.Type.MouseButtonRelease, 110),
    ):
        at = QPointF(x, slider.height() / 2)
        left = Qt.MouseButton.LeftButton
        event = QMouseEvent(kind, at, slider.mapToGlobal(at), left, left, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(slider, event)
    assert options.brush.size != before
    assert opened.focusWidget() is opened.workspace.canvas


def test_tab_reaches_each_part_that_is_shown(qtbot, opened, bar):
    opened.use_tool("protected")
    QApplication.processEvents()
    bar.size_field.slider.setFocus()
    reached = []
    for _ in range(7):
        reached.append(opened.focusWidget())
        qtbot.keyClick(opened.focusWidget(), Qt.Key.Key_Tab)
    names = [part.accessibleName() or part.text().replace("&", "") for part in reached]
    assert names == [
        *("Size", "Size", "Hardness", "Hardness"),
        *("Erase", "Swap may change and protect", "Forget what is protected"),
    ]


def test_every_part_says_what_it_is_and_which_keys_do_it(bar):
    assert "[" in bar.size_field.slider.toolTip()
    assert "Shift+[" in bar.hardness_field.spin_box.toolTip()
    assert button(bar, "Erase").toolTip() == "Erase (E)"
    assert button(bar, "Swap may change and protect").toolTip() == "Swap may change and protect (X)"
    for part in bar.findChildren(QToolButton):
        assert part.toolTip() or not part.defaultAction(), part.text()


def test_taking_away_is_switched_by_key_and_by_button_for_all_that_paint(qtbot, opened, bar, options):
    press(qtbot, opened, Qt.Key.Key_M)
    pull(opened, (300, 300), (500, 300))
    toggle = button(bar, "Erase")
    press(qtbot, opened, Qt.Key.Key_E)
    assert options.subtract and toggle.isChecked()
    pull(opened, (250, 300), (550, 300))
    assert opened.document.instruction.editable is None or (
        opened.document.instruction.editable.array()[300, 300:500].max() < 30
    )
    qtbot.mouseClick(toggle, Qt.MouseButton.LeftButton)
    assert not options.subtract


def test_x_swaps_may_change_and_protect(qtbot, opened, options):
    def swapped():
        press(qtbot, opened, Qt.Key.Key_X)
        return next(name for name in TOOLS if opened.actions_[f"tool:{name}"].isChecked())

    assert swapped() == "editable", "from the start"
    options.set_brush(Brush(33, 0.5))
    assert swapped() == "protected"
    assert options.brush == Brush(33, 0.5), "the same brush"
    pull(opened, (300, 300), (320, 300))
    assert opened.document.instruction.protected is not None
    assert swapped() == "editable"
    assert swapped() == "protected"
    press(qtbot, opened, Qt.Key.Key_D)
    assert swapped() == "protected", "from another tool the one of the two that was used last"
    assert swapped() == "editable"


def test_the_bar_does_what_the_drag_tool_can(qtbot, opened, bar):
    pull(opened, (800, 300), (800, 240))
    qtbot.mouseClick(button(bar, "Reverse drags"), Qt.MouseButton.LeftButton)
    (pair,) = opened.document.instruction.points
    assert pair.handle == pytest.approx((800, 240), abs=1.5)
