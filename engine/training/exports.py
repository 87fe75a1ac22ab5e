"""Going on from what a run has exported, or from the parts of a pack: weights alone, rounded to float16."""

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from safetensors import safe_open
from torch import Tensor

_WEIGHTS = "*.safetensors"


def is_export(folder: Path) -> bool:
    """Whether there are weights in the folder, or in folders in it."""
    return bool(_everything(folder))


def exported_seed(folder: Path) -> int:
    """A seed, 0 to 2³⁰ − 1, that other weights have another of: whoever goes on sees other samples."""
    whole = 0
    for path in _everything(folder):
        whole = zlib.crc32(path.read_bytes(), whole)
    return whole >> 2


def read_exports(folder: Path, names: Iterable[str]) -> Mapping[str, dict[str, Tensor]]:
    """The weights of the networks of these names, each in a folder of its name; a single one's in `folder`.

    Raises:
        OSError, SafetensorError, KeyError: they are missing or damaged.
    """
    names = tuple(names)
    found = dict(zip(names, _files(folder, names), strict=True))
    return {
        name: {key: value for path in files for key, value in _read(path).items()}
        for name, files in found.items()
    }


def _everything(folder: Path) -> list[Path]:
    return sorted([*folder.glob(_WEIGHTS), *folder.glob(f"*/{_WEIGHTS}")])


def _files(folder: Path, names: tuple[str, ...]) -> list[list[Path]]:
    """The files of each network."""
    parts = [sorted((folder / name).glob(_WEIGHTS)) for name in names]
    if len(names) == 1 and not parts[0]:
        parts = [sorted(folder.glob(_WEIGHTS))]
    for name, part in zip(names, parts, strict=True):
        if not part:
            raise FileNotFoundError(f"there are no weights of {name} in it")
    return parts


def _read(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 - it is no dictionary
