"""The application: builds engine and window, and keeps a failure inside it from taking the work along."""

import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QProcess, QTimer
from PySide6.QtWidgets import QApplication

from desktop.collector import Collector
from desktop.icons import program_icon
from desktop.store import window_store
from desktop.theme import apply_theme
from desktop.theme_menu import remembered_theme
from desktop.translations import install_translations
from desktop.window import MainWindow
from engine import Engine, EngineError

_AFTER_PAINT_MS = 300  # the window first: another process takes time from it
_MOST = 20  # windows that one call opens

_log = logging.getLogger(__name__)


def run(files: Sequence[str]) -> int:
    """Show a window on each of `files`, or one on the start page; returns the exit status."""
    if sys.platform == "linux" and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        sys.stderr.write(
            "There is no display to open a window on; “pliant edit --help” shows what works without.\n"
        )
        return 2
    if len(files) > _MOST:
        sys.stderr.write(f"Each picture gets a window of its own; open at most {_MOST} at a time.\n")
        return 2
    application = QApplication(["pliant", *files])
    application.setApplicationName("pliant")
    application.setApplicationDisplayName("Pliant")
    collector = Collector(application)
    sys.excepthook = _log_exception
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl+C in the terminal closes the window
    try:
        install_translations(application)
        apply_theme(application, remembered_theme(window_store()))
        application.setWindowIcon(program_icon())
        window = MainWindow(Engine())
        window.filing.opened.connect(collector.collect_all)
    except EngineError as error:  # the installation lacks something
        sys.stderr.write(f"{error}\n")
        return 3
    if files:
        window.filing.open_path(Path(files[0]))
        open_apart(files[1:])
    window.show()
    QTimer.singleShot(_AFTER_PAINT_MS, window.start_engine)
    return application.exec()


def open_apart(files: Sequence[str]) -> None:
    """Start the program anew for each file, as a window holds one document."""
    module = [] if getattr(sys, "frozen", False) else ["-m", "desktop"]
    home = str(Path(__file__).resolve().parents[1])  # where Python shall find the module, and nothing else
    for file in files:
        path = str(Path(file).absolute())  # never mistaken for a command
        started, _ = QProcess.startDetached(sys.executable, [*module, path], "" if not module else home)
        if not started:
            sys.stderr.write(f"No window could be opened for {file}; open it from this one.\n")


def _log_exception(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Qt goes on after an exception in a slot; the log says what happened."""
    _log.error("Unhandled exception", exc_info=(kind, error, traceback))
