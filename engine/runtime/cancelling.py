"""Cancelling inside a network: a step may take ten seconds on a CPU, and a user waits half a second."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, cat, nn

from engine.progress import Progress

_STRIP = 20e9  # multiplications and additions at a time: 0.15 s of a core; shorter strips cost more than 20 %


@contextmanager
def cancellable(progress: Progress, *networks: nn.Module) -> Generator[None]:
    """While this lasts, running `networks` raises `Cancelled` soon after the user asked to stop.

    On a CPU every layer asks first, and once more when gradients come back to it; convolutions too large to
    wait for are done in strips of rows, which compute the same. On a GPU, where a whole network is faster
    than that, each network asks once.
    `progress` counts how often they run.
    """
    with ExitStack() as stack:
        for network in networks:
            stack.callback(network.register_forward_pre_hook(partial(_count, progress)).remove)
            on_cpu = all(parameter.device.type == "cpu" for parameter in network.parameters())
            for module in _layers(network) if on_cpu else (network,):
                ask = module.register_forward_pre_hook(lambda *_: progress.check())
                stack.callback(ask.remove)
                if on_cpu:
                    again = module.register_forward_hook(partial(_ask_in_backward, progress))
                    stack.callback(again.remove)
                if on_cpu and type(module) is nn.Conv2d and module.padding_mode == "zeros":
                    stack.enter_context(_in_strips(module, progress))
        yield


def _count(progress: Progress, network: nn.Module, inputs: tuple[object, ...]) -> None:
    first = inputs[0] if inputs else None
    progress.count(type(network).__name__, len(first) if isinstance(first, Tensor) else 1)


def _ask_in_backward(progress: Progress, module: nn.Module, inputs: object, output: object) -> None:
    if isinstance(output, Tensor) and output.requires_grad:
        output.register_hook(lambda _: progress.check())


def _layers(network: nn.Module) -> list[nn.Module]:
    return [module for module in network.modules() if next(module.children(), None) is None]


@contextmanager
def _in_strips(conv: nn.Conv2d, progress: Progress) -> Generator[None]:
    conv.forward = partial(_forward, conv, progress)
    try:
        yield
    finally:
        del conv.forward  # what the class defines is found again


def _forward(conv: nn.Conv2d, progress: Progress, input: Tensor) -> Tensor:
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    reach = conv.dilation[0] * (kernel - 1) + 1
    above, beside = (0, 0) if isinstance(conv.padding, str) else conv.padding
    height = (input.shape[-2] + 2 * above - reach) // stride + 1
    row = 2 * len(input) * (input.shape[-1] / conv.stride[1]) * conv.weight.numel()
    rows = max(1, int(_STRIP / row))
    if isinstance(conv.padding, str) or rows >= height:
        return nn.Conv2d.forward(conv, input)
    strips: list[Tensor] = []
    for first in range(0, height, rows):
        progress.check()
        top = first * stride - above
        bottom = (min(first + rows, height) - 1) * stride - above + reach
        piece = input[..., max(top, 0) : min(bottom, input.shape[-2]), :]
        piece = F.pad(piece, (0, 0, max(-top, 0), max(bottom - input.shape[-2], 0)))
        strips.append(
            F.conv2d(piece, conv.weight, conv.bias, conv.stride, (0, beside), conv.dilation, conv.groups)
        )
    return cat(strips, dim=-2)
