"""`pliant bench instantdrag` measures what it says; how long it takes is not for a test."""

import importlib

import pytest
import torch

from engine.evaluation import BENCHMARKS, instant_drag
from engine.methods.instant_drag import flowgen


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(instant_drag._UNET, "block_out_channels", (32, 32, 32, 32))
    monkeypatch.setitem(instant_drag._VAE, "block_out_channels", (32, 32, 32, 32))
    monkeypatch.setattr(instant_drag, "_SIDE", 128)
    monkeypatch.setattr(instant_drag, "_RUNS", 2)
    monkeypatch.setattr(instant_drag, "_FLOWGEN_RUNS", 2)
    monkeypatch.setattr(instant_drag, "_WARM_UP", 1)
    importlib.import_module("engine.methods.instant_drag.editor")  # it needs the class, not what makes one
    small = flowgen.FlowGen
    monkeypatch.setattr(flowgen, "FlowGen", lambda: small(32))


def test_on_a_cpu_the_whole_is_extrapolated_and_says_so(small, monkeypatch):
    monkeypatch.setattr(instant_drag, "resolve_device", lambda name, networks: "cpu")
    gen, unet, encode, decode, whole = BENCHMARKS["instantdrag"]()
    assert gen.aim == 300
    assert "extrapolated, not measured" in whole.name
    assert whole.median == pytest.approx(60 * unet.median + encode.median + decode.median, abs=1)
    assert {row.unit for row in (unet, encode, decode, whole)} == {"s"}


def test_on_a_gpu_the_edit_is_run(small, monkeypatch):
    networks = instant_drag._networks("cpu")
    edit, evaluations, memory = instant_drag._whole(networks, "cpu")
    assert edit.median > 0
    assert (edit.unit, edit.aim, edit.runs) == ("ms", 400, 2)
    assert evaluations.median == 20 * 1
    assert (memory.median, memory.unit) == (0, "MB")  # which nobody counts on a CPU


def test_the_networks_are_as_large_as_the_published():
    from diffusers import AutoencoderKL, UNet2DConditionModel

    with torch.device("meta"):
        unet, vae = UNet2DConditionModel(**instant_drag._UNET), AutoencoderKL(**instant_drag._VAE)
    assert round(unet.num_parameters() / 1e6) == 860
    assert round(vae.num_parameters() / 1e6) == 84
