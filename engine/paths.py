"""Where Pliant's own data lies and where the user's data goes: source tree, installed or frozen."""

import os
import sys
from pathlib import Path

from platformdirs import user_data_path

from engine.errors import EngineError


def resource_dir() -> Path:
    """The folder of the data shipped with Pliant (packs, samples, icons).

    Raises:
        EngineError: the installation lacks the folder.
    """
    frozen: str | None = getattr(sys, "_MEIPASS", None)  # set by PyInstaller
    here = Path(__file__).resolve().parent
    for folder in (
        *((Path(frozen) / "resources",) if frozen else ()),
        here.parent / "resources",  # source tree
        # Installed wheel: the packages lie in its prefix or, as the scheme has it, up to three folders below.
        *(folder / "share" / "pliant" / "resources" for folder in here.parents[:4]),
    ):
        if folder.is_dir():
            return folder
    raise EngineError("Pliant's resources folder is missing. Please install Pliant again.")


def data_dir() -> Path:
    """The user's folder for packs and caches; `PLIANT_HOME` overrides it. It may not exist yet."""
    home = os.environ.get("PLIANT_HOME")
    return Path(home) if home else user_data_path("pliant", appauthor=False)
