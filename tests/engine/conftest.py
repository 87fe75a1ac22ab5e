"""What tests of several packages of the engine look at."""

import pytest
import torch

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@pytest.fixture(scope="session")
def everything_of():
    """everything_of(network): its modules in order, what they hold and hear, and the bits of its weights."""

    def state(network):
        modules = [
            (name, id(module), list(module._modules), sorted(_plain(module)))
            for name, module in network.named_modules()
        ]
        hooks = [
            (name, hook, tuple(getattr(module, hook)))
            for name, module in network.named_modules()
            for hook in _HOOKS
            if getattr(module, hook)
        ]
        weights = [
            (name, id(weight), weight.requires_grad, weight.grad is None, _bits(weight))
            for name, weight in network.named_parameters()
        ]
        return modules, hooks, weights

    return state


def _plain(module):
    """Attributes that hold neither modules, nor weights, nor hooks."""
    held = {name: value for name, value in vars(module).items() if not isinstance(value, dict)}
    return [(name, id(value)) for name, value in held.items()]


def _bits(weight):
    return weight.detach().contiguous().view(torch.uint8).numpy().tobytes()
