"""The door of the program: pictures → window; a command → the engine's command line.

What lies behind it is imported there, so that it is here, from the first moment on, that Ctrl+C arrives.
"""

import os
import signal
import sys
from collections.abc import Sequence

TYPE_CHECKING = False  # as typing names it, which takes long to load
if TYPE_CHECKING:
    from engine.cli import Row


def main(arguments: Sequence[str] | None = None) -> int:
    """`pliant [FILE…]` or `pliant COMMAND …`; returns the exit status.

    Args:
        arguments: None where this is the whole program; it minds Ctrl+C then.
    """
    if arguments is not None:
        return _enter(list(arguments))
    # No exception: half-done imports turn it into others, and Python's eval ends the program for one caught.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    status = _enter(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is done, and only clears up
    return status


def _enter(given: list[str]) -> int:
    from engine import cli  # noqa: PLC0415 - loading takes long enough for a Ctrl+C

    cli.fill_closed_streams()
    if given and (given[0] in cli.COMMANDS or given[0].startswith("-")):
        return cli.main(given, more={"speed": _measure_window})
    from desktop import app  # noqa: PLC0415 - commands run where there is no Qt

    return app.run(given)


def _measure_window() -> "list[Row]":
    from desktop import bench  # noqa: PLC0415 - measuring the engine needs no Qt

    return bench.run()


if __name__ == "__main__":
    sys.exit(main())
