"""A network of our own as a folder: `config.json` and one safetensors file, in the layout of diffusers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

CONFIG = "config.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"

N = TypeVar("N", bound=nn.Module)


def save_network(
    network: nn.Module, config: Mapping[str, object], folder: Path, dtype: torch.dtype = torch.float16
) -> None:
    """Write a network into a folder, which is made if need be.

    Args:
        config: what its class takes as keywords.
        dtype: of the weights on disk.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    named = {"_class_name": type(network).__name__, **config}
    (folder / CONFIG).write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")
    weights = {
        key: tensor.detach().to("cpu", dtype).contiguous() for key, tensor in network.state_dict().items()
    }
    save_file(weights, folder / WEIGHTS)


def load_network(kind: type[N], folder: Path) -> N:
    """A network of this kind from a folder; on the CPU, in float32.

    Raises:
        OSError, SafetensorError: a file cannot be read.
        ValueError, TypeError: the folder holds another network, or a weight is missing, unknown or misshapen.
    """
    config: dict[str, Any] = json.loads((folder / CONFIG).read_bytes())
    if (name := config.pop("_class_name", None)) != kind.__name__:
        raise ValueError(f"{CONFIG} is of a {name}, not of a {kind.__name__}")
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        weights: dict[str, Tensor] = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no dictionary
    with torch.device("meta"):  # nothing is initialised only to be thrown away
        network = kind(**config)
    take_weights(network, weights)
    return network.eval()


def take_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Let a network, which may be made on the meta device, have these weights as float32.

    Raises:
        ValueError: one is missing, unknown or misshapen.
    """
    expected = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: tuple(tensor.shape) for key, tensor in weights.items()}
    for key in sorted(expected.keys() | found.keys()):
        if expected.get(key) != found.get(key):
            raise ValueError(f"{key} should be {expected.get(key)} and is {found.get(key)}")
    network.load_state_dict({key: tensor.float() for key, tensor in weights.items()}, assign=True)
