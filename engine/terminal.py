"""The terminal around the command line: its streams, its progress line, its Ctrl+C."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TextIO

from engine.errors import EngineError
from engine.progress import Step


def fill_closed_streams() -> None:
    """Where a stream is closed, what goes there vanishes; no picture's file may get its number either."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - it stays until the end


def out(text: str) -> None:
    """Print an answer, at once.

    Raises:
        BrokenPipeError: whoever read it has gone.
        EngineError: it cannot be written.
    """
    try:
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError:  # a name that this console cannot write
            sys.stdout.write(text.encode("ascii", "backslashreplace").decode())
        sys.stdout.flush()
    except OSError as error:
        _mute(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise
        reason = error.strerror or error
        raise EngineError(f"The work is done, but its answer could not be printed ({reason}).") from error


def say(sentence: str) -> None:
    """One line on stderr, even where a name in it has several; where nobody can hear it, none."""
    try:
        sys.stderr.write(" ".join(sentence.split()) + "\n")
        sys.stderr.flush()
    except OSError:
        _mute(sys.stderr)


def _mute(stream: TextIO) -> None:
    """What Python flushes at the end would fail again, and change the exit status."""
    with suppress(OSError):  # a stream that stands for no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


@contextmanager
def progress_line() -> Generator[Callable[[Step], None]]:
    """Yields what shows a step, on a terminal only; a line begun is ended, however the work ends."""
    begun = False

    def show(step: Step) -> None:
        nonlocal begun
        begun = step.done < step.total
        sys.stderr.write(f"\r{step.phase} {step.done}/{step.total}" + ("" if begun else "\n"))
        sys.stderr.flush()

    try:
        yield show if sys.stderr.isatty() else lambda step: None
    finally:
        if begun:
            say("")


@contextmanager
def interruptible() -> Generator[threading.Event]:
    """The first Ctrl+C asks the work to stop; the second stops the program, and no third disturbs that."""
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if interrupted.is_set():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise KeyboardInterrupt
        interrupted.set()

    if threading.current_thread() is not threading.main_thread():  # signals reach the main thread alone
        yield interrupted
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
