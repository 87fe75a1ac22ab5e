import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QUndoCommand, QUndoStack

from desktop.icons import icon
from desktop.panels import HistoryPanel
from desktop.theme import palette_of


@pytest.fixture
def stack(qapp):
    steps = QUndoStack()
    for name in ("Drag", "Paint", "Rename"):
        steps.push(QUndoCommand(name))
    return steps


@pytest.fixture
def panel(qtbot, stack):
    shown = HistoryPanel()
    qtbot.addWidget(shown)
    shown.set_stack(stack)
    with qtbot.waitExposed(shown):
        shown.show()
    return shown


def rows(panel):
    model = panel.view.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_it_lists_the_steps_after_the_state_as_opened(panel):
    assert rows(panel) == ["As opened", "Drag", "Paint", "Rename"]
    assert panel.view.accessibleName()


def test_a_click_goes_back_and_forth(panel, stack, qtbot):
    for row in (1, 3, 0):
        place = panel.view.visualRect(panel.view.model().index(row, 0)).center()
        qtbot.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert stack.index() == row
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert stack.index() == 1


def test_the_saved_step_carries_the_icon_also_after_a_change_of_theme(panel, stack, qapp, qtbot):
    stack.setClean()
    model, decoration = panel.view.model(), Qt.ItemDataRole.DecorationRole
    assert not model.index(3, 0).data(decoration).isNull()
    before = qapp.palette()
    try:
        for dark in (False, True):
            qapp.setPalette(palette_of(dark=dark))
            there = icon("save").pixmap(16).toImage()
            qtbot.waitUntil(lambda there=there: panel.view.cleanIcon().pixmap(16).toImage() == there)
    finally:
        qapp.setPalette(before)


def test_without_a_document_it_is_empty(panel):
    panel.set_stack(None)
    assert not panel.view.isEnabled() and "Drag" not in rows(panel)
