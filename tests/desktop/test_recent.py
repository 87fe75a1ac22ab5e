from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from desktop.recent import RecentFiles
from desktop.store import window_store
from engine import data_dir


@pytest.fixture
def recent(qapp):
    return RecentFiles(window_store())


def test_it_starts_empty_and_puts_the_newest_first(recent, qtbot, tmp_path):
    assert recent.paths == ()
    one, two = tmp_path / "one.png", tmp_path / "two.png"
    with qtbot.waitSignal(recent.changed):
        recent.add(one)
    recent.add(two)
    recent.add(one)
    assert recent.paths == (one, two)


def test_it_is_remembered_in_the_data_folder(recent, tmp_path):
    odd = [tmp_path / name for name in ("a b.png", "ü, 照片 🎈.jpg", 'quote".png', "semi;colon%20.tif")]
    for path in odd:
        recent.add(path)
    assert RecentFiles(window_store()).paths == tuple(reversed(odd))
    assert (data_dir() / "window.ini").is_file()


def test_twelve_are_kept(recent, tmp_path):
    for number in range(15):
        recent.add(tmp_path / f"{number}.png")
    assert [path.stem for path in recent.paths] == [str(number) for number in range(14, 2, -1)]


def test_missing_files_stay(recent, tmp_path):
    recent.add(tmp_path / "gone.png")
    assert recent.paths == (tmp_path / "gone.png",)


def test_a_relative_path_is_kept_as_a_whole_one(recent, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    recent.add(Path("photo.png"))
    assert recent.paths == (tmp_path / "photo.png",)


def test_silent_where_nothing_changes(recent, qtbot, tmp_path):
    recent.add(tmp_path / "one.png")
    with qtbot.assertNotEmitted(recent.changed):
        recent.add(tmp_path / "one.png")


@pytest.mark.parametrize("nonsense", ["", "[", "3", "null", '{"a": 1}', "[1, null]"])
def test_a_damaged_store_is_an_empty_list(qapp, tmp_path, nonsense):
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    store.setValue("recent/files", nonsense)
    recent = RecentFiles(store)
    assert recent.paths == ()
    recent.add(tmp_path / "one.png")
    assert recent.paths == (tmp_path / "one.png",)
