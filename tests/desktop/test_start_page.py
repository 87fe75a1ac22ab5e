import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
from PySide6.QtCore import QPoint, Qt, QThreadPool
from PySide6.QtWidgets import QApplication

from desktop import thumbnails
from desktop.cards import Card
from desktop.start_page import StartPage
from desktop.thumbnails import read_thumbnail
from engine import samples


@pytest.fixture
def page(qtbot):
    shown = StartPage(samples())
    qtbot.addWidget(shown)
    shown.resize(1000, 700)
    with qtbot.waitExposed(shown):
        shown.show()
    with qtbot.waitActive(shown):  # without a window manager nobody else gives it the keys
        shown.activateWindow()
    return shown


@pytest.fixture
def photo(tmp_path, picture):
    path = tmp_path / "my photo, 照片 🎈.png"
    PIL.Image.fromarray(picture).save(path)
    return path


def test_every_sample_has_a_card_that_opens_it(page, qtbot):
    cards = page.sample_grid.cards
    assert [card.text() for card in cards] == [sample.title for sample in samples()]
    for card, sample in zip(cards, samples(), strict=True):
        assert card.accessibleDescription().splitlines() == [sample.author, sample.licence]
        with qtbot.waitSignal(page.sample_chosen) as chosen:
            card.click()
        assert chosen.args == [sample]


def test_thumbnails_come_by_themselves(page, qtbot):
    qtbot.waitUntil(lambda: all(not card.image.isNull() for card in page.sample_grid.cards), timeout=20_000)
    assert all(card.isEnabled() for card in page.sample_grid.cards)


def test_the_button_asks_to_open(page, qtbot):
    assert page.open_button.accessibleName() or page.open_button.text()
    with qtbot.waitSignal(page.open_requested):
        qtbot.mouseClick(page.open_button, Qt.MouseButton.LeftButton)


def test_recent_files_show_and_missing_ones_become_grey(page, qtbot, photo, tmp_path):
    assert page.recent_grid.isHidden()
    gone = tmp_path / "gone.png"
    page.set_recent([photo, gone])
    assert page.recent_grid.isVisible()
    here, missing = page.recent_grid.cards
    qtbot.waitUntil(lambda: not here.image.isNull() and not missing.isEnabled(), timeout=20_000)
    assert here.isEnabled() and "missing" in missing.accessibleDescription()
    with qtbot.waitSignal(page.recent_chosen) as chosen:
        qtbot.mouseClick(here, Qt.MouseButton.LeftButton)
    assert chosen.args == [photo]
    with qtbot.assertNotEmitted(page.recent_chosen):
        qtbot.mouseClick(missing, Qt.MouseButton.LeftButton)
    page.set_recent([])
    assert page.recent_grid.isHidden()


def test_keys_reach_every_card_and_bring_it_into_view(page, qtbot):
    page.resize(640, 480)
    page.open_button.setFocus()
    reached = []
    for _ in range(60):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        if not isinstance(focused, Card):
            break
        reached.append(focused)
        top = focused.mapTo(page.viewport(), QPoint(0, 0)).y()
        assert top >= 0 and top + focused.height() <= page.viewport().height()
    assert reached == list(page.sample_grid.cards)
    reached[2].setFocus()
    with qtbot.waitSignal(page.sample_chosen) as chosen:
        qtbot.keyClick(reached[2], Qt.Key.Key_Space)
    assert chosen.args == [samples()[2]]


@pytest.mark.parametrize(
    ("width", "height"), [(400, 300), (640, 480), (1000, 700), (1920, 1080), (3840, 2160)]
)
def test_cards_never_overlap_nor_leave_the_page(page, width, height, photo):
    page.set_recent([photo] * 7)
    page.resize(width, height)
    QApplication.processEvents()
    content = page.widget()
    assert content.width() <= page.viewport().width()
    for grid in (page.recent_grid, page.sample_grid):
        places = [card.geometry() for card in grid.cards]
        assert all(grid.rect().contains(place) for place in places)
        for i, place in enumerate(places):
            assert not any(place.intersects(other) for other in places[:i])
    assert page.recent_grid.mapTo(content, page.recent_grid.rect().bottomLeft()).y() < (
        page.sample_grid.mapTo(content, QPoint(0, 0)).y()
    )
    needed = content.height() > page.viewport().height()
    assert page.verticalScrollBar().isVisible() == needed


def test_new_cards_replace_the_old_while_thumbnails_are_made(page, qtbot, photo):
    for number in range(5):
        page.set_recent([photo.with_name(f"{number}.png"), photo])
        QApplication.processEvents()
    qtbot.waitUntil(lambda: not page.recent_grid.cards[1].image.isNull(), timeout=20_000)
    assert not page.recent_grid.cards[0].isEnabled()


def test_thumbnail_is_small_and_upright(tmp_path, paint):
    path = tmp_path / "turned.jpg"
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(np.ascontiguousarray(paint(900, 600)[..., :3])).save(path, exif=exif)
    image, size = read_thumbnail(path, 100)
    assert (image.width(), image.height(), *size) == (67, 100, 600, 900)


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"\x89PNG\r\n\x1a\nbroken", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_is_no_picture_gives_none(tmp_path, content):
    path = tmp_path / "file.png"
    path.write_bytes(content)
    assert read_thumbnail(path, 100).image.isNull()
    assert read_thumbnail(tmp_path, 100).image.isNull()


def test_quitting_while_thumbnails_are_made_is_clean():
    code = (
        "from PySide6.QtWidgets import QApplication; from PySide6.QtCore import QTimer;"
        "from desktop.start_page import StartPage; from engine import samples;"
        "app = QApplication([]); page = StartPage(samples()); page.show();"
        "QTimer.singleShot(30, app.quit); app.exec()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    lines = [line for line in done.stderr.splitlines() if "propagateSizeHints" not in line]
    assert (done.returncode, lines) == (0, [])


def test_a_hidden_page_lets_its_thumbnails_wait_until_it_is_shown(qtbot, monkeypatch):
    begun, go_on = [], threading.Semaphore(0)

    def read(path, side):
        begun.append(path)
        assert go_on.acquire(timeout=20)
        return read_thumbnail(path, side)

    monkeypatch.setattr(thumbnails, "read_thumbnail", read)
    page = StartPage(samples())
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: bool(begun))
    page.hide()
    go_on.release(1000)
    assert QThreadPool.globalInstance().waitForDone(20_000)
    assert len(begun) == 1
    page.show()
    qtbot.waitUntil(lambda: not any(card.image.isNull() for card in page.sample_grid.cards), timeout=20_000)


def test_a_page_may_die_while_thumbnails_are_made(qtbot):
    for _ in range(3):
        page = StartPage([replace(sample, title="x") for sample in samples()])
        page.show()
        QApplication.processEvents()
        page.deleteLater()
        del page
        QApplication.processEvents()


def test_the_focus_looks_unlike_the_pointer(page, qtbot):
    card = page.sample_grid.cards[0]
    page.open_button.setFocus()
    plain = card.grab().toImage()
    card.setFocus()
    focused = card.grab().toImage()
    page.open_button.setFocus()
    card.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    hovered = card.grab().toImage()
    assert plain != focused and focused != hovered and hovered != plain
