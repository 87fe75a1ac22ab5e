"""Where the recorded arrays of the published implementations lie; they are no part of the sources."""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def golden():
    """The folder of recorded arrays: PLIANT_GOLDEN, or else ../shared/golden beside the sources."""
    folder = Path(os.environ.get("PLIANT_GOLDEN", ROOT.parent / "shared" / "golden"))
    if not (folder / "README.md").is_file():
        pytest.skip(f"the recorded arrays are not in {folder}; name their folder by PLIANT_GOLDEN")
    return folder


def generator(name: str, seed: int) -> np.random.Generator:
    """What the recordings drew their inputs from: a stream of its own for each name."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))


@pytest.fixture(scope="session")
def recipe():
    def normal(name: str, shape: tuple[int, ...], seed: int, scale: float = 1.0) -> np.ndarray:
        return (generator(name, seed).standard_normal(shape) * scale).astype(np.float32)

    return normal


@pytest.fixture(scope="session")
def recipe_uniform():
    def uniform(name: str, shape: tuple[int, ...], low: float, high: float, seed: int) -> np.ndarray:
        return (generator(name, seed).random(shape) * (high - low) + low).astype(np.float32)

    return uniform


@pytest.fixture(scope="session")
def fill_weights(recipe):
    """fill_weights(network, seed, scale): give a network the weights of the recordings, by their names."""

    def fill(network: torch.nn.Module, seed: int, scale: float) -> None:
        weights = {}
        for key, value in network.state_dict().items():
            shape = tuple(value.shape)
            if len(shape) >= 2:
                filled = recipe(key, shape, seed, scale / np.sqrt(np.prod(shape[1:])))
            else:
                filled = recipe(key, shape, seed, 0.1) + (1 if key.endswith(".weight") else 0)
            weights[key] = torch.from_numpy(filled.astype(np.float32))
        network.load_state_dict(weights)
        network.eval()

    return fill
