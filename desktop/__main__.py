"""The door of the program: pictures → window; a command → the engine's command line."""

import sys
from collections.abc import Sequence

from engine import cli


def main(arguments: Sequence[str] | None = None) -> int:
    """`pliant [FILE…]` or `pliant COMMAND …`; returns the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given and (given[0] in cli.COMMANDS or given[0].startswith("-")):
        return cli.main(given, more={"speed": _measure_window})
    from desktop import app  # noqa: PLC0415 - commands run where there is no Qt

    return app.run(given)


def _measure_window() -> list[cli.Row]:
    from desktop import bench  # noqa: PLC0415 - measuring the engine needs no Qt

    return bench.run()


if __name__ == "__main__":
    sys.exit(main())
