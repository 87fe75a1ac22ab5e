"""Nothing unsaved is lost without a word: opening, closing and saving in the real window."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop.document import Instruction, files
from engine import open_photo
from tests.desktop.hands import BY_NAME, press, pull, send

CONTROL = Qt.KeyboardModifier.ControlModifier
SAVE, DISCARD, CANCEL = (
    QMessageBox.StandardButton.Save,
    QMessageBox.StandardButton.Discard,
    QMessageBox.StandardButton.Cancel,
)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "other.png"
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(path)
    return path


@pytest.fixture
def target(tmp_path, monkeypatch):
    """Where the user says to save; "" is as if cancelled."""
    chosen = [str(tmp_path / "mine.png"), "PNG (*.png)"]
    monkeypatch.setattr("desktop.filing.QFileDialog.getSaveFileName", lambda *_: tuple(chosen))
    return chosen


class Gate:
    """Holds up a function of the file worker until it is opened."""

    def __init__(self, monkeypatch, name):
        self.real, self.free = getattr(files, name), threading.Event()
        monkeypatch.setattr(files, name, self)

    def __call__(self, *arguments, **named):
        assert self.free.wait(30)
        return self.real(*arguments, **named)


def question(window):
    """The question that is shown, or None."""
    QApplication.processEvents()
    shown = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    assert len(shown) < 2
    return shown[0] if shown else None


def change(window):
    pull(window, (800, 300), (800, 240))
    assert window.document.is_modified


def keep_and_save(qtbot, window):
    change(window)
    with qtbot.waitSignal(window.filing.saved):
        press(qtbot, window, Qt.Key.Key_S, CONTROL)
    assert not window.document.is_modified


def test_work_done_while_a_picture_is_read_is_asked_about(qtbot, opened, photo, monkeypatch):
    gate, before = Gate(monkeypatch, "open_photo"), opened.document
    opened.filing.open_path(photo)
    change(opened)
    with qtbot.waitSignal(opened.filing.worker.opened):
        gate.free.set()
    box = question(opened)
    assert opened.document is before
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert question(opened) is None
    assert opened.document is before and len(before.instruction.points) == 1
    assert opened.statusBar().currentMessage() == "", "nothing is being opened any more"
    with qtbot.waitSignal(opened.filing.worker.opened):
        opened.filing.open_path(photo)
    question(opened).button(DISCARD).click()
    assert opened.document.size == (80, 60)


def test_a_picture_that_arrives_waits_for_the_gesture_and_its_question(qtbot, opened, photo):
    before = opened.document
    send(opened, QEvent.Type.MouseButtonPress, (800, 300))
    send(opened, QEvent.Type.MouseMove, (800, 250))
    with qtbot.waitSignal(opened.filing.worker.opened):
        opened.filing.open_path(photo)
    qtbot.wait(250)
    assert opened.document is before and question(opened) is None
    send(opened, QEvent.Type.MouseButtonRelease, (800, 240))
    qtbot.waitUntil(lambda: question(opened) is not None)
    question(opened).button(CANCEL).click()
    assert opened.document is before and len(before.instruction.points) == 1


def test_what_is_opened_last_counts(qtbot, opened, photo, monkeypatch):
    gate = Gate(monkeypatch, "open_photo")
    opened.filing.open_path(photo)
    opened.filing.open_sample(BY_NAME["osprey"])
    shown = opened.document
    assert shown.instruction.points == BY_NAME["osprey"].points
    gate.free.set()
    qtbot.wait(150)
    assert opened.document is shown


def test_the_question_offers_save_first_and_escape_stays(opened):
    change(opened)
    assert not opened.close()
    box = question(opened)
    assert box.standardButtons() == SAVE | DISCARD | CANCEL
    assert box.defaultButton() is box.button(SAVE)
    QTest.keyClick(box, Qt.Key.Key_Escape)
    assert question(opened) is None
    assert opened.isVisible() and opened.document.is_modified


def test_enter_saves_and_the_window_closes_once_that_is_done(qtbot, opened, target, monkeypatch):
    gate = Gate(monkeypatch, "save_photo")
    change(opened)
    opened.close()
    QTest.keyClick(question(opened), Qt.Key.Key_Return)
    qtbot.wait(50)
    assert opened.isVisible(), "the picture is still being written"
    gate.free.set()
    qtbot.waitUntil(opened.isHidden)
    assert open_photo(Path(target[0])).pixels.shape == (*reversed(opened.document.size), 4)


def test_discard_closes_and_saves_nothing(opened, target, tmp_path):
    change(opened)
    opened.close()
    question(opened).button(DISCARD).click()
    assert opened.isHidden()
    assert not (tmp_path / "mine.png").exists()


@pytest.mark.parametrize("name", ["", "none/mine.png"])
def test_what_is_not_saved_stays_open(qtbot, opened, target, tmp_path, name):
    target[0] = name and str(tmp_path / name)
    change(opened)
    opened.close()
    question(opened).button(SAVE).click()
    qtbot.waitUntil(lambda: not opened.filing.worker.is_saving)
    qtbot.wait(50)
    assert opened.isVisible() and opened.document.is_modified
    box = question(opened)
    assert (box is not None) == bool(name), "a failure is told"
    if box is not None:
        box.close()


def test_what_is_changed_while_it_is_saved_is_asked_about_again(qtbot, opened, target, monkeypatch):
    gate = Gate(monkeypatch, "save_photo")
    change(opened)
    opened.close()
    question(opened).button(SAVE).click()
    pull(opened, (400, 400), (450, 420))
    gate.free.set()
    qtbot.waitUntil(lambda: question(opened) is not None)
    assert opened.isVisible()
    question(opened).button(CANCEL).click()
    assert opened.isVisible() and len(opened.document.instruction.points) == 1


def test_save_goes_on_to_what_was_chosen(qtbot, opened, target):
    change(opened)
    opened.filing.open_sample(BY_NAME["osprey"])
    with qtbot.waitSignal(opened.filing.opened):
        question(opened).button(SAVE).click()
    assert opened.document.instruction.points == BY_NAME["osprey"].points
    assert open_photo(Path(target[0])).pixels.shape[2] == 4


def test_layers_that_no_file_holds_are_told_once_and_asked_about(qtbot, opened, target):
    keep_and_save(qtbot, opened)
    assert "as one picture" in opened.statusBar().currentMessage()
    with qtbot.waitSignal(opened.filing.saved):
        press(qtbot, opened, Qt.Key.Key_S, CONTROL)
    assert "as one picture" not in opened.statusBar().currentMessage()
    opened.close()
    box = question(opened)
    assert "layers" in box.text() and box.defaultButton() is box.button(CANCEL)
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert opened.isVisible()
    opened.close()
    question(opened).button(DISCARD).click()
    assert opened.isHidden()


def test_masks_count_as_work_but_what_a_sample_brings_does_not(qtbot, window, target):
    window.filing.open_sample(next(sample for sample in BY_NAME.values() if sample.mask is not None))
    window.filing.open_sample(BY_NAME["mountain_lake"])
    assert question(window) is None and window.document.instruction.points
    window.document.mark(Instruction(), "Delete markers")
    window.use_tool("protected")
    pull(window, (100, 100), (300, 100))
    with qtbot.waitSignal(window.filing.saved):
        press(qtbot, window, Qt.Key.Key_S, CONTROL)
    assert len(window.document.layers) == 1
    window.close()
    assert "masks" in question(window).text()
    question(window).button(DISCARD).click()
    assert window.isHidden()


def test_a_saved_flat_picture_closes_without_a_question(qtbot, opened, target):
    with qtbot.waitSignal(opened.filing.saved):
        press(qtbot, opened, Qt.Key.Key_S, CONTROL)
    assert opened.close()
    assert question(opened) is None and opened.isHidden()


def test_a_failed_name_is_not_tried_again(qtbot, opened, target, tmp_path):
    target[0] = str(tmp_path / "none" / "out.png")
    with qtbot.waitSignal(opened.filing.worker.failed):
        press(qtbot, opened, Qt.Key.Key_S, CONTROL)
    question(opened).close()
    target[0] = str(tmp_path / "out.png")
    with qtbot.waitSignal(opened.filing.saved) as heard:
        opened.actions_["save"].trigger()
    assert heard.args == [tmp_path / "out.png"]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("out1", "PNG (*.png)", "out1.png"),
        ("out1", "JPEG (*.jpg *.jpeg)", "out1.jpg"),
        ("walk 3.5", "TIFF (*.tif *.tiff)", "walk 3.5.tif"),
        ("out.webp", "PNG (*.png)", "out.webp"),
        ("out.JPG", "PNG (*.png)", "out.JPG"),
    ],
)
def test_a_name_gets_the_ending_of_the_chosen_kind(qtbot, opened, target, tmp_path, name, kind, expected):
    target[:] = str(tmp_path / name), kind
    with qtbot.waitSignal(opened.filing.saved) as heard:
        opened.filing.save_as()
    assert heard.args == [tmp_path / expected] and heard.args[0].exists()


def test_a_file_found_only_by_the_added_ending_is_not_replaced_unasked(opened, target, tmp_path, monkeypatch):
    (tmp_path / "out1.png").write_bytes(b"mine")
    target[0] = str(tmp_path / "out1")
    monkeypatch.setattr(QMessageBox, "exec", lambda _: CANCEL)
    opened.filing.save_as()
    assert not opened.filing.worker.is_saving
    monkeypatch.setattr(QMessageBox, "exec", lambda _: QMessageBox.StandardButton.Yes)
    opened.filing.save_as()
    assert opened.filing.worker.is_saving
