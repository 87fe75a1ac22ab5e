import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QMessageBox

from desktop.window import MainWindow
from engine import Engine, open_photo, samples


@pytest.fixture
def window(qtbot):
    shown = MainWindow(Engine())
    qtbot.addWidget(shown)
    with qtbot.waitExposed(shown):
        shown.show()
    return shown


@pytest.fixture
def opened(window):
    sample = next(sample for sample in samples() if sample.name == "mountain_lake")
    window.open(sample.picture)
    return window


def send(canvas, kind, place):
    """A mouse event of the left button at a place of the picture."""
    at = QPointF(*canvas.viewport.to_widget(*place))
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    moving, releasing = kind == QEvent.Type.MouseMove, kind == QEvent.Type.MouseButtonRelease
    event = QMouseEvent(
        kind,
        at,
        QPointF(canvas.mapToGlobal(at)),
        none if moving else left,
        none if releasing else left,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(canvas, event)


def pull(window, start, end):
    """Press at a place of the picture, pull in steps, and let go at another."""
    send(window.canvas, QEvent.Type.MouseButtonPress, start)
    for step in (0.3, 0.7, 1):
        send(window.canvas, QEvent.Type.MouseMove, tuple(np.add(start, step * np.subtract(end, start))))
    send(window.canvas, QEvent.Type.MouseButtonRelease, end)


def grab(canvas):
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    return (
        np.frombuffer(image.constBits(), np.uint8)
        .reshape(image.height(), image.bytesPerLine() // 4, 4)
        .copy()
    )


def test_a_pull_is_a_drag_that_enter_keeps_and_undo_takes_back(qtbot, opened):
    before = opened.document.photo.pixels.copy()
    pull(opened, (800, 300), (800, 240))
    (pair,) = opened.document.instruction.points
    assert pair.handle == pytest.approx((800, 300), abs=1.5)
    assert pair.target == pytest.approx((800, 240), abs=1.5)
    assert opened.session.result is not None
    assert np.array_equal(opened.document.photo.pixels, before), "a preview is not the document"
    qtbot.keyClick(opened, Qt.Key.Key_Return)
    assert not np.array_equal(opened.document.photo.pixels, before)
    assert opened.document.instruction.points == ()
    assert opened.isWindowModified()
    qtbot.keyClick(opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert np.array_equal(opened.document.photo.pixels, before)
    assert len(opened.document.instruction.points) == 1, "the drag comes back with the picture"
    qtbot.keyClick(opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert opened.document.instruction.points == ()
    assert not opened.isWindowModified()


def test_the_picture_follows_the_pointer_before_the_button_is_released(opened):
    before = grab(opened.canvas)
    send(opened.canvas, QEvent.Type.MouseButtonPress, (800, 300))
    send(opened.canvas, QEvent.Type.MouseMove, (800, 200))
    first = grab(opened.canvas)
    send(opened.canvas, QEvent.Type.MouseMove, (860, 200))
    second = grab(opened.canvas)
    x, y = (round(v) for v in opened.canvas.viewport.to_widget(800, 260))
    near = np.s_[y - 20 : y + 20, x - 20 : x + 20]
    assert (first[near] != before[near]).any()
    assert (second[near] != first[near]).any()
    assert opened.document.undo_stack.count() == 0
    send(opened.canvas, QEvent.Type.MouseButtonRelease, (860, 200))
    assert opened.document.undo_stack.count() == 1


def test_a_click_is_no_drag(opened):
    pull(opened, (800, 300), (800.5, 300.5))
    assert opened.document.instruction.points == ()


def test_escape_removes_the_drags_and_undo_brings_them_back(qtbot, opened):
    pull(opened, (800, 300), (800, 240))
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    assert opened.document.instruction.points == ()
    qtbot.keyClick(opened, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(opened.document.instruction.points) == 1


def test_saving_writes_the_edit(opened, tmp_path):
    pull(opened, (800, 300), (800, 240))
    target = tmp_path / "out ü.png"
    opened.save(target)
    assert np.array_equal(open_photo(target).pixels, opened.document.photo.pixels)
    assert not opened.isWindowModified()


def test_a_file_that_is_no_picture_leaves_the_open_one(opened, tmp_path):
    path = tmp_path / "no.png"
    path.write_text("hello")
    before = opened.document
    opened.open(path)
    assert opened.document is before
    box = opened.findChild(QMessageBox)
    assert box is not None
    assert "no.png" in box.text()
    box.close()


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_every_sample_opens_with_its_edit_shown(window, sample):
    window.open_sample(sample)
    assert window.session.result is not None
    assert (window.session.result != window.document.photo.pixels).any()


def test_the_window_imports_no_torch():
    code = "import sys, desktop.app; sys.exit(any(n in sys.modules for n in ('torch', 'diffusers')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
