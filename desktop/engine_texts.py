"""What the user is told when the engine process fails: the cause, and what became of it."""

import logging
from pathlib import Path

import cv2
from PySide6.QtCore import QCoreApplication

from desktop.engine_process import Command
from engine import EngineError, channel, data_dir

_log = logging.getLogger(__name__)

UNSENT = EngineError, MemoryError, cv2.error, OSError, ValueError, TypeError, KeyError
_KILLED = -9  # as subprocess tells SIGKILL


def ended(status: int) -> str:
    """For an exit status as `subprocess` gives it."""
    if status == _KILLED:
        return QCoreApplication.translate(
            "EngineWorker",
            "The system ended the engine, probably because memory ran out; it was restarted. "
            "Your document is untouched. Try a smaller part, or close other programs.",
        )
    if status == channel.BROKEN_DEVICE:
        return QCoreApplication.translate(
            "EngineWorker",
            "The graphics device reported a fault, so the engine was restarted. "
            "Your document is untouched; run the edit again.",
        )
    told = QCoreApplication.translate(
        "EngineWorker",
        "The engine crashed (status {status}) and was restarted. "
        "Your document is untouched; run the edit again.",
    )
    return told.format(status=status)


def silent(seconds: float) -> str:
    told = QCoreApplication.translate(
        "EngineWorker",
        "The engine gave no sign for {seconds} s, so it was restarted. "
        "Your document is untouched; run the edit again.",
    )
    return told.format(seconds=f"{seconds:g}")


def unstopped(seconds: float) -> str:
    told = QCoreApplication.translate(
        "EngineWorker",
        "The edit did not stop within {seconds} s, so the engine was restarted. Your document is untouched.",
    )
    return told.format(seconds=f"{seconds:g}")


def restarted() -> str:
    return QCoreApplication.translate("EngineWorker", "The engine was restarted; run the edit again.")


def garbled() -> str:
    return QCoreApplication.translate(
        "EngineWorker", "The engine's answer made no sense, so it was restarted; run the edit again."
    )


def stuck(seconds: float) -> str:
    told = QCoreApplication.translate(
        "EngineWorker",
        "The edit has made no progress for {seconds} s. Wait, or cancel it; your document is untouched.",
    )
    return told.format(seconds=round(seconds))


def waiting(seconds: float) -> str:
    told = QCoreApplication.translate(
        "EngineWorker",
        "The edit has waited for more than {seconds} s, as the engine is still at the job before. "
        "Wait, or restart the engine; your document is untouched.",
    )
    return told.format(seconds=f"{seconds:g}")


def waiting_for_rest() -> str:
    return QCoreApplication.translate(
        "EngineWorker",
        "The edit waits until what there is of the stopped one is finished. "
        "Wait, or press Discard; your document is untouched.",
    )


def unsent(error: Exception) -> str:
    """For what keeps a job from being handed over: one of `UNSENT`."""
    if isinstance(error, EngineError):
        return str(error)
    if isinstance(error, (MemoryError, cv2.error)):
        return no_memory()
    _log.error("An edit could not be prepared", exc_info=error)
    told = QCoreApplication.translate(
        "EngineWorker", "The edit could not be prepared; what went wrong is written in {folder}. Try again."
    )
    return told.format(folder=data_dir() / "logs")


def unstartable(command: Command) -> str:
    told = QCoreApplication.translate(
        "EngineWorker",
        "The engine cannot be started with {program}. Install Pliant again or choose another runtime; "
        "what went wrong is written in {folder}.",
    )
    return told.format(program=command.words[0], folder=data_dir() / "logs")


def no_runtime(folder: Path) -> str:
    told = QCoreApplication.translate(
        "EngineWorker", "There is no Python in {folder}; choose the folder of a runtime."
    )
    return told.format(folder=folder)


def no_torch(folder: Path) -> str:
    told = QCoreApplication.translate(
        "EngineWorker",
        "The Python in {folder} has no torch, which every method of the engine needs; "
        "install torch there, or choose another folder.",
    )
    return told.format(folder=folder)


def other_version(command: Command) -> str:
    told = QCoreApplication.translate(
        "EngineWorker",
        "The runtime {program} belongs to another version of Pliant; update it, or choose another.",
    )
    return told.format(program=command.words[0])


def queue_full(count: int) -> str:
    told = QCoreApplication.translate(
        "EngineWorker", "{count} edits are waiting already; let one finish, or cancel one."
    )
    return told.format(count=count)


def no_memory() -> str:
    return QCoreApplication.translate(
        "EngineWorker", "Memory does not suffice to hand the picture to the engine; close other programs."
    )
