"""Tensors in a folder of safetensors files, none larger than what may be carried about."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

MOST_BYTES = 15 * 2**20  # of a file
_HEADER, _ENTRY = 64, 160  # bytes of a file's header: at least, and for each tensor beside its name
_PART = "#"  # parts its name from the number of a slice; no module has it in a name

Piece = tuple[str, Tensor]


def write_tensors(folder: Path, name: str, tensors: Mapping[str, Tensor], most: int = MOST_BYTES) -> None:
    """Write `tensors` as `name`-00000.safetensors and so on, and `name`.json, which lists the files.

    A tensor that is too large for one file is sliced along its first dimension.

    Raises:
        OSError: a file cannot be written.
    """
    files: list[str] = []
    for number, pieces in enumerate(_packed(tensors, most)):
        files.append(f"{name}-{number:05}.safetensors")
        save_file(pieces, folder / files[-1])
    (folder / f"{name}.json").write_text(json.dumps({"files": files}), encoding="utf-8")


def read_tensors(folder: Path, name: str) -> dict[str, Tensor]:
    """What `write_tensors` wrote, on the CPU.

    Raises:
        OSError, SafetensorError, ValueError, KeyError: a file is missing or damaged.
    """
    files = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["files"]
    whole: dict[str, Tensor] = {}
    slices: dict[str, list[Tensor]] = {}
    for file in files:
        with safe_open(folder / file, framework="pt") as opened:
            for key in opened.keys():  # noqa: SIM118 - it is no dictionary
                base, part, _ = key.partition(_PART)
                if part:
                    slices.setdefault(base, []).append(opened.get_tensor(key))
                else:
                    whole[key] = opened.get_tensor(key)
    return whole | {key: torch.cat(parts) for key, parts in slices.items()}


def _packed(tensors: Mapping[str, Tensor], most: int) -> Iterator[dict[str, Tensor]]:
    pieces: dict[str, Tensor] = {}
    room = most - _HEADER
    for key, piece in _sliced(tensors.items(), most):
        size = _size(key, piece)
        if pieces and size > room:
            yield pieces
            pieces, room = {}, most - _HEADER
        pieces[key] = piece
        room -= size
    if pieces:
        yield pieces


def _sliced(tensors: Iterable[Piece], most: int) -> Iterator[Piece]:
    for key, given in tensors:
        tensor = given.detach().cpu().contiguous().clone()  # two names of one storage would be refused
        size, room = _size(key, tensor), most - _HEADER
        if size <= room:
            yield key, tensor
            continue
        rows = max(1, tensor.shape[0] * (room - _ENTRY - len(key)) // tensor.nbytes)
        for number, rest in enumerate(tensor.split(rows)):
            yield f"{key}{_PART}{number:05}", rest.contiguous().clone()


def _size(key: str, tensor: Tensor) -> int:
    return tensor.nbytes + len(key.encode()) + _ENTRY
