"""FlowGen: the published keys and shapes, and its arithmetic against an independent flat form of it."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file
from tiny_pack import fill

from engine.methods.instant_drag.flowgen import Discriminator, FlowGen, load_flowgen

CPU = torch.device("cpu")
P = ["model.model.", "model.model.1.model."]
for _ in range(6):
    P.append(P[-1] + "3.model.")

PUBLISHED = {  # of width 64: kernel sizes 4 × 4 left out
    P[0] + "0": (64, 5),
    **{P[k] + "1": shape for k, shape in {1: (128, 64), 2: (256, 128), 3: (512, 256)}.items()},
    **{P[k] + "1": (512, 512) for k in (4, 5, 6, 7)},
    **{P[k] + "2": (width,) for k, width in {1: 128, 2: 256, 3: 512, 4: 512, 5: 512, 6: 512}.items()},
    P[7] + "3": (512, 512),
    P[7] + "4": (512,),
    **{P[k] + "5": shape for k, shape in {1: (256, 64), 2: (512, 128), 3: (1024, 256)}.items()},
    **{P[k] + "5": (1024, 512) for k in (4, 5, 6)},
    **{P[k] + "6": (width,) for k, width in {1: 64, 2: 128, 3: 256, 4: 512, 5: 512, 6: 512}.items()},
    P[0] + "3": (128, 2),
}
DECONVOLUTIONS = {P[7] + "3", P[0] + "3", *(P[k] + "5" for k in range(1, 7))}


def published_shapes():
    shapes = {}
    for name, shape in PUBLISHED.items():
        kernel = (4, 4) if len(shape) == 2 else ()
        outputs = shape[1] if name in DECONVOLUTIONS else shape[0]
        shapes |= {name + ".weight": (*shape, *kernel), name + ".bias": (outputs,)}
    return shapes


def test_the_generators_58_tensors():
    with torch.device("meta"):
        weights = FlowGen(64).state_dict()
    assert {key: tuple(tensor.shape) for key, tensor in weights.items()} == published_shapes()
    assert len(weights) == 58
    assert sum(tensor.numel() for tensor in weights.values()) == 54_419_458


def test_the_discriminators_tensors():
    with torch.device("meta"):
        weights = Discriminator(64).state_dict()
    convolutions = {f"model.{i}.weight": tuple(weights[f"model.{i}.weight"].shape) for i in (0, 2, 17, 20)}
    assert convolutions == {
        "model.0.weight": (64, 7, 4, 4),
        "model.2.weight": (128, 64, 4, 4),
        "model.17.weight": (512, 512, 4, 4),
        "model.20.weight": (1, 512, 4, 4),
    }
    norms = {
        int(key.split(".")[1])
        for key, tensor in weights.items()
        if key.endswith("weight") and tensor.ndim == 1
    }
    assert norms == {3, 6, 9, 12, 15, 18}
    assert sum(tensor.numel() for tensor in weights.values()) == 15_358_145


def group_norm(x, weight, bias):
    """In the words of Wu and He (2018), for one sample."""
    channels = x.shape[1]
    groups = 32 if channels % 32 == 0 else channels
    parts = x.reshape(groups, -1)
    mean = parts.mean(1, keepdim=True)
    variance = ((parts - mean) ** 2).mean(1, keepdim=True)
    normal = ((parts - mean) / (variance + 1e-5) ** 0.5).reshape(x.shape)
    return normal * weight.view(1, -1, 1, 1) + bias.view(1, -1, 1, 1)


def flat(w, x):
    """The same network in one loop down and one up, from its weights alone."""

    def of(name):
        return w[name + ".weight"], w[name + ".bias"]

    skips, h = [], F.conv2d(x, *of(P[0] + "0"), stride=2, padding=1)
    for k in range(1, 8):
        skips.append(h)
        h = F.conv2d(torch.where(h > 0, h, 0.2 * h), *of(P[k] + "1"), stride=2, padding=1)
        if k < 7:
            h = group_norm(h, *of(P[k] + "2"))
    for k in range(7, 0, -1):
        up, norm = ("3", "4") if k == 7 else ("5", "6")
        h = F.conv_transpose2d(h.clamp_min(0), *of(P[k] + up), stride=2, padding=1)
        h = torch.cat([skips.pop(), group_norm(h, *of(P[k] + norm))], dim=1)
    return torch.tanh(F.conv_transpose2d(h.clamp_min(0), *of(P[0] + "3"), stride=2, padding=1))


def test_the_generator_equals_its_flat_form():
    network = fill(FlowGen(32), 1).double().eval()
    x = torch.rand(1, 5, 256, 256, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(network(x), flat(network.state_dict(), x), atol=1e-10, rtol=0)


def test_dropout_is_for_training_alone():
    network = fill(FlowGen(8), 1)
    x = torch.zeros(1, 5, 256, 256)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(network.train()(x), network.train()(x))
        assert torch.equal(network.eval()(x), network.eval()(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_a_checkpoint_is_opened_in_full_precision(tmp_path, dtype):
    made = fill(FlowGen(8), 2)
    save_file(
        {key: tensor.to(dtype) for key, tensor in made.state_dict().items()}, tmp_path / "f.safetensors"
    )
    opened = load_flowgen(tmp_path / "f.safetensors", CPU, torch.float16)
    assert not opened.training
    for key, tensor in opened.state_dict().items():
        assert tensor.dtype == torch.float32
        assert not tensor.requires_grad
        assert torch.equal(tensor, made.state_dict()[key].to(dtype).float())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop(P[0] + "0.weight"), "lacks model.model.0.weight"),
        (lambda w: w.pop(P[3] + "2.bias"), r"3\.model\.2\.bias should be \(64,\) and is None"),
        (lambda w: w.update(more=torch.zeros(2)), r"more should be None and is \(2,\)"),
        (lambda w: w.update({P[0] + "3.bias": torch.zeros(3)}), r"3\.bias should be \(2,\) and is \(3,\)"),
    ],
    ids=["no width", "missing", "unknown", "misshapen"],
)
def test_what_is_no_flowgen_is_refused(tmp_path, change, words):
    weights = dict(fill(FlowGen(8), 2).state_dict())
    change(weights)
    save_file(weights, tmp_path / "f.safetensors")
    with pytest.raises(ValueError, match=words):
        load_flowgen(tmp_path / "f.safetensors", CPU, torch.float32)
