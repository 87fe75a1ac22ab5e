"""The icons: strokes in the palette's text colour, drawn beforehand for every size and screen in use.

A `QIconEngine` in Python would draw at any size, but Qt calls it from where a failing call ends the program.
"""

from functools import cache

from PySide6.QtCore import QByteArray, QObject, QRectF, Qt
from PySide6.QtGui import QAction, QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication

from engine import resource_dir

_SIZES = (16, 20, 24, 32)
_RATIOS = (1.0, 1.5, 2.0)
_PROGRAM_SIZES = (16, 24, 32, 48, 64, 128, 256)
_NAME = "pliant_icon"  # the property in which an action or button remembers its icon
_FADED = 0.38


def icon(name: str) -> QIcon:
    """The icon in the application's text colour, with a faded one for what is disabled."""
    colour = QGuiApplication.palette().color(QPalette.ColorGroup.Active, QPalette.ColorRole.ButtonText)
    return _icon(name, colour.name())


def set_icon(target: QAction | QAbstractButton, name: str) -> None:
    """Give an action or a button its icon, and a new one whenever the theme changes."""
    target.setProperty(_NAME, name)
    target.setIcon(icon(name))


def refresh_icons() -> None:
    """Set all icons that `set_icon` has given, in the colour of the palette as it is now."""
    for window in QApplication.topLevelWidgets():
        _refresh(window)
        for target in (*window.findChildren(QAction), *window.findChildren(QAbstractButton)):
            _refresh(target)


def program_icon() -> QIcon:
    """Pliant's own mark, in its own colours."""
    drawn = QIcon()
    for size in _PROGRAM_SIZES:
        drawn.addPixmap(pixmap("pliant", size))
    return drawn


def pixmap(name: str, size: int, ratio: float = 1.0, colour: QColor | None = None) -> QPixmap:
    """The icon drawn once: `size` device-independent pixels on a screen with `ratio` pixels each."""
    return _drawn(_renderer(name, colour), size, ratio)


def _renderer(name: str, colour: QColor | None) -> QSvgRenderer:
    spelled = "black" if colour is None else colour.name()
    renderer = QSvgRenderer(QByteArray(_source(name).replace(b"currentColor", spelled.encode())))
    assert renderer.isValid(), f"{name}.svg cannot be drawn"
    return renderer


def _drawn(renderer: QSvgRenderer, size: int, ratio: float) -> QPixmap:
    drawn = QPixmap(round(size * ratio), round(size * ratio))
    drawn.fill(Qt.GlobalColor.transparent)
    painter = QPainter(drawn)
    renderer.render(painter, QRectF(drawn.rect()))
    painter.end()
    drawn.setDevicePixelRatio(ratio)
    return drawn


def _refresh(target: QObject) -> None:
    name = target.property(_NAME)
    if name is not None and isinstance(target, (QAction, QAbstractButton)):
        target.setIcon(icon(name))


@cache
def _icon(name: str, colour: str) -> QIcon:
    drawn, renderer = QIcon(), _renderer(name, QColor(colour))
    for size in _SIZES:
        for ratio in _RATIOS:
            full = _drawn(renderer, size, ratio)
            drawn.addPixmap(full, QIcon.Mode.Normal)
            drawn.addPixmap(_faded(full), QIcon.Mode.Disabled)
    return drawn


def _faded(full: QPixmap) -> QPixmap:
    """A fainter copy; unlike Qt's own grey it stays readable on a dark ground."""
    out = QPixmap(full.size())
    out.setDevicePixelRatio(full.devicePixelRatio())
    out.fill(Qt.GlobalColor.transparent)
    painter = QPainter(out)
    painter.setOpacity(_FADED)
    painter.drawPixmap(0, 0, full)
    painter.end()
    return out


@cache
def _source(name: str) -> bytes:
    return (resource_dir() / "icons" / f"{name}.svg").read_bytes()
