import numpy as np
import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QAction, QColor, QIcon, QImage
from PySide6.QtWidgets import QToolButton, QWidget

from desktop.icons import icon, pixmap, program_icon, refresh_icons, set_icon
from desktop.theme import palette_of
from engine import resource_dir

NAMES = sorted(path.stem for path in (resource_dir() / "icons").glob("*.svg"))
ASKED = """drag pin mask protect subject quick-select hand zoom rotate-view undo redo open save new-layer
duplicate delete eye eye-off lock unlock before-after fit keep drop settings samples pliant
refine generate dice reset move-up move-down swap eraser mirror reverse select-all more"""


def pixels(drawn):
    image = drawn.toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4).copy()


def test_every_icon_asked_for_is_there():
    assert sorted(ASKED.split()) == NAMES


@pytest.mark.parametrize("name", [name for name in NAMES if name != "pliant"])
@pytest.mark.parametrize("size", [16, 24])
def test_icon_is_drawn_in_the_colour_and_inside_its_frame(qapp, name, size):
    seen = pixels(pixmap(name, size, 2.0, QColor("#ff8000")))
    solid = seen[seen[..., 3] > 250]
    assert seen.shape[:2] == (2 * size, 2 * size)
    assert len(solid) > 4 and (np.abs(solid[:, :3].astype(int) - (255, 128, 0)) < 4).all()
    edge = np.concatenate([seen[0], seen[-1], seen[:, 0], seen[:, -1]])
    assert edge[..., 3].max() < 40


def test_no_two_icons_look_alike(qapp):
    drawn = {name: pixels(pixmap(name, 24)).tobytes() for name in NAMES}
    assert len(set(drawn.values())) == len(NAMES)


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_icon_is_sharp_on_every_screen_and_faded_where_disabled(qapp, ratio):
    size = QSize(20, 20)
    full = icon("keep").pixmap(size, ratio, QIcon.Mode.Normal)
    faded = icon("keep").pixmap(size, ratio, QIcon.Mode.Disabled)
    assert full.width() == faded.width() == round(20 * ratio)
    assert full.devicePixelRatio() == ratio
    assert pixels(full)[..., 3].max() == 255
    assert 60 < pixels(faded)[..., 3].max() < 130


def test_icons_follow_the_palette(qapp, qtbot):
    before = qapp.palette()
    window = QWidget()
    qtbot.addWidget(window)
    button, action = QToolButton(window), QAction(window)
    for target in (button, action):
        set_icon(target, "undo")
    try:
        for dark in (False, True):
            qapp.setPalette(palette_of(dark=dark))
            refresh_icons()
            for target in (button, action):
                seen = pixels(target.icon().pixmap(24))
                assert (seen[seen[..., 3] > 250][:, 0] > 128).all() == dark
    finally:
        qapp.setPalette(before)


def test_program_icon_has_colours_and_many_sizes(qapp):
    mark = program_icon()
    assert QSize(256, 256) in mark.availableSizes()
    seen = pixels(mark.pixmap(64))
    assert seen[32, 8, 2] > seen[32, 8, 0]  # blue ground
    assert seen[21, 38, 0] > seen[21, 38, 2]  # the orange handle
    assert seen[0, 0, 3] == 0


def test_an_icon_that_does_not_exist_is_a_mistake(qapp):
    with pytest.raises(FileNotFoundError):
        icon("no such icon")
