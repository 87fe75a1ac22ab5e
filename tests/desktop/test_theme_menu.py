from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QMenu

from desktop.theme import is_dark
from desktop.theme_menu import ThemeMenu, remembered_theme


def test_the_choice_is_applied_and_remembered(qtbot, qapp, tmp_path):
    store = QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)
    assert remembered_theme(store) == "system"
    menu = QMenu()
    qtbot.addWidget(menu)
    ThemeMenu(menu, store)
    try:
        menu.actions()[2].trigger()
        assert remembered_theme(store) == "dark"
        assert is_dark(qapp.palette())
        menu.actions()[1].trigger()
        assert not is_dark(qapp.palette())
    finally:
        menu.actions()[0].trigger()
    store.setValue("theme", "plaid")
    assert remembered_theme(store) == "system"
