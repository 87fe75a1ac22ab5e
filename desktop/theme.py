"""The look: Fusion, a light or a dark palette, and a small style sheet over both."""

from typing import Literal

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from desktop.icons import refresh_icons
from engine import resource_dir

Theme = Literal["system", "light", "dark"]

_Role, _Group = QPalette.ColorRole, QPalette.ColorGroup

# Greys without a tint: colour beside a picture changes how the picture is seen.
_LIGHT = {
    _Role.Window: "#f1f1f1",
    _Role.WindowText: "#1c1c1c",
    _Role.Base: "#ffffff",
    _Role.AlternateBase: "#f6f6f6",
    _Role.ToolTipBase: "#ffffff",
    _Role.ToolTipText: "#1c1c1c",
    _Role.PlaceholderText: "#6a6a6a",
    _Role.Text: "#1c1c1c",
    _Role.Button: "#f8f8f8",
    _Role.ButtonText: "#1c1c1c",
    _Role.BrightText: "#c3261d",
    _Role.Light: "#ffffff",
    _Role.Midlight: "#e2e2e2",
    _Role.Mid: "#c4c4c4",
    _Role.Dark: "#9c9c9c",
    _Role.Shadow: "#6a6a6a",
    _Role.Highlight: "#2860c8",
    _Role.HighlightedText: "#ffffff",
    _Role.Accent: "#2860c8",
    _Role.Link: "#1f52b4",
    _Role.LinkVisited: "#6a3fa0",
}
_DARK = {
    _Role.Window: "#2e2e2e",
    _Role.WindowText: "#e6e6e6",
    _Role.Base: "#232323",
    _Role.AlternateBase: "#292929",
    _Role.ToolTipBase: "#3c3c3c",
    _Role.ToolTipText: "#f0f0f0",
    _Role.PlaceholderText: "#a0a0a0",
    _Role.Text: "#e6e6e6",
    _Role.Button: "#3a3a3a",
    _Role.ButtonText: "#e6e6e6",
    _Role.BrightText: "#ff7a70",
    _Role.Light: "#505050",
    _Role.Midlight: "#444444",
    _Role.Mid: "#565656",
    _Role.Dark: "#1b1b1b",
    _Role.Shadow: "#101010",
    _Role.Highlight: "#3068d0",
    _Role.HighlightedText: "#ffffff",
    _Role.Accent: "#5b8def",
    _Role.Link: "#8ab1ff",
    _Role.LinkVisited: "#c3a6f0",
}
_FADED_TEXT = {False: "#8f8f8f", True: "#7d7d7d"}  # by whether it is dark
_SURROUND = {False: "#bcbcbc", True: "#1f1f1f"}


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Give the application a theme; with "system" it goes on following the system's choice."""
    follower = application.findChild(_Follower)
    if follower is None:
        follower = _Follower(application)
    follower.use(theme)


def is_dark(palette: QPalette) -> bool:
    """Whether texts of this palette stand on a dark ground."""
    return palette.color(_Role.Window).lightness() < palette.color(_Role.WindowText).lightness()


def surround(palette: QPalette) -> QColor:
    """The neutral grey around the picture."""
    return QColor(_SURROUND[is_dark(palette)])


def palette_of(*, dark: bool) -> QPalette:
    """All colours of one theme."""
    palette = QPalette()
    for role, colour in (_DARK if dark else _LIGHT).items():
        palette.setColor(role, QColor(colour))
    for role in (_Role.WindowText, _Role.Text, _Role.ButtonText, _Role.PlaceholderText):
        palette.setColor(_Group.Disabled, role, QColor(_FADED_TEXT[dark]))
    palette.setColor(_Group.Disabled, _Role.Highlight, palette.color(_Role.Mid))
    palette.setColor(_Group.Disabled, _Role.Accent, palette.color(_Role.Mid))
    return palette


class _Follower(QObject):
    """Keeps the application in its theme while the system's colour scheme changes."""

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._application = application
        application.setStyle("Fusion")
        self._theme: Theme = "system"
        self._hints = application.styleHints()  # kept: Qt's wrapper of a passing reference may die
        self._hints.colorSchemeChanged.connect(self._show)

    def use(self, theme: Theme) -> None:
        self._theme = theme
        schemes = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}
        self._hints.setColorScheme(schemes.get(theme, Qt.ColorScheme.Unknown))  # title bars, file dialogs
        self._show()

    def _show(self) -> None:
        seen = self._hints.colorScheme()
        dark = seen == Qt.ColorScheme.Dark if self._theme == "system" else self._theme == "dark"
        application = self._application
        palette = palette_of(dark=dark)
        if application.property("pliant_dark") == dark and application.palette() == palette:
            return
        application.setProperty("pliant_dark", dark)
        application.setPalette(palette)
        resources = resource_dir()
        sheet = (resources / "theme.qss").read_text(encoding="utf-8")
        sheet = sheet.replace("@resources@", resources.as_posix())
        sheet = sheet.replace("@shade@", "dark" if dark else "light")
        application.setStyleSheet(sheet)  # again: its palette() colours are looked up when it is set
        refresh_icons()
