"""The menu that chooses the look, and remembers it."""

from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, QSettings
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QApplication, QMenu

from desktop.theme import Theme, apply_theme

_KEY = "theme"
_THEMES: tuple[Theme, ...] = ("system", "light", "dark")


def remembered_theme(store: QSettings) -> Theme:
    """The theme that the user chose last, or the system's."""
    chosen = store.value(_KEY, "system")
    for theme in _THEMES:
        if theme == chosen:
            return theme
    return "system"


class ThemeMenu(QObject):
    """Fills a menu with the themes.

    Args:
        menu: gets one action for each theme.
        store: remembers the choice.
    """

    def __init__(self, menu: QMenu, store: QSettings) -> None:
        super().__init__(menu)
        self._store = store
        group = QActionGroup(self)
        titles = {
            "system": self.tr("As the &system"),
            "light": self.tr("&Light"),
            "dark": self.tr("&Dark"),
        }
        for theme in _THEMES:
            action = QAction(titles[theme], menu)
            action.setCheckable(True)
            action.setChecked(theme == remembered_theme(store))
            action.triggered.connect(partial(self.use, theme))
            group.addAction(action)
            menu.addAction(action)

    def use(self, theme: Theme, _checked: bool = True) -> None:
        """Apply and remember a theme."""
        self._store.setValue(_KEY, theme)
        application = QCoreApplication.instance()
        assert isinstance(application, QApplication)
        apply_theme(application, theme)
