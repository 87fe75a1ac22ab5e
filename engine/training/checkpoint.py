"""What a run keeps on disk: averaged weights to go on from, and the full state to go on exactly from.

    OUT/checkpoint/weights/   averaged weights, and in facts.json what they are
    OUT/checkpoint/state/     weights as they are, optimizers and generators

A checkpoint replaces the one before as a whole: whenever the power fails, one of the two is there.
"""

import json
import os
import shutil
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.errors import InvalidRequest
from engine.training.exports import exported_seed, is_export, read_exports
from engine.training.shards import read_tensors, write_tensors

_FOLDER, _WEIGHTS, _STATE, _FACTS = "checkpoint", "weights", "state", "facts.json"
_WORDS = 160  # letters of a library's reason; torch lists every weight
_FAILURES = (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is to be known of weights beside the weights.

    Args:
        stage: its name in the table of stages.
        began: the step that the run began with, exactly resumed ones counted as one; 0 for random weights.
        seed: of the run that they come from.
        warm: whether the run began with weights that were trained before.
        settings: the values of its settings, by name.
    """

    stage: str
    step: int
    began: int
    seed: int
    warm: bool = False
    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class State:
    """All that changes while training; `save` reads it and `restore` fills it in.

    Args:
        networks: trained modules and critics, by name.
        averaged: the averaged copies, by name.
        optimizers: by name; AdamW's, or others whose state is tensors alone.
    """

    networks: Mapping[str, nn.Module]
    averaged: Mapping[str, nn.Module]
    optimizers: Mapping[str, Optimizer]


def save(
    out: Path,
    facts: Facts,
    state: State,
    chances: Sequence[Mapping[str, Tensor]],
    accompany: Callable[[Path], None] = lambda folder: None,
) -> None:
    """Replace the checkpoint in `out`.

    Args:
        chances: the states of each process's generators, uint8, by name.
        accompany: writes into the folder of the averaged weights what else belongs to them.

    Raises:
        OSError, SafetensorError: it cannot be written; the one before is still there.
    """
    unfinished, current, former = (out / f"{_FOLDER}{end}" for end in (".part", "", ".former"))
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in (_WEIGHTS, _STATE):
        (unfinished / part).mkdir(parents=True)
    _write(unfinished, facts, state, chances)
    accompany(unfinished / _WEIGHTS)
    if current.exists():
        shutil.rmtree(former, ignore_errors=True)
        os.replace(current, former)  # noqa: PTH105 - pathlib's says nothing more
    os.replace(unfinished, current)  # noqa: PTH105
    shutil.rmtree(former, ignore_errors=True)


def find(folder: Path) -> Path | None:
    """The checkpoint in the folder of a run, or None."""
    places = (folder / f"{_FOLDER}{end}" for end in ("", ".former"))
    return next((place for place in places if (place / _WEIGHTS / _FACTS).is_file()), None)


def read_facts(folder: Path, stage: str) -> Facts:
    """What a checkpoint, or a folder of weights alone, says of its weights.

    Raises:
        InvalidRequest: there are no weights, or those of another stage.
    """
    if not (weights_in(folder) / _FACTS).exists() and is_export(folder):
        return Facts(stage=stage, step=0, began=0, seed=exported_seed(folder), settings={})
    try:
        values = json.loads((weights_in(folder) / _FACTS).read_text(encoding="utf-8"))
        facts = Facts(**values)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidRequest(
            f"{folder} holds no weights that a training wrote; name the folder that was given as --out."
        ) from error
    if facts.stage != stage:
        raise InvalidRequest(f"{folder} holds weights of the stage {facts.stage}, not of {stage}.")
    return facts


def weights_in(folder: Path) -> Path:
    """Where averaged weights lie: `folder` itself, or below it where it is that of a run."""
    run = find(folder)
    return folder if run is None else run / _WEIGHTS


def restore_weights(folder: Path, networks: Mapping[str, nn.Module]) -> None:
    """Put the averaged weights of `folder`, or what was exported into it, into networks of the same names.

    Raises:
        InvalidRequest: they are missing or damaged, or the networks are of another shape.
    """
    try:
        if (weights_in(folder) / _FACTS).exists():
            weights = {name: read_tensors(weights_in(folder), name) for name in networks}
        else:
            weights = read_exports(folder, networks)
        for name, network in networks.items():
            network.load_state_dict(weights[name])
    except _FAILURES as error:
        raise _unfit(folder, error) from error


def restore(folder: Path, state: State, process: int) -> dict[str, Tensor]:
    """Put everything back as it was saved.

    Returns:
        the states of the generators of this process, by name.

    Raises:
        InvalidRequest: there is no whole checkpoint, or it is of other networks, or of fewer processes.
    """
    place = find(folder)
    if place is None:
        raise InvalidRequest(f"{folder} holds no checkpoint; name the folder that was given as --out.")
    try:
        restore_weights(folder, state.averaged)
        for name, network in state.networks.items():
            network.load_state_dict(read_tensors(place / _STATE, name))
        for name, optimizer in state.optimizers.items():
            moments = _unflattened(read_tensors(place / _STATE, f"optimizer-{name}"))
            # The groups stay as they are: settings may have been changed since.
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": moments, "param_groups": groups})
        return read_tensors(place / _STATE, f"chance-{process}")
    except _FAILURES as error:
        raise _unfit(folder, error) from error


def _unfit(folder: Path, error: Exception) -> InvalidRequest:
    first = (str(error).strip() or type(error).__name__).splitlines()[-1].strip().rstrip(".")
    first = textwrap.shorten(first, _WORDS, placeholder="…")
    return InvalidRequest(
        f"What {folder} holds does not fit ({first}); train with the settings it was trained with."
    )


def _write(folder: Path, facts: Facts, state: State, chances: Sequence[Mapping[str, Tensor]]) -> None:
    for name, network in state.averaged.items():
        write_tensors(folder / _WEIGHTS, name, network.state_dict())
    for name, network in state.networks.items():
        write_tensors(folder / _STATE, name, network.state_dict())
    for name, optimizer in state.optimizers.items():
        write_tensors(folder / _STATE, f"optimizer-{name}", _flattened(optimizer.state_dict()["state"]))
    for process, chance in enumerate(chances):
        write_tensors(folder / _STATE, f"chance-{process}", chance)
    known = json.dumps(vars(facts), indent=1)
    (folder / _WEIGHTS / _FACTS).write_text(known, encoding="utf-8")


def _flattened(state: Mapping[int, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    # In order: a resumed run, whose state comes in another one, writes the same files.
    return {f"{index}.{key}": value for index, own in sorted(state.items()) for key, value in own.items()}


def _unflattened(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    return state
