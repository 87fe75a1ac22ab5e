"""Tensors worth keeping between runs of the program, in the user's data folder."""

import hashlib
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from engine.paths import data_dir
from engine.runtime.loaders import read_tensors

_log = logging.getLogger(__name__)


def cached(
    name: str, sources: Iterable[Path], make: Callable[[], Tensor], fits: Callable[[Tensor], bool]
) -> Tensor:
    """What `make` makes of the files below `sources`, on the CPU; made again only when one of them changes.

    A cache that cannot be read or written is as good as none.

    Args:
        name: of the cache's folder.
        sources: files or folders; a file counts as changed when its length or time does.
        fits: whether a tensor may be what `make` makes; one that does not fit is made again.
    """
    path = data_dir() / "cache" / name / f"{_fingerprint(sources)}.safetensors"
    with suppress(OSError, SafetensorError, KeyError):
        kept = read_tensors(path)[name]
        if fits(kept):
            return kept
    tensor = make().detach().cpu().contiguous()
    try:
        _keep(name, tensor, path)
    except (OSError, SafetensorError) as error:
        _log.warning("The cache %s cannot be written: %s", path, error)
    return tensor


def _keep(name: str, tensor: Tensor, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob("*.part"):  # of a process that was killed
        left.unlink(missing_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.part")
    try:
        save_file({name: tensor}, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _fingerprint(sources: Iterable[Path]) -> str:
    files = [
        file
        for source in sources
        for file in (sorted(source.rglob("*")) if source.is_dir() else [source])
        if file.is_file()
    ]
    facts = [f"{file} {(state := file.stat()).st_size} {state.st_mtime_ns}" for file in files]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]
