"""Cancelling inside networks: soon, without a trace, and without changing what they compute."""

import pytest
import torch
from torch import nn

from engine.progress import Cancelled, Progress
from engine.runtime import cancelling
from engine.runtime.cancelling import cancellable


def made(network):
    generator = torch.Generator().manual_seed(0)
    for weight in network.parameters():
        weight.data = torch.randn(weight.shape, generator=generator)
    return network.eval().requires_grad_(False)


class Polls:
    """Counts, and says yes from a given poll on."""

    def __init__(self, yes_from=10**9):
        self.count, self.yes_from = 0, yes_from

    def __call__(self):
        self.count += 1
        return self.count > self.yes_from


@pytest.fixture
def network():
    with torch.random.fork_rng():
        return made(
            nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 2, 1)))
        )


def test_every_layer_asks(network):
    polls = Polls()
    with cancellable(Progress(is_cancelled=polls), network):
        network(torch.zeros(1, 3, 8, 8))
    assert polls.count == 3


@pytest.mark.parametrize("poll", range(3))
def test_it_stops_before_the_layer(network, poll):
    with pytest.raises(Cancelled), cancellable(Progress(is_cancelled=Polls(poll)), network):
        network(torch.zeros(1, 3, 8, 8))


@pytest.mark.parametrize("poll", range(3, 6))
def test_it_stops_on_the_way_back(network, poll):
    image = torch.zeros(1, 3, 8, 8, requires_grad=True)
    with cancellable(Progress(is_cancelled=Polls(poll)), network):
        made_of = network(image).sum()
        with pytest.raises(Cancelled):
            made_of.backward()
    assert image.grad is None


def test_gradients_are_the_same(network):
    def gradient():
        image = torch.ones(1, 3, 8, 8, requires_grad=True)
        network(image).square().sum().backward()
        return image.grad

    expected, polls = gradient(), Polls()
    with cancellable(Progress(is_cancelled=polls), network):
        assert torch.equal(gradient(), expected)
    assert polls.count == 6


def test_nothing_is_left_behind(network):
    with pytest.raises(Cancelled), cancellable(Progress(is_cancelled=lambda: True), network):
        network(torch.zeros(1, 3, 8, 8))
    for module in network.modules():
        assert not module._forward_pre_hooks
        assert not module._forward_hooks
        assert "forward" not in vars(module)
    assert network(torch.zeros(1, 3, 8, 8)).shape == (1, 2, 8, 8)


CONVOLUTIONS = {
    "3 × 3": {"kernel_size": 3, "padding": 1},
    "1 × 1": {"kernel_size": 1},
    "halving": {"kernel_size": 3, "stride": 2, "padding": 1},
    "halving, 4 × 4": {"kernel_size": 4, "stride": 2, "padding": 1},
    "unpadded": {"kernel_size": 3, "stride": 2},
    "dilated": {"kernel_size": 3, "padding": 2, "dilation": 2},
    "in groups": {"kernel_size": 3, "padding": 1, "groups": 2},
    "uneven": {"kernel_size": (3, 5), "stride": (2, 1), "padding": (1, 2), "bias": False},
    "padded as it needs": {"kernel_size": 3, "padding": "same"},
    "mirrored": {"kernel_size": 3, "padding": 1, "padding_mode": "reflect"},
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
@pytest.mark.parametrize("height", [13, 16, 33])
def test_strips_compute_the_same(name, height, monkeypatch):
    with torch.random.fork_rng():
        conv = made(nn.Conv2d(4, 6, **CONVOLUTIONS[name])).double()
    x = torch.randn(2, 4, height, 11, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected, polls = conv(x), Polls()
    monkeypatch.setattr(cancelling, "_STRIP", 2 * 2 * 2 * 11 * conv.weight.numel())  # two rows or four
    with cancellable(Progress(is_cancelled=polls), conv):
        torch.testing.assert_close(conv(x), expected, atol=1e-12, rtol=0)
    assert (polls.count > 2) == (name not in ("padded as it needs", "mirrored"))


def test_strips_let_gradients_through(monkeypatch):
    with torch.random.fork_rng():
        conv = made(nn.Conv2d(2, 2, 3, padding=1))
    monkeypatch.setattr(cancelling, "_STRIP", 1)
    x = torch.ones(1, 2, 6, 6, requires_grad=True)
    (plain,) = torch.autograd.grad(conv(x).sum(), x)
    with cancellable(Progress(), conv):
        (striped,) = torch.autograd.grad(conv(x).sum(), x)
    torch.testing.assert_close(striped, plain)


def test_a_large_convolution_is_left_half_done():
    """64 strips of a tenth of a second's work each: far fewer than all of them are computed."""
    with torch.random.fork_rng():
        conv = made(nn.Conv2d(64, 64, 3, padding=1))
    calls, polls = [], Polls(3)

    class Counted(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            calls.append(function) if function is torch.nn.functional.conv2d else None
            return function(*args, **(kwargs or {}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cancelling, "_STRIP", 64 * 64 * 9 * 2 * 256)  # a row
        with pytest.raises(Cancelled), cancellable(Progress(is_cancelled=polls), conv), Counted():
            conv(torch.zeros(1, 64, 256, 256))
    assert len(calls) == 2  # the layer asked once, and each strip before it began


def test_it_is_counted_on_how_many_pictures_each_network_ran(network):
    progress, other = Progress(), made(nn.Conv2d(3, 1, 1))
    with cancellable(progress, network, other):
        network(torch.zeros(3, 3, 4, 4))
        network(torch.zeros(1, 3, 4, 4))
        other(torch.zeros(1, 3, 4, 4))
    network(torch.zeros(1, 3, 4, 4))
    assert progress.evaluations == {"Sequential": 4, "Conv2d": 1}
