import re
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QToolButton

from desktop.icons import set_icon
from desktop.theme import apply_theme, is_dark, palette_of, surround


@pytest.fixture(autouse=True)
def untouched(qapp):
    palette = qapp.palette()
    yield
    qapp.setProperty("pliant_dark", None)
    qapp.setStyleSheet("")
    qapp.setPalette(palette)


def contrast(one, other):
    """WCAG 2's ratio of two colours."""

    def luminance(colour):
        parts = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
            for part in colour.getRgbF()[:3]
        ]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("WindowText", "Window"),
        ("Text", "Base"),
        ("Text", "AlternateBase"),
        ("ButtonText", "Button"),
        ("HighlightedText", "Highlight"),
        ("ToolTipText", "ToolTipBase"),
        ("PlaceholderText", "Base"),
        ("Link", "Window"),
    ],
)
def test_texts_can_be_read(dark, text, ground):
    palette, role = palette_of(dark=dark), QPalette.ColorRole
    assert contrast(palette.color(role[text]), palette.color(role[ground])) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_the_surround_of_the_picture_has_no_tint(dark):
    grey = surround(palette_of(dark=dark))
    assert grey.red() == grey.green() == grey.blue()
    assert (grey.lightness() < 100) == dark


def test_a_theme_changes_palette_style_sheet_and_icons(qapp, qtbot):
    button = QToolButton()
    qtbot.addWidget(button)
    apply_theme(qapp, "light")
    set_icon(button, "undo")
    before = button.icon().cacheKey()
    assert not is_dark(qapp.palette())
    apply_theme(qapp, "dark")
    assert is_dark(qapp.palette()) and "QToolTip" in qapp.styleSheet()
    assert is_dark(button.palette())
    assert button.icon().cacheKey() != before


class Hints:
    """A system whose scheme changes when the test says so."""

    def __init__(self):
        self.scheme = Qt.ColorScheme.Light

    def colorScheme(self):  # noqa: N802
        return self.scheme

    def setColorScheme(self, scheme):  # noqa: N802
        pass


def test_system_follows_the_system_and_the_others_do_not(qapp):
    apply_theme(qapp, "system")
    follower = next(child for child in qapp.children() if type(child).__name__ == "_Follower")
    real, follower._hints = follower._hints, Hints()
    try:
        follower._hints.scheme = Qt.ColorScheme.Dark
        real.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        assert is_dark(qapp.palette())
        apply_theme(qapp, "light")
        real.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        assert not is_dark(qapp.palette())
    finally:
        follower._hints = real


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_style_sheet_names_files_that_are_there(qapp, theme):
    apply_theme(qapp, theme)
    named = re.findall(r'url\("([^"]+)"\)', qapp.styleSheet())
    assert named and all(Path(name).is_file() for name in named)


def test_one_follower_serves_all_calls(qapp):
    for theme in ("dark", "light", "system", "dark"):
        apply_theme(qapp, theme)
    assert sum(type(child).__name__ == "_Follower" for child in qapp.children()) == 1
