import numpy as np
import pytest
from PySide6.QtCore import QEvent, QModelIndex, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QUndoStack
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QLineEdit, QToolButton

from desktop.document import Document, Layer, Tiles
from desktop.panels import LayersPanel
from desktop.panels.layers_model import LOCKED, THUMBNAIL, VISIBLE, thumbnail
from engine import Photo


@pytest.fixture
def document(picture):
    made = Document.from_photo(Photo(pixels=picture, has_alpha=False), None)
    for name in ("Middle", "Top"):
        made.add_layer(Layer(id=made.new_id(), name=name, tiles=Tiles.blank(made.size, 4)), "Add")
    made.undo_stack.clear()
    return made


@pytest.fixture
def panel(qtbot, document):
    shown = LayersPanel()
    qtbot.addWidget(shown)
    shown.resize(280, 320)
    shown.set_document(document)
    with qtbot.waitExposed(shown):
        shown.show()
    return shown


def names(panel):
    return [panel.model.index(row).data() for row in range(panel.model.rowCount())]


def active(panel):
    return panel.view.currentIndex().data()


def test_the_highest_layer_stands_first_and_the_active_one_is_chosen(panel):
    QAbstractItemModelTester(panel.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    assert names(panel) == ["Top", "Middle", "Background"]
    assert active(panel) == "Top"


def test_choosing_a_row_activates_the_layer_without_a_step(panel, document, qtbot):
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert document.active_layer.name == active(panel) == "Middle"
    assert document.undo_stack.count() == 0
    document.activate(1)
    assert active(panel) == "Background"


@pytest.mark.parametrize(("role", "field"), [(VISIBLE, "visible"), (LOCKED, "locked")])
def test_a_click_on_eye_or_lock_switches_it_and_leaves_the_choice(panel, document, qtbot, role, field):
    row = panel.view.visualRect(panel.model.index(1))
    x = row.left() + 12 if role == VISIBLE else row.right() - 12
    before = panel.model.index(1).data(role)
    for expected in (not before, before):
        at = QPoint(x, row.center().y())
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=at)
        assert getattr(document.layers[1], field) == panel.model.index(1).data(role) == expected
    assert active(panel) == "Top" and document.undo_stack.count() == 2


def test_space_switches_the_eye(panel, document, qtbot):
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    assert not document.active_layer.visible and not panel.visible_action.isChecked()
    document.undo_stack.undo()
    assert document.active_layer.visible and panel.visible_action.isChecked()


def test_rename_in_place(panel, document, qtbot):
    panel.rename_action.trigger()
    editor = panel.view.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "Sky")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: document.active_layer.name == "Sky")
    assert active(panel) == "Sky"
    assert document.undo_stack.count() == 1


@pytest.mark.parametrize("name", ["", "   ", "Top"])
def test_an_empty_or_equal_name_is_no_step(panel, document, name):
    assert not panel.model.setData(panel.model.index(0), name)
    assert document.undo_stack.count() == 0


def test_buttons_add_duplicate_move_and_delete(panel, document, qtbot):
    buttons = {button.defaultAction(): button for button in panel.findChildren(QToolButton)}

    def click(action):
        qtbot.mouseClick(buttons[action], Qt.MouseButton.LeftButton)

    document.activate(1)
    click(panel.new_action)
    assert names(panel) == ["Top", "Middle", "Layer", "Background"] and active(panel) == "Layer"
    click(panel.up_action)
    assert names(panel) == ["Top", "Layer", "Middle", "Background"] and active(panel) == "Layer"
    click(panel.down_action)
    document.activate(1)
    click(panel.duplicate_action)
    assert names(panel) == ["Top", "Middle", "Layer", "Background copy", "Background"]
    click(panel.delete_action)
    assert names(panel) == ["Top", "Middle", "Layer", "Background"] and active(panel) == "Background"
    click(panel.new_action)
    assert names(panel) == ["Top", "Middle", "Layer", "Layer 2", "Background"]
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
    assert names(panel) == ["Top", "Middle", "Background"]


def test_keys_do_what_the_buttons_do(panel, document, qtbot):
    panel.view.setFocus()
    with qtbot.waitActive(panel):
        panel.activateWindow()
    qtbot.keyClick(panel.view, Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    assert names(panel)[0] == "Top copy"
    qtbot.keyClick(panel.view, Qt.Key.Key_BracketLeft, Qt.KeyboardModifier.ControlModifier)
    assert names(panel)[1] == "Top copy"
    qtbot.keyClick(panel.view, Qt.Key.Key_Delete)
    assert names(panel) == ["Top", "Middle", "Background"]


def test_actions_are_enabled_where_they_make_sense(panel, document):
    assert not panel.up_action.isEnabled() and panel.down_action.isEnabled()
    document.activate(1)
    assert panel.up_action.isEnabled() and not panel.down_action.isEnabled()
    assert panel.delete_action.isEnabled()
    panel.lock_action.trigger()
    assert document.active_layer.locked and not panel.delete_action.isEnabled()
    panel.set_document(None)
    assert panel.model.rowCount() == 0
    for action in (panel.new_action, panel.delete_action, panel.up_action, panel.rename_action):
        assert not action.isEnabled()
    assert not panel.opacity.isEnabled()


def test_the_last_layer_cannot_be_deleted(qtbot, picture):
    panel = LayersPanel()
    qtbot.addWidget(panel)
    panel.set_document(Document.from_photo(Photo(pixels=picture, has_alpha=False), None))
    assert not panel.delete_action.isEnabled()


def test_one_pull_of_the_opacity_is_one_step(panel, document):
    slider = panel.opacity.slider
    for start in (80, 40):
        slider.setSliderDown(True)
        for percent in range(start, start - 20, -5):
            slider.setValue(percent)
        slider.setSliderDown(False)
    assert document.active_layer.opacity == 0.25 and panel.opacity.spin_box.value() == 25
    assert document.undo_stack.count() == 2
    document.undo_stack.undo()
    assert document.active_layer.opacity == 0.65 and panel.opacity.value == 65


def test_keys_held_on_the_opacity_are_one_step(panel, document, qtbot):
    for _ in range(5):
        qtbot.keyClick(panel.opacity.slider, Qt.Key.Key_Left)
    assert document.active_layer.opacity == 0.95 and document.undo_stack.count() == 1
    with qtbot.waitSignal(panel.opacity.gesture_ended):
        pass
    qtbot.keyClick(panel.opacity.slider, Qt.Key.Key_Left)
    assert document.undo_stack.count() == 2


def test_opacity_of_another_layer_is_another_step(panel, document, qtbot):
    panel.opacity.spin_box.setValue(50)
    document.activate(1)
    assert panel.opacity.value == 100
    panel.opacity.spin_box.setValue(50)
    assert document.undo_stack.count() == 2


@pytest.mark.parametrize(
    ("row", "before", "after"),
    [
        (0, 3, ["Middle", "Background", "Top"]),
        (0, 2, ["Middle", "Top", "Background"]),
        (2, 0, ["Background", "Top", "Middle"]),
        (2, 1, ["Top", "Background", "Middle"]),
        (1, 1, ["Top", "Middle", "Background"]),
        (1, 2, ["Top", "Middle", "Background"]),
    ],
)
def test_a_dragged_layer_comes_to_stand_where_it_is_dropped(panel, row, before, after):
    moved = panel.model.moveRows(QModelIndex(), row, 1, QModelIndex(), before)
    assert names(panel) == after and moved == (before not in (row, row + 1))


def test_layers_can_be_dropped_between_others_only(panel):
    flag = Qt.ItemFlag
    assert panel.model.flags(QModelIndex()) & flag.ItemIsDropEnabled
    assert not panel.model.flags(panel.model.index(0)) & flag.ItemIsDropEnabled
    assert panel.model.flags(panel.model.index(0)) & flag.ItemIsDragEnabled


def test_thumbnail_shows_the_layer_small(paint):
    large = paint(1600, 900)
    image = thumbnail(Tiles.from_array(large))
    assert (image.width(), image.height()) == (THUMBNAIL, round(THUMBNAIL * 900 / 1600))
    for x, y in ((5, 5), (40, 20), (70, 39)):
        seen = image.pixelColor(x, y).getRgb()[:3]
        there = large[int((y + 0.5) * 900 / image.height()), int((x + 0.5) * 1600 / 72), :3]
        assert np.abs(np.subtract(seen, there.astype(int))).max() < 25


@pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 500), (5, 7)])
def test_thumbnail_of_odd_sizes(size):
    image = thumbnail(Tiles.from_array(np.full((size[1], size[0], 4), 200, np.uint8)))
    assert max(image.width(), image.height()) == min(max(size), THUMBNAIL)
    assert image.pixelColor(0, 0).alpha() == 200


def test_thumbnails_are_made_again_only_for_new_pixels(panel, document, qtbot):
    def key(row):
        return panel.model.index(row).data(Qt.ItemDataRole.DecorationRole).cacheKey()

    before = [key(row) for row in range(3)]
    tiles = Tiles.from_array(np.full((240, 320, 4), 99, np.uint8))
    document.set_layer(1, "Paint", tiles=tiles)
    qtbot.waitUntil(lambda: key(2) != before[2])
    assert [key(0), key(1)] == before[:2]


def test_a_screen_reader_hears_the_state(panel, document):
    document.set_layer(1, "x", visible=False, locked=True)
    document.set_layer(2, "x", visible=False)
    heard = [panel.model.index(row).data(Qt.ItemDataRole.AccessibleTextRole) for row in range(3)]
    assert heard == ["Top", "Middle, hidden", "Background, hidden and locked"]
    for button in panel.findChildren(QToolButton):
        assert button.accessibleName() and button.toolTip()
    assert panel.view.accessibleName() and panel.opacity.slider.accessibleName()


def test_an_old_document_is_let_go(panel, document, picture):
    other = Document.from_photo(Photo(pixels=picture, has_alpha=False), None, name="Other")
    panel.set_document(other)
    document.activate(1)
    document.set_layer(1, "x", name="Changed")
    assert names(panel) == ["Other"]
    panel.opacity.spin_box.setValue(10)
    assert document.active_layer.opacity == 1 and other.active_layer.opacity == 0.1


def test_every_row_is_painted_with_hidden_locked_and_translucent_layers(panel, document):
    document.set_layer(
        3, "x", visible=False, locked=True, opacity=0.3, name="A name far too long for the panel"
    )
    panel.view.grab()
    QApplication.sendEvent(
        panel.view, QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_F2, Qt.KeyboardModifier.NoModifier)
    )
    panel.view.grab()
    assert isinstance(document.undo_stack, QUndoStack)
