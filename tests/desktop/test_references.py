"""This PySide6 loses no references: some drop one of None at each void call, and a session then dies.

6.12.0 does so on CPython before 3.12, where None is not immortal.
"""

import sys

import pytest
from PySide6.QtCore import QPoint, QRect, QSettings, QTimer
from PySide6.QtGui import QImage, QPainter, QPen
from PySide6.QtWidgets import QGraphicsRectItem, QLabel, QWidget

CALLS = 2000
SLACK = 200  # what the rest of the process may do to the count meanwhile


@pytest.fixture
def painter():
    image = QImage(16, 16, QImage.Format.Format_ARGB32_Premultiplied)
    painting = QPainter(image)
    yield painting
    painting.end()


def lost(act):
    """How many references of None so many calls cost."""
    act()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        act()
    return before - sys.getrefcount(None)


@pytest.mark.parametrize("method", ["setPen", "save and restore", "drawImage", "fillRect"])
def test_painting_loses_no_reference(painter, method):
    small, pen, area = QImage(2, 2, QImage.Format.Format_RGB32), QPen(), QRect(0, 0, 4, 4)
    small.fill(0)

    def save_and_restore():
        painter.save()
        painter.restore()

    acts = {
        "setPen": lambda: painter.setPen(pen),
        "save and restore": save_and_restore,
        "drawImage": lambda: painter.drawImage(QPoint(0, 0), small),
        "fillRect": lambda: painter.fillRect(area, 0xFF),
    }
    assert lost(acts[method]) < SLACK


def test_widgets_lose_no_reference(qtbot):
    widget, label, timer = QWidget(), QLabel(), QTimer()
    qtbot.addWidget(widget)
    qtbot.addWidget(label)
    for act in (
        widget.update,
        lambda: widget.resize(20, 20),
        lambda: label.setText("text"),
        lambda: timer.setInterval(5),
    ):
        assert lost(act) < SLACK


def test_images_items_and_settings_lose_no_reference(qapp, tmp_path):
    image, item = QImage(4, 4, QImage.Format.Format_RGB32), QGraphicsRectItem()
    settings = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    for act in (
        lambda: image.fill(0),
        lambda: item.setPos(1, 2),
        lambda: settings.setValue("name", 1),
    ):
        assert lost(act) < SLACK


def test_a_lost_reference_is_noticed():
    """The count itself: None is counted by this Python, or never dies."""
    if sys.version_info >= (3, 12):
        pytest.skip("None is immortal from Python 3.12 on; it cannot be lost")
    before = sys.getrefcount(None)
    held = [None] * CALLS
    assert sys.getrefcount(None) >= before + CALLS - SLACK
    del held
    assert abs(sys.getrefcount(None) - before) < SLACK
