"""The application: builds engine and window, and keeps a failure inside it from taking the work along."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtWidgets import QApplication

from desktop.icons import program_icon
from desktop.theme import apply_theme
from desktop.window import MainWindow
from engine import Engine

_log = logging.getLogger(__name__)


def run(files: Sequence[str]) -> int:
    """Show the window on `files`, or on the start page; returns the exit status."""
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        sys.stderr.write(
            "There is no display to open a window on; “pliant edit --help” shows what works without.\n"
        )
        return 2
    application = QApplication(["pliant", *files])
    application.setApplicationName("pliant")
    application.setApplicationDisplayName("Pliant")
    sys.excepthook = _log_exception
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal closes the window
    apply_theme(application, "system")
    application.setWindowIcon(program_icon())
    window = MainWindow(Engine())
    if files:
        window.filing.open_path(Path(files[0]))
    window.show()
    return application.exec()


def _log_exception(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Qt goes on after an exception in a slot; the log says what happened."""
    _log.error("Unhandled exception", exc_info=(kind, error, traceback))
