"""Where the window's own data lies: icons and the style sheet."""

from functools import cache
from pathlib import Path

from engine import samples


@cache
def resource_dir() -> Path:
    """The folder of the data shipped with Pliant.

    Raises:
        EngineError: the installation lacks it.
    """
    return samples()[0].picture.parents[1]  # the engine's face has no name for it yet
