"""What is said of weights that are not installed and could be got."""

import html
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from PySide6.QtCore import QCoreApplication, QUrl

from engine import GENERATE, Engine, ModelPack

translate = QCoreApplication.translate


def told_better(engine: Engine, method: str) -> str:
    """A sentence, in rich text, on the weights that would do better than all installed; empty for none."""
    pack = engine.better_pack(method)
    if pack is None:
        return ""
    told = translate(
        "Weights",
        "Better weights exist: get {pack} ({licence}), for {size} × {size} pixels, from {place} into "
        "{folder} and restart the engine.",
    )
    return told.format(**_texts(pack), size=pack.working_size)


def told_missing(engine: Engine) -> str:
    """A sentence, in rich text, on what has to be got before a picture can be generated."""
    pack = engine.better_pack(GENERATE)
    if pack is None:
        return translate(
            "Weights", "No pack is installed that paints pictures from words; get a whole Stable Diffusion."
        )
    told = translate(
        "Weights",
        "No pack is installed that paints pictures from words; get {pack} ({licence}) from {place} "
        "into {folder} and restart the engine.",
    )
    return told.format(**_texts(pack))


def _texts(pack: ModelPack) -> dict[str, str]:
    home = pack.home_url or next(url for url in _urls(pack))
    return {
        "pack": html.escape(pack.title),
        "licence": html.escape(pack.licence),
        "place": f'<a href="{html.escape(home)}">{html.escape(urlsplit(home).netloc)}</a>',
        "folder": _linked(pack.folder / pack.name),
    }


def _linked(folder: Path) -> str:
    """The end of a path too long for a panel; a click opens it, or the nearest above that is there."""
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    words = html.escape(str(Path("…", *folder.parts[-2:])))
    return f'<a href="{html.escape(QUrl.fromLocalFile(str(there)).toString())}">{words}</a>'


def _urls(pack: ModelPack) -> Iterator[str]:
    """Where its files are; a pack that could be got has at least one."""
    return (file.url for part in pack.components.values() for file in part.files if file.url is not None)
