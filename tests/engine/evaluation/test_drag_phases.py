"""`pliant bench gooddrag` and `… dragdiffusion` count and extrapolate what edits really do."""

import math

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from engine.evaluation import BENCHMARKS, drag_phases
from engine.evaluation.random_networks import random_diffusion
from engine.methods.drag_diffusion.settings import DragDiffusionSettings
from engine.methods.good_drag.settings import GoodDragSettings
from engine.runtime.components import Components

SHORT = {"inference_steps": 10, "inversion_strength": 0.5, "lora_steps": 2, "lora_batch": 3}
SUBJECTS = {
    "gooddrag": drag_phases.good_drag(
        GoodDragSettings(**SHORT, drag_steps=2, trackings=3, updates=2, early_stop=1000)
    ),
    "dragdiffusion": drag_phases.drag_diffusion(DragDiffusionSettings(**SHORT, drag_steps=4)),
}
# LoRA 2 · 3, inversion 5; GoodDrag: references 2, updates 2 · 3 · 2, steps between 2, pairs at the end 3.
# DragDiffusion: updates 4, of which the first is the reference; where handles have got 1; pairs 5.
EVALUATIONS = {"gooddrag": 6 + 5 + 2 + 12 + 2 + 6, "dragdiffusion": 6 + 5 + 4 + 1 + 10}


def rows_of(name, device="cpu"):
    return {row.name: row for row in drag_phases.run(SUBJECTS[name], 64, 32, device)}


def find(rows, words):
    (found,) = (row for name, row in rows.items() if words in name)
    return found


@pytest.mark.parametrize("name", SUBJECTS)
def test_on_a_cpu_the_whole_is_extrapolated_and_says_so(name):
    rows = rows_of(name)
    assert find(rows, "evaluations").median == EVALUATIONS[name]
    whole = find(rows, "whole edit:")
    assert "extrapolated, not measured" in whole.name
    settings, subject = SUBJECTS[name].settings, SUBJECTS[name]
    parts = {
        "LoRA:": settings.lora_steps * settings.lora_batch,
        "inversion": 5,
        "update of the latents": subject.updates,
        "costs besides": subject.dragged,
        "a step of the picture and its edit": {"gooddrag": 3, "dragdiffusion": 5}[name],
        "encoding": 1,
        "decoding": 1,
    }
    total = sum(find(rows, words).median * count for words, count in parts.items())
    assert whole.median == pytest.approx(total, rel=0.1, abs=0.3)  # rows are rounded
    memory = find(rows, "peak memory")
    assert (memory.unit, memory.aim) == ("MB", 8000)
    assert memory.median > 100
    assert find(rows, "tracking").unit == "ms"


def test_where_edits_are_run_whole_they_are_measured(monkeypatch):
    monkeypatch.setattr(drag_phases, "_RUNS", 1)
    rows = {
        row.name: row for row in drag_phases._whole(SUBJECTS["gooddrag"], random_diffusion("cpu", 64, 32))
    }
    whole = find(rows, "whole edit at 64², on cpu")
    assert (whole.unit, whole.aim, whole.runs) == ("s", 12, 1)
    assert find(rows, "evaluations").median == EVALUATIONS["gooddrag"]
    steps = {"LoRA:": 6, "inversion": 5, "update of": 12, "denoising": 3, "encoding": 1, "decoding": 1}
    parts = sum(find(rows, words).median * count for words, count in steps.items()) / 1e3
    assert 0 < parts < whole.median * 1.05
    assert math.isfinite(find(rows, "peak memory").median)


def test_both_stand_in_the_table(monkeypatch):
    seen = []
    monkeypatch.setattr(drag_phases, "run", lambda subject: seen.append(subject.method.name) or [])
    assert [BENCHMARKS["gooddrag"](), BENCHMARKS["dragdiffusion"]()] == [[], []]
    assert seen == ["good_drag", "drag_diffusion"]


def test_the_networks_are_as_large_as_the_published(monkeypatch):
    sizes = []

    def keep_empty(network, device, precision):
        sizes.append(sum(weight.numel() for weight in network.parameters()))

    monkeypatch.setattr("engine.evaluation.random_networks.fill_randomly", keep_empty)
    components = random_diffusion("cpu", 512)
    assert isinstance(components, Components)
    components.load("unet", UNet2DConditionModel)
    components.load("vae", AutoencoderKL)
    assert sizes == [859_520_964, 83_653_863]
    assert components.load("null_prompt", torch.Tensor).shape == (1, 77, 768)
