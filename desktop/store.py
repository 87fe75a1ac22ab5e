"""Where the window remembers its own state; what an edit depends on is not kept here."""

from PySide6.QtCore import QSettings

from engine import data_dir


def window_store() -> QSettings:
    """Geometry, recent files and choices of the window, in an INI file in Pliant's data folder."""
    return QSettings(str(data_dir() / "window.ini"), QSettings.Format.IniFormat)
