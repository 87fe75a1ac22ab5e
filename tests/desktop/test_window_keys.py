"""Keys in the real window: each goes to what the user is at, and none is left hanging."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDockWidget, QLineEdit, QToolBar

from desktop.panels.layers_panel import LayersPanel
from tests.desktop.hands import BY_NAME, press, pull

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
KEY = Qt.Key


@pytest.fixture
def active(qtbot, opened):
    """The window with a picture and the focus on it."""
    with qtbot.waitActive(opened):
        opened.activateWindow()
    opened.workspace.canvas.setFocus()
    return opened


@pytest.fixture
def renaming(qtbot, active):
    """Renames the upper of two layers, from the layers panel."""
    pull(active, (800, 300), (800, 240))
    press(qtbot, active, KEY.Key_Return)
    view = active.findChild(LayersPanel).view
    view.setFocus()
    pull(active, (400, 300), (400, 240))  # which Enter would keep
    QTest.keyClick(view, KEY.Key_F2)
    return next(each for each in view.findChildren(QLineEdit) if each.isVisible())


def names(window):
    QApplication.processEvents()
    return [layer.name for layer in window.document.layers]


@pytest.mark.parametrize("key", [KEY.Key_Return, KEY.Key_Enter, KEY.Key_Tab, KEY.Key_Backtab])
def test_a_new_name_is_taken_and_no_other_command_runs(active, renaming, key):
    QTest.keyClicks(renaming, "DempX")
    assert active.workspace.canvas.tool is active.workspace.drag_tool, "letters are letters"
    QTest.keyClick(renaming, key)
    assert names(active) == ["Background", "DempX"]
    assert len(active.document.instruction.points) == 1, "the drag is pending still"
    view = active.findChild(LayersPanel).view
    assert view.state() != view.State.EditingState
    QTest.keyClicks(QApplication.focusWidget(), "p")
    assert names(active) == ["Background", "DempX"]
    assert active.actions_["tool:protected"].isChecked()


def test_a_new_thumbnail_leaves_what_is_typed(qtbot, active, renaming):
    assert renaming.selectedText() == "Drag"
    QTest.keyClicks(renaming, "Sk")
    active.findChild(LayersPanel).model.refresh_thumbnails()
    QTest.keyClicks(renaming, "y")
    assert renaming.text() == "Sky"


def test_escape_forgets_the_new_name_and_nothing_else(active, renaming):
    QTest.keyClicks(renaming, "Sky")
    QTest.keyClick(renaming, KEY.Key_Escape)
    assert names(active) == ["Background", "Drag"]
    assert len(active.document.instruction.points) == 1


def before(window):
    return window.workspace.badge.text() == "Before"


@pytest.fixture
def dragged(active):
    pull(active, (800, 300), (800, 240))
    return active


def test_redo_with_nothing_to_redo_does_not_show_before(qtbot, dragged):
    qtbot.keyPress(dragged.workspace.canvas, KEY.Key_Y, CONTROL)
    assert not before(dragged)
    qtbot.keyPress(dragged.workspace.canvas, KEY.Key_Y)
    assert before(dragged)
    qtbot.keyRelease(dragged.workspace.canvas, KEY.Key_Y, SHIFT)
    assert not before(dragged)


def test_before_ends_with_the_focus_the_window_or_the_document(qtbot, dragged):
    def hold():
        dragged.workspace.canvas.setFocus()
        qtbot.keyPress(dragged.workspace.canvas, KEY.Key_Y)
        assert before(dragged)

    hold()
    dragged.findChild(LayersPanel).view.setFocus()
    assert not before(dragged), "another part has the keys"
    hold()
    QApplication.sendEvent(dragged, QEvent(QEvent.Type.WindowDeactivate))
    assert not before(dragged), "another window has the keys"
    hold()
    dragged.document.undo_stack.clear()
    with qtbot.waitSignal(dragged.session.finished):
        dragged.filing.open_sample(BY_NAME["osprey"])
    assert not before(dragged)


def test_the_view_menu_brings_back_what_was_closed(active):
    menu = next(action for action in active.menuBar().actions() if action.text() == "&View").menu()
    entries = {action.text(): action for sub in menu.findChildren(type(menu)) for action in sub.actions()}
    parts = [*active.findChildren(QDockWidget), *active.findChildren(QToolBar)]
    assert set(entries) == {part.windowTitle() for part in parts} and len(parts) == 5
    for part in parts:
        part.close()
        assert part.isHidden()
        entries[part.windowTitle()].trigger()
        assert part.isVisible()


def test_from_the_start_page_escape_leads_back_and_nothing_acts_on_what_is_hidden(qtbot, dragged):
    page = dragged.centralWidget().widget(0)
    dragged.actions_["samples"].trigger()
    assert page.isVisible() and page.back_button.hasFocus()
    enabled = {name for name in dragged.actions_.names if dragged.actions_[name].isEnabled()}
    assert enabled == {"open", "generate", "close", "walk_back"}
    state = dragged.document.state
    for key in (KEY.Key_P, KEY.Key_Delete, KEY.Key_X, KEY.Key_E):
        QTest.keyClick(page.open_button, key)
    QTest.keyClick(dragged, KEY.Key_Z, CONTROL)
    assert dragged.document.state is state and dragged.actions_["tool:drag"].isChecked()
    assert not dragged.findChild(LayersPanel).isEnabled()
    QTest.keyClick(page.open_button, KEY.Key_Escape)
    assert dragged.workspace.canvas.isVisible() and dragged.workspace.canvas.hasFocus()
    assert dragged.document.state is state, "Escape led back, and that is all"
    assert dragged.findChild(LayersPanel).isEnabled()
    assert dragged.actions_["undo"].isEnabled() and not dragged.actions_["redo"].isEnabled()
    dragged.actions_["samples"].trigger()
    QTest.keyClick(page.back_button, KEY.Key_Return)
    assert dragged.workspace.canvas.isVisible() and dragged.document.state is state


def test_the_first_start_page_leads_back_to_nothing(window):
    page = window.centralWidget().widget(0)
    assert page.open_button.isVisible() and not page.back_button.isVisible()
    QTest.keyClick(page.open_button, KEY.Key_Escape)
    assert page.isVisible()


def test_enter_opens_the_sample_that_has_the_focus(qtbot, window):
    with qtbot.waitActive(window):
        window.activateWindow()
    card = window.centralWidget().widget(0).sample_grid.cards[0]
    card.setFocus()
    for key in (KEY.Key_Return, KEY.Key_Enter):
        with qtbot.waitSignal(window.filing.opened):
            QTest.keyClick(card, key)
        assert window.workspace.canvas.isVisible()
        window.samples()


def test_no_two_enabled_actions_share_a_key(active):
    keys = [
        key.toString()
        for action in active.findChildren(QAction)
        if action.isEnabled() and action.shortcutContext() == Qt.ShortcutContext.WindowShortcut
        for key in action.shortcuts()
    ]
    assert len(keys) == len(set(keys)) > 30
