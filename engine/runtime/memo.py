"""Memo: work done for one picture (an inversion, a LoRA), found again by content, in memory and on disk."""

import dataclasses
import hashlib
import logging
import os
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from engine.packs import ModelPack
from engine.paths import data_dir

_FORMAT = 2  # raised when what is kept under the same key comes to mean something else
_MEMORY, _DISK = 256 << 20, 1 << 30  # bytes
_ABANDONED = 3600  # seconds after which an unfinished file is that of a process that was killed
_CHECKSUM = "crc32"
_SOON_MADE, _CHEAP = ("reference",), "-cheap"  # works that cost little, and the mark by which they go first

_log = logging.getLogger(__name__)

Tensors = dict[str, Tensor]


class Memo:
    """Keeps the latest works; of those beyond a budget the cheap, then the least recently used go first.

    Args:
        identity: of the networks that the works are made with.
        folder: where files lie; None for the user's.
        memory, disk: bytes that may be kept in each.
    """

    def __init__(
        self, identity: str, folder: Path | None = None, memory: int = _MEMORY, disk: int = _DISK
    ) -> None:
        self._identity = identity
        self._folder = data_dir() / "cache" / "edits" if folder is None else folder
        self._memory, self._disk = memory, disk
        self._works: dict[str, Tensors] = {}  # the latest last

    def get(self, kind: str, key: object, make: Callable[[], Mapping[str, Tensor]]) -> Tensors:
        """What `make` makes, made anew only when it is not kept; whatever it raises keeps nothing.

        Args:
            kind: what it is: "lora".
            key: all that the work depends on besides the pack: numbers, words, arrays, tensors, settings, and
                tuples, lists and mappings of them.
            make: gives tensors by name, on any device, all of their own memory or not.

        Returns:
            Copies on the CPU, without gradients, which are the caller's to change; the same the first time as
            later.

        Raises:
            TypeError: the key holds something else.
        """
        return self.find(kind, key) or self.keep(kind, key, make())

    def find(self, kind: str, key: object) -> Tensors | None:
        """As `get`, of a work that may not be kept."""
        name = self._name(kind, key)
        work = self._works.pop(name, None)
        if work is None:
            work = self._read(name)
        else:
            with suppress(OSError):  # not to be the first to go from the disk
                os.utime(self._path(name))
        if work is None:
            return None
        self._remember(name, work)
        return _copies(work)

    def keep(self, kind: str, key: object, made: Mapping[str, Tensor]) -> Tensors:
        """As `get`, of a work that has just been made."""
        name, work = self._name(kind, key), _copies(made)
        self._write(name, work)
        self._remember(name, work)
        return _copies(work)

    def drop(self, kind: str, key: object) -> None:
        """Forget a work, if it is kept."""
        name = self._name(kind, key)
        self._works.pop(name, None)
        with suppress(OSError):
            self._path(name).unlink(missing_ok=True)

    def _remember(self, name: str, work: Tensors) -> None:
        if _size(work) > self._memory:
            return
        self._works[name] = work
        while sum(map(_size, self._works.values())) > self._memory:
            del self._works[next(iter(self._works))]

    def _name(self, kind: str, key: object) -> str:
        digest = hashlib.sha256()
        _feed(digest, (_FORMAT, self._identity, kind, key))
        return f"{digest.hexdigest()}{_CHEAP if kind in _SOON_MADE else ''}"

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"

    def _read(self, name: str) -> Tensors | None:
        """A kept work, which is the most recently used now; a damaged one is removed."""
        path = self._path(name)
        try:
            with safe_open(path, framework="pt") as file:
                # Copied, as a file that is mapped cannot be removed everywhere.
                work = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 - no dictionary
                kept = file.metadata() or {}
            if kept.get(_CHECKSUM) == _checksum(work):
                os.utime(path)
                return work
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError) as error:
            _log.info("%s cannot be read and is made anew: %s", path, error)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        return None

    def _write(self, name: str, work: Tensors) -> None:
        if _size(work) > self._disk:
            return
        path = self._path(name)
        unfinished = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            save_file(work, unfinished, {_CHECKSUM: _checksum(work)})
            unfinished.replace(path)
            self._clear(path)
        except (OSError, SafetensorError) as error:
            _log.warning("%s cannot be written: %s", path, error)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _clear(self, latest: Path) -> None:
        """Remove what is beyond the budget, but for the latest, and what killed processes left."""
        for left in self._folder.glob("*.part"):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                _remove(left)
        kept = [(path.stat(), path) for path in self._folder.glob("*.safetensors") if path != latest]
        room = self._disk - latest.stat().st_size
        kept.sort(key=lambda entry: (not entry[1].stem.endswith(_CHEAP), entry[0].st_mtime_ns), reverse=True)
        for state, path in kept:
            room -= state.st_size
            if room < 0:
                _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # another process may be reading it
        path.unlink(missing_ok=True)


def pack_identity(pack: ModelPack | None, precision: str) -> str:
    """Tells packs apart by what they hold, and the precision that their networks run in.

    A file whose manifest states no hash counts as changed when its place, length or time does.
    """
    parts = [precision]
    for role, component in sorted(pack.components.items()) if pack is not None else ():
        listed = {file.path: file.sha256 for file in component.files}
        found = component.path.rglob("*") if component.path.is_dir() else (component.path,)
        for path in sorted({*listed, *(file for file in found if file.is_file())}):
            parts.append(f"{role} {component.kind} {listed.get(path) or _state(path)}")
    return "\n".join(parts)


def _state(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:  # whoever loads it will say so
        return f"{path} is missing"
    return f"{path} {state.st_size} {state.st_mtime_ns}"


def _copies(tensors: Mapping[str, Tensor]) -> Tensors:
    """Plain tensors, each of its own memory, even of those made in inference mode."""
    with torch.inference_mode(False):
        return {
            name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for name, tensor in tensors.items()
        }


def _size(work: Tensors) -> int:
    return sum(tensor.nbytes for tensor in work.values())


def _checksum(work: Tensors) -> str:
    """Tells a file whose end a power cut has left empty; safetensors checks but its header."""
    value = 0
    for name, tensor in sorted(work.items()):
        value = zlib.crc32(
            tensor.reshape(-1).view(torch.uint8).numpy().data, zlib.crc32(name.encode(), value)
        )
    return f"{value:08x}"


def _feed(digest: Any, value: object) -> None:  # noqa: ANN401 - hashlib names no type
    """Hash a value with its type and length, so that no two values look alike."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().contiguous()
        _feed(digest, ("tensor", str(value.dtype), tuple(value.shape)))
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    elif isinstance(value, np.ndarray):
        array = np.ascontiguousarray(cast("np.ndarray[Any, np.dtype[Any]]", value))
        _feed(digest, ("array", array.dtype.str, array.shape))
        digest.update(array.reshape(-1).view(np.uint8).data)
    elif isinstance(value, np.generic):
        _feed(digest, cast("np.generic[Any]", value).item())
    elif isinstance(value, bytes):
        digest.update(b"bytes %d:" % len(value) + value)
    elif isinstance(value, (str, bool, int, float)) or value is None:
        text = f"{type(value).__name__} {value!r}".encode()
        digest.update(b"%d:" % len(text) + text)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        _feed(digest, (type(value).__name__, fields))
    elif isinstance(value, Mapping):
        _feed(digest, tuple(sorted(cast("Mapping[str, object]", value).items())))
    elif isinstance(value, (tuple, list)):
        parts = cast("tuple[object, ...]", value)
        digest.update(b"parts %d:" % len(parts))
        for part in parts:
            _feed(digest, part)
    else:
        raise TypeError(f"a key of a memo cannot hold a {type(value).__name__}")
