"""The generators of torch's own layers, for dropout and first weights: seeded, kept, given back."""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor

Chance = dict[str, Tensor]  # states of generators, uint8, by name


@contextmanager
def own_chance(device: torch.device, seed: int) -> Generator[None]:
    """What is drawn within follows from `seed`, and nothing drawn outside is disturbed by it."""
    kept = layers_chance(device)
    host, own = torch.Generator().manual_seed(seed), torch.Generator(device).manual_seed(seed)
    restore_layers({"host": host.get_state(), "device": own.get_state()}, device)
    try:
        yield
    finally:
        restore_layers(kept, device)


def layers_chance(device: torch.device) -> Chance:
    """The state of the generators behind layers on the CPU and on `device`."""
    host = torch.get_rng_state()
    if device.type == "cpu":
        return {"host": host}
    return {"host": host, "device": torch.get_device_module(device).get_rng_state()}


def restore_layers(chance: Chance, device: torch.device) -> None:
    """Put back what `layers_chance` told."""
    torch.set_rng_state(chance["host"])
    if device.type != "cpu":
        torch.get_device_module(device).set_rng_state(chance["device"])
