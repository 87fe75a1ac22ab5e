"""DragDiffusion from request to result, on a tiny random Stable Diffusion."""

import copy
import random
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from engine import Engine
from engine.diffusion.ddim import Ddim
from engine.diffusion.drag_task import DragTask
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.edit import Point
from engine.errors import InvalidRequest, ModelMissing
from engine.method import Preparer
from engine.methods.drag_diffusion import METHOD
from engine.methods.drag_diffusion.dragging import LatentDrag
from engine.methods.drag_diffusion.guided import Guided
from engine.methods.drag_diffusion.settings import DragDiffusionSettings
from engine.progress import Progress
from engine.region import plan
from engine.training.backbone_networks import SCHEDULE
from tests.engine.methods.drag_diffusion.quick_drags import PHASES, PLAIN, QUICK, drag, everywhere


def test_an_edit_by_the_engine(store, picture):
    mask = cv2.circle(np.zeros(picture.shape[:2], np.uint8), (160, 120), 50, 255, -1)
    request = drag(picture, mask=mask)
    result = Engine(device="cpu", store=store).edit("drag_diffusion", request, QUICK, "painter")
    assert set(result.timings) == {"Plan", *PHASES}
    assert not result.partial
    assert np.array_equal(result.image[mask == 0], picture[mask == 0])
    assert not np.array_equal(result.image[mask > 0], picture[mask > 0])
    assert np.array_equal(result.image[..., 3], picture[..., 3])


def test_the_network_runs_no_more_often_than_it_must(edit, components, picture):
    first, second = Progress(), Progress()
    edit(drag(picture), progress=first)
    edit(drag(picture), progress=second)
    adapt, invert, dragging, look, denoise = 2 * 2, 4, 3, 1, 4 * 2
    assert first.evaluations["UNet2DConditionModel"] == adapt + invert + dragging + look + denoise
    assert second.evaluations["UNet2DConditionModel"] == dragging + look + denoise
    assert not {"Adapt", "Invert"} & set(second.timings)


def test_what_is_remembered_gives_the_same_picture(edit, forgetful, picture):
    whole = drag(picture, mask=everywhere(picture))
    first, again = forgetful(whole), forgetful(whole)
    assert np.array_equal(first.image, again.image)
    assert first.handles == again.handles


def test_another_drag_of_the_same_region_is_not_adapted_for_again(edit, picture):
    mask = everywhere(picture)
    edit(drag(picture, mask=mask))
    progress = Progress()
    edit(drag(picture, (100, 60, 150, 90), mask=mask), progress=progress)
    assert not {"Adapt", "Invert"} & set(progress.timings)


def test_nothing_is_run_behind_the_features_where_nothing_must_stay(forgetful, networks, picture):
    ends = []
    hook = networks.unet.conv_out.register_forward_hook(lambda *_: ends.append(None))
    try:
        forgetful(drag(picture))
        guarded = len(ends)
        ends.clear()
        forgetful(drag(picture, mask=everywhere(picture)))
    finally:
        hook.remove()
    assert guarded - len(ends) == QUICK.drag_steps - 1  # the first is what the others are compared with


def test_handles_and_pictures_are_shown_on_the_way(forgetful, picture):
    handles, pictures, steps = [], [], []
    progress = Progress(
        on_step=steps.append, on_handles=handles.append, on_preview=pictures.append, preview_interval=0
    )
    request = drag(picture, mask=everywhere(picture))
    result = forgetful(request, progress=progress)
    assert len(handles) == len(pictures) == (QUICK.drag_steps - 1) + 4
    assert result.handles == handles[-1]
    assert handles[0] != handles[-1]
    assert all(shown.shape == picture.shape for shown in pictures)
    assert [step.done for step in steps if step.phase == "Drag"] == [0, 1, 2, 3]


def test_handles_that_are_there_are_not_dragged(forgetful, picture):
    """Nearer than two pixels of the features' grid."""
    steps = []
    progress = Progress(on_step=steps.append)
    result = forgetful(drag(picture, (150, 120, 152, 121), mask=everywhere(picture)), progress=progress)
    assert np.array_equal(result.image, picture)
    assert result.handles == (Point(150, 120),)
    assert [step.done for step in steps if step.phase == "Drag"] == [0, 1, 2, 3]
    assert progress.evaluations["UNet2DConditionModel"] == 4 + 4 + 1 + 8


def test_what_was_prepared_is_not_done_again(components, edit, picture):
    mask, editor = everywhere(picture), METHOD.build(components)
    prepared, edited = Progress(), Progress()
    request = plan(drag(picture, mask=mask)).cut(drag(picture, mask=mask))
    assert isinstance(editor, Preparer)
    editor.prepare(request, QUICK, prepared)
    edit(drag(picture, (100, 60, 150, 90), mask=mask), progress=edited)
    assert {"Adapt", "Invert"} < set(prepared.timings)
    assert "Drag" not in prepared.timings
    assert not {"Adapt", "Invert"} & set(edited.timings)


# --- repeatable


def test_the_same_request_gives_the_same_bytes_whatever_came_between(forgetful, picture):
    states = torch.random.get_rng_state(), random.getstate()
    a, b = drag(picture, mask=everywhere(picture)), drag(picture, (100, 60, 150, 90), seed=5)
    first, _, again = forgetful(a), forgetful(b), forgetful(a)
    assert np.array_equal(first.image, again.image)
    assert first.handles == again.handles
    assert torch.equal(torch.random.get_rng_state(), states[0])
    assert random.getstate() == states[1]


def test_the_seed_is_that_of_the_adaptation(forgetful, picture):
    mask = everywhere(picture)
    one, two = (forgetful(drag(picture, mask=mask, seed=seed)).image for seed in (1, 2))
    assert not np.array_equal(one, two)
    one, two = (forgetful(drag(picture, mask=mask, seed=seed), PLAIN).image for seed in (1, 2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(("dtype", "within"), [(torch.float32, 0), (torch.float16, 1)], ids=str)
def test_handles_go_the_same_way_in_any_precision(networks, dtype, within):
    generator = torch.Generator().manual_seed(1)
    noisy, words = torch.randn(1, 4, 8, 8, generator=generator), torch.randn(1, 77, 16, generator=generator)
    mask = torch.ones(1, 1, 8, 8)
    mask[..., :2] = 0

    def ends(dtype, wide):
        diffusion = LatentDiffusion(torch.nn.Module.to(copy.deepcopy(networks.unet), dtype=dtype), None)
        task = DragTask(
            noisy=noisy.to(wide),
            mask=mask.to(wide),
            handles=torch.tensor([[20.0, 10.0], [8.0, 12.0]]),
            targets=torch.tensor([[20.0, 25.0], [18.0, 12.0]]),
            grid=(32, 32),
        )
        network = Guided(diffusion=diffusion, words=words.to(wide), guidance=1, block=2)
        settings = replace(QUICK, drag_steps=15, learning_rate=0.05)
        made = LatentDrag(network, Ddim(SCHEDULE, 10), task, 7, settings)
        made.run(Progress())
        return made.handles - task.handles

    exact = ends(torch.float64, torch.float64)
    assert exact.any(1).all()
    assert (ends(dtype, torch.float32) - exact).abs().max() <= within


# --- settings


@pytest.mark.parametrize(
    "changes",
    [
        {"information_preserving": True, "drag_steps": 4},
        {"reference_control": False},
        {"lora_steps": 2},
        {"inversion_strength": 1.0},
        {"inversion_strength": 0.2},
        {"feature_block": 1},
        {"mask_weight": 2.0, "drag_steps": 4},
        {"learning_rate": 0.05},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_ablation_runs_and_matters(edit, picture, changes):
    request = drag(picture, mask=cv2.circle(np.zeros(picture.shape[:2], np.uint8), (160, 120), 70, 255, -1))
    usual = replace(PLAIN, drag_steps=changes.get("drag_steps", 3))
    changed = replace(usual, **changes)
    assert not np.array_equal(edit(request, changed).image, edit(request, usual).image)


def test_defaults_are_those_published():
    settings = DragDiffusionSettings()
    assert (settings.inference_steps, settings.inversion_strength, settings.drag_steps) == (50, 0.7, 80)
    assert (settings.learning_rate, settings.mask_weight) == (0.01, 0.1)
    assert (settings.patch_radius, settings.tracking_radius, settings.feature_block) == (1, 3, 3)
    assert (settings.lora_steps, settings.lora_learning_rate) == (80, 5e-4)
    assert (settings.lora_batch, settings.lora_rank) == (4, 16)


def test_a_block_that_is_not_there_is_named(edit, picture):
    with pytest.raises(InvalidRequest, match="blocks 0 to 2; set feature_block to one of them, not 3"):
        edit(drag(picture), replace(QUICK, feature_block=3))


def test_a_pack_that_reads_no_text(store, picture):
    engine = Engine(device="cpu", store=store)
    with pytest.raises(ModelMissing, match="reads no text"):
        engine.edit("drag_diffusion", drag(picture, prompt="a cat"), QUICK, "silent")


def test_the_prompt_is_read(forgetful, picture):
    mask = everywhere(picture)
    one, two = (forgetful(drag(picture, mask=mask, prompt=text)).image for text in ("", "a red cat"))
    assert not np.array_equal(one, two)


# --- hard cases


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (500, 90), (17, 300), (9, 5), (1, 1)], ids=str)
def test_any_size_and_any_shape(forgetful, paint, size):
    width, height = size
    image = paint(width, height, alpha=width > height)
    request = drag(image, (0.3 * width, 0.4 * height, 0.7 * width, 0.5 * height), mask=everywhere(image))
    result = forgetful(request, replace(PLAIN, drag_steps=2))
    assert result.image.shape == image.shape
    assert np.array_equal(result.image[..., 3], image[..., 3])
    assert np.isfinite(result.handles).all()


CORNERS = ((0, 0), (320, 0), (0, 240), (320, 240))


@pytest.mark.parametrize(
    "ends",
    [
        *[((*corner, 160, 120),) for corner in CORNERS],
        *[((160, 120, *corner),) for corner in CORNERS],
        ((160, 0, 160, 60), (0, 120, 60, 120), (320, 120, 260, 120), (160, 240, 160, 180)),
        ((319.9, 239.9, 0.1, 0.1),),
        ((100, 100, 220, 140), (220, 100, 100, 140)),  # across each other
        ((100, 100, 220, 100), (220, 100, 100, 100)),  # in each other's place
        tuple((10 + 10 * i, 20 + 3 * i, 300 - 8 * i, 230 - 6 * i) for i in range(30)),
    ],
    ids=lambda ends: f"{len(ends)} from {ends[0]}",
)
def test_drags_from_and_to_anywhere(forgetful, picture, ends):
    request = drag(picture, *ends, mask=everywhere(picture))
    result = forgetful(request, replace(PLAIN, learning_rate=0.1))
    assert len(result.handles) == len(ends)
    assert np.isfinite(result.handles).all()
    assert result.image.shape == picture.shape


def test_a_handle_where_nothing_may_change_is_named(edit, picture):
    mask = cv2.circle(np.zeros(picture.shape[:2], np.uint8), (60, 60), 30, 255, -1)
    with pytest.raises(InvalidRequest, match="where nothing may change"):
        edit(drag(picture, mask=mask))
