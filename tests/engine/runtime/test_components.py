"""Components: each role opened once, what does not open named in a sentence, no network asked."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.numpy import save_file

from engine.errors import ModelMissing
from engine.packs import Component, ModelPack
from engine.runtime.components import Components


@pytest.fixture
def parts(tmp_path):
    """parts(role=(kind, folder), …): a pack's components on the CPU."""

    def of(precision="auto", **roles):
        components = {
            role: Component(role=role, kind=kind, path=tmp_path / path)
            for role, (kind, path) in roles.items()
        }
        pack = ModelPack(
            name="p",
            title="P",
            licence="CC0-1.0",
            working_size=64,
            folder=tmp_path,
            components=components,
            methods={},
        )
        return Components(pack=pack, device="cpu", precision=precision)

    return of


@pytest.fixture
def unet(tmp_path):
    with torch.random.fork_rng():
        network = UNet2DConditionModel(
            block_out_channels=(8, 16),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=12,
            attention_head_dim=2,
            norm_num_groups=4,
        )
    network.save_pretrained(tmp_path / "unet")
    return network


def test_a_role_is_opened_once(parts, unet):
    components = parts(unet=("unet2dcondition", "unet"))
    network = components.load("unet", UNet2DConditionModel)
    assert components.load("unet", UNet2DConditionModel) is network
    assert not network.training
    assert network.dtype == torch.float32
    for name, weight in network.named_parameters():
        assert not weight.requires_grad
        assert torch.equal(weight, unet.state_dict()[name])


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_a_precision_may_be_chosen(parts, unet, precision):
    network = parts(precision, unet=("unet2dcondition", "unet")).load("unet", UNet2DConditionModel)
    assert network.dtype == getattr(torch, precision)


def test_libraries_are_told_to_look_nothing_up():
    code = "import engine, huggingface_hub.constants as hub; raise SystemExit(not hub.HF_HUB_OFFLINE)"
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, timeout=120, check=False).returncode
        == 0
    )


def test_tensors_and_configurations(parts, tmp_path):
    save_file({"e": np.ones((77, 8), np.float32)}, tmp_path / "null.safetensors")
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler" / "scheduler_config.json").write_text(json.dumps({"a": 1}))
    components = parts(null=("embedding", "null.safetensors"), scheduler=("scheduler", "scheduler"))
    assert components.load("null", torch.Tensor).shape == (1, 77, 8)
    assert components.load("scheduler", dict) == {"a": 1}
    assert components.has("null", "scheduler")
    assert not components.has("null", "vae")
    assert (components.title, components.working_size) == ("P", 64)


def test_a_kind_of_the_callers_own(parts, tmp_path):
    components = parts(net=("mine", "net"))
    seen = []

    def load(path, device, dtype):
        seen.append((path, device, dtype))
        return "loaded"

    assert components.load("net", str, loaders={"mine": load}) == "loaded"
    assert seen == [(tmp_path / "net", torch.device("cpu"), torch.float32)]


def refusal(components, role, expected):
    with pytest.raises(ModelMissing) as caught:
        components.load(role, expected)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_role_that_is_not_filled(parts):
    assert refusal(parts(), "vae", object) == (
        "This needs vae, which the pack “P” does not hold. Choose another pack."
    )


@pytest.mark.parametrize(
    "kind", ["unet2dcondition", "clip_text_model", "clip_tokenizer", "scheduler", "embedding"]
)
def test_what_is_not_there_cannot_be_loaded(parts, kind):
    sentence = refusal(parts(net=(kind, "absent")), "net", object)
    assert sentence.startswith("The pack “P” cannot be used: its net in ")
    assert "absent cannot be loaded (" in sentence


def test_an_unknown_kind(parts):
    assert "its net is of the unknown kind “wavelets”" in refusal(parts(net=("wavelets", "x")), "net", object)


def test_another_kind_than_the_role_asks_for(parts, unet):
    sentence = refusal(parts(vae=("unet2dcondition", "unet")), "vae", dict)
    assert "its vae is a unet2dcondition, which does not fit there" in sentence


def test_weights_of_another_shape(parts, unet, tmp_path):
    path = tmp_path / "unet" / "config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"cross_attention_dim": 20}))
    assert "cannot be loaded (" in refusal(parts(unet=("unet2dcondition", "unet")), "unet", object)


def test_no_pickle_is_opened(parts, unet, tmp_path):
    path = Path(tmp_path / "unet" / "diffusion_pytorch_model.safetensors")
    torch.save(unet.state_dict(), path.with_suffix(".bin"))
    path.unlink()
    assert "cannot be loaded (" in refusal(parts(unet=("unet2dcondition", "unet")), "unet", object)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: unspecified launch failure"),
    ],
)
def test_what_memory_or_device_lack_is_not_the_packs_fault(parts, error):
    def load(*rest):
        raise error

    with pytest.raises(type(error)) as caught:
        parts(net=("mine", "x")).load("net", object, loaders={"mine": load})
    assert caught.value is error


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no NVIDIA GPU")
def test_on_a_gpu_weights_lie_channels_last(parts, unet):
    components = replace(parts(unet=("unet2dcondition", "unet")), device="cuda")
    network = components.load("unet", UNet2DConditionModel)
    assert network.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    assert components.held_bytes == sum(weight.nbytes for weight in unet.parameters()) // 2  # float16
