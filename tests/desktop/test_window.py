"""The window with real events, offscreen."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QApplication, QMessageBox

from engine import Engine, open_photo
from tests.desktop.hands import BY_NAME, flat, grab, press, pull, send, settle


def test_a_pull_is_a_drag_that_enter_keeps_as_a_layer_and_undo_takes_back(qtbot, opened):
    before = flat(opened).copy()
    with qtbot.waitSignal(opened.session.finished):
        pull(opened, (800, 300), (800, 240))
    (pair,) = opened.document.instruction.points
    assert pair.handle == pytest.approx((800, 300), abs=1.5)
    assert pair.target == pytest.approx((800, 240), abs=1.5)
    assert np.array_equal(flat(opened), before), "a preview is not the document"
    press(qtbot, opened, Qt.Key.Key_Return)
    assert len(opened.document.layers) == 2
    assert opened.document.active_layer is opened.document.layers[1]
    assert opened.document.active_layer.provenance["method"] == "flow_warp"
    assert not np.array_equal(flat(opened), before)
    assert opened.document.instruction.points == ()
    assert opened.isWindowModified()
    press(qtbot, opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(flat(opened), before)
    assert len(opened.document.instruction.points) == 1, "the drag comes back with the picture"
    press(qtbot, opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert opened.document.instruction.points == ()
    assert not opened.isWindowModified()


def test_a_pen_faster_than_painting_waits_for_nothing_and_ends_at_its_last_place(qtbot, opened):
    shown = []
    opened.session.shown.connect(lambda *preview: shown.append(preview))
    send(opened, QEvent.Type.MouseButtonPress, (800, 300))
    for x in range(800, 860, 2):
        send(opened, QEvent.Type.MouseMove, (x, 200))
    assert len(shown) == 1, "what nobody can see is not made"
    canvas = opened.workspace.canvas
    qtbot.waitUntil(lambda: len(shown) == 2)
    with qtbot.waitSignal(canvas.painted):
        canvas.update()
    last, *_ = shown[-1]
    send(opened, QEvent.Type.MouseMove, (858, 200))
    assert np.array_equal(shown[-1][0], last)
    send(opened, QEvent.Type.MouseButtonRelease, (858, 200))


def test_what_is_kept_equals_what_the_engine_makes(qtbot, opened):
    pull(opened, (800, 300), (800, 240))
    request = opened.session.request()
    press(qtbot, opened, Qt.Key.Key_Return)
    assert np.array_equal(flat(opened), Engine().edit("flow_warp", request).image)


def test_the_picture_follows_the_pointer_before_the_button_is_released(opened):
    before = grab(opened)
    send(opened, QEvent.Type.MouseButtonPress, (800, 300))
    send(opened, QEvent.Type.MouseMove, (800, 200))
    first = grab(opened)
    QApplication.processEvents()
    send(opened, QEvent.Type.MouseMove, (860, 200))
    second = grab(opened)
    x, y = (round(v) for v in opened.workspace.canvas.viewport.to_widget(780, 250))
    near = np.s_[y - 6 : y + 6, x - 6 : x + 6]
    assert (first[near] != before[near]).any()
    assert (second[near] != first[near]).any()
    assert opened.document.undo_stack.count() == 0
    send(opened, QEvent.Type.MouseButtonRelease, (860, 200))
    assert opened.document.undo_stack.count() == 1


def test_escape_walks_back_one_state_at_a_time(qtbot, opened):
    pull(opened, (800, 300), (800, 240))
    send(opened, QEvent.Type.MouseButtonPress, (400, 400))
    send(opened, QEvent.Type.MouseMove, (450, 420))
    assert len(opened.document.instruction.points) == 2
    opened.walk_back()
    assert len(opened.document.instruction.points) == 1, "the gesture"
    send(opened, QEvent.Type.MouseButtonRelease, (450, 420))
    pull(opened, (800, 240), (800, 240))
    assert opened.workspace.drag_tool.selected
    opened.walk_back()
    assert not opened.workspace.drag_tool.selected, "the selection"
    opened.walk_back()
    assert opened.document.instruction.points == (), "the drags"
    opened.undo()
    assert len(opened.document.instruction.points) == 1


def test_kept_layers_are_numbered_and_undo_and_redo_know_their_names(qtbot, opened):
    def names():
        return [layer.name for layer in opened.document.layers]

    places = iter([(800, 300), (400, 300), (1000, 300), (600, 300)])

    def keep_a_drag():
        x, y = next(places)
        pull(opened, (x, y), (x, y - 40))
        pull(opened, (x + 60, y), (x + 60, y - 40))
        press(qtbot, opened, Qt.Key.Key_Return)

    for _ in range(3):
        keep_a_drag()
    assert names() == ["Background", "Drag", "Drag 2", "Drag 3"]
    for _ in range(6):
        opened.undo()
    assert names() == ["Background", "Drag"]
    for _ in range(6):
        opened.redo()
    assert names() == ["Background", "Drag", "Drag 2", "Drag 3"]
    opened.document.remove_layer(opened.document.layers[2].id, "Delete layer")
    keep_a_drag()
    assert sorted(names()) == ["Background", "Drag", "Drag 3", "Drag 4"], "no name is given twice"


def test_moving_needs_no_painted_subject_and_protection_holds(qtbot, opened):
    opened.document.mark(
        type(opened.document.instruction)(motion="move", points=opened.document.instruction.points), "Move"
    )
    opened.use_tool("protected")
    pull(opened, (100, 100), (300, 100))
    protected = opened.document.instruction.protected.array() == 255
    assert protected.any()
    opened.use_tool("drag")
    before = flat(opened).copy()
    pull(opened, (505, 260), (300, 130))
    press(qtbot, opened, Qt.Key.Key_Return)
    assert np.array_equal(flat(opened)[protected], before[protected])


def test_saving_writes_the_pending_edit_too(qtbot, opened, tmp_path):
    pull(opened, (800, 300), (800, 240))
    target = tmp_path / "out ü.png"
    with qtbot.waitSignal(opened.filing.worker.saved):
        opened.filing.save_path(target)
    assert np.array_equal(open_photo(target).pixels, flat(opened))
    assert not opened.isWindowModified()


@pytest.mark.parametrize("way", ["card", "file"])
def test_samples_are_never_saved_over(qtbot, window, tmp_path, monkeypatch, way):
    sample, asked = BY_NAME["mountain_lake"], []
    before = sample.picture.read_bytes()
    with qtbot.waitSignal(window.filing.opened):
        window.filing.open_sample(sample) if way == "card" else window.filing.open_path(sample.picture)

    def ask(parent, title, start, kinds):
        asked.append(Path(start))
        return str(tmp_path / "mine.png"), ""

    monkeypatch.setattr("desktop.filing.QFileDialog.getSaveFileName", ask)
    with qtbot.waitSignal(window.filing.saved):
        press(qtbot, window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    (start,) = asked
    assert start.resolve().parent != sample.picture.resolve().parent, "not even by Enter in the dialog"
    assert sample.picture.read_bytes() == before


def test_a_file_that_is_no_picture_leaves_the_open_one(qtbot, opened, tmp_path):
    path = tmp_path / "no.png"
    path.write_text("hello")
    before = opened.document
    with qtbot.waitSignal(opened.filing.worker.failed):
        opened.filing.open_path(path)
    assert opened.document is before
    box = opened.findChild(QMessageBox)
    assert box is not None
    assert "no.png" in box.text()
    box.close()


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_every_sample_opens_with_its_edit_shown(qtbot, window, name):
    with qtbot.waitSignal(window.session.finished):
        window.filing.open_sample(BY_NAME[name])
    assert window.document.instruction.points == BY_NAME[name].points


def test_a_locked_layer_is_not_dragged_and_says_why(opened):
    opened.document.set_layer(opened.document.active_layer.id, "Lock", locked=True)
    pull(opened, (800, 300), (800, 240))
    assert opened.document.instruction.points == ()
    assert "locked" in opened.statusBar().currentMessage()


def test_before_is_shown_while_y_is_held(qtbot, opened):
    clean = grab(opened).astype(int)
    with qtbot.waitSignal(opened.session.finished):
        pull(opened, (800, 300), (800, 200))
    place = tuple(round(v) for v in opened.workspace.canvas.viewport.to_widget(790, 260))
    near = np.s_[place[1] - 5 : place[1] + 5, place[0] - 40 : place[0] - 30]

    def change():
        return np.abs(grab(opened)[near] - clean[near]).max()

    assert change() > 20
    qtbot.keyPress(opened.workspace.canvas, Qt.Key.Key_Y)
    assert change() <= 1  # by what scaling rounds
    qtbot.keyRelease(opened.workspace.canvas, Qt.Key.Key_Y)
    assert change() > 20


def test_without_a_document_no_action_works_on_one(window):
    actions = window.actions_
    assert {name for name in actions.names if actions[name].isEnabled()} == {"open", "generate", "close"}
    for name in actions.names:  # none may fail either, should one of them ever be enabled
        if name not in {"open", "generate", "close"}:
            actions[name].setEnabled(True)
            actions[name].trigger()
    assert window.document is None


def test_the_first_start_shows_how_to_pull_once(qtbot, opened):
    assert opened.workspace.first_hint.shown
    pull(opened, (800, 300), (800, 240))
    assert not opened.workspace.first_hint.shown
    settle(opened)
    with qtbot.waitSignal(opened.filing.worker.opened):
        opened.filing.open_path(BY_NAME["osprey"].picture)
    assert not opened.workspace.first_hint.shown


def test_a_handle_outside_the_mask_moves_nothing_and_says_so(qtbot, opened):
    opened.use_tool("editable")
    pull(opened, (100, 700), (300, 700))
    opened.use_tool("drag")
    with qtbot.waitSignal(opened.session.finished):
        pull(opened, (800, 300), (800, 240))
    assert "Drag 1 moved 0 % of the way" in opened.statusBar().currentMessage()


def test_a_second_drag_takes_along_what_the_first_one_left(qtbot, opened):
    pull(opened, (505, 230), (505, 180))
    press(qtbot, opened, Qt.Key.Key_Return)
    first = flat(opened).copy()
    pull(opened, (1100, 300), (1100, 240))
    press(qtbot, opened, Qt.Key.Key_Return)
    second = flat(opened)
    changed = np.argwhere((second != first).any(-1))
    assert len(changed) > 1000
    assert changed[:, 1].min() > 900, "the first drag stays as it was kept"
    assert len(opened.document.layers) == 3


def test_what_is_remembered_of_a_kept_drag_is_what_would_be_drawn(qtbot, opened):
    pull(opened, (505, 230), (505, 180))
    press(qtbot, opened, Qt.Key.Key_Return)
    pull(opened, (1100, 300), (1100, 240))
    assert np.array_equal(opened.session.request().image, flat(opened))


def test_save_asks_first_and_leaves_the_opened_file_alone(qtbot, window, tmp_path, monkeypatch):
    source, target = tmp_path / "mine.png", tmp_path / "edited.png"
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(source)
    before = source.read_bytes()
    asked = []

    def ask(*arguments):
        asked.append(arguments)
        return str(target), ""

    monkeypatch.setattr("desktop.filing.QFileDialog.getSaveFileName", ask)
    with qtbot.waitSignal(window.filing.worker.opened):
        window.filing.open_path(source)
    for _ in range(2):
        with qtbot.waitSignal(window.filing.worker.saved):
            window.filing.save()
    assert len(asked) == 1, "where it was saved once it is saved again"
    assert source.read_bytes() == before
    assert target.exists()
