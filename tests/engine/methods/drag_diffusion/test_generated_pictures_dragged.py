"""DragDiffusion on pictures that the pack has painted: it drags what they came from."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from engine import Engine
from engine.diffusion import optimize
from engine.diffusion.frame import Frame
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.methods.drag_diffusion.guided import Guided
from engine.progress import Cancelled, Progress
from tests.engine.methods.drag_diffusion.quick_drags import QUICK, drag, everywhere


@pytest.fixture
def generated(store):
    """generated(**changes) → a picture that the pack has painted, and how."""

    def made(**changes):
        engine = Engine(device="cpu", store=store)
        origin = replace(engine.origin("a red flower", "painter", (64, 48)), steps=6, **changes)
        return engine.generate(origin).image, origin

    return made


@pytest.mark.parametrize(("guidance", "words"), [(7.5, 2), (1.0, 1)])
def test_a_generated_picture_is_dragged_on_its_own_way(edit, generated, guidance, words):
    image, origin = generated(guidance=guidance)
    request = drag(image, (20, 20, 50, 30), mask=everywhere(image), origin=origin)
    first, second = Progress(), Progress()
    settings = replace(QUICK, inference_steps=17)  # which says nothing here
    result, again = edit(request, settings, first), edit(request, settings, second)
    assert np.array_equal(result.image, again.image)
    assert not {"Adapt", "Invert"} & set(first.timings)
    retrace, dragging, denoise = 2, 3 + 1, 4 * 2
    assert first.evaluations["UNet2DConditionModel"] == words * (retrace + dragging + denoise)
    assert second.evaluations["UNet2DConditionModel"] == words * (dragging + denoise)


@pytest.mark.parametrize(("guidance", "times"), [(7.5, 1), (1.0, 0)])
def test_both_rows_of_a_guided_drag_need_room(edit, generated, monkeypatch, guidance, times):
    spared = []
    monkeypatch.setattr(optimize, "_ROOM", 3)
    monkeypatch.setattr(optimize, "_waiting", lambda *_: 2)
    monkeypatch.setattr(optimize, "checkpointed", lambda unet: nullcontext(spared.append(unet)))
    image, origin = generated(guidance=guidance)
    edit(drag(image, (20, 20, 50, 30), origin=origin), QUICK)
    assert len(spared) == times


@pytest.mark.parametrize("guidance", [7.5, 1.0])
def test_undragged_it_is_painted_as_it_was(components, edit, generated, monkeypatch, guidance):
    image, origin = generated(guidance=guidance)
    seen = []
    decode = LatentDiffusion.decode
    monkeypatch.setattr(LatentDiffusion, "decode", lambda *given: seen.append(decode(*given)) or seen[-1])
    edit(drag(image, (20, 20, 22, 21), mask=everywhere(image), origin=origin))
    frame = Frame(size=(64, 48), content=(64, 48), working=(64, 48))
    for picture in seen:  # edited and unedited
        assert np.abs(frame.colours(picture).astype(int) - image[..., :3]).max() <= 1


@pytest.mark.parametrize("strength", [0.05, 1.0])
def test_from_any_point_of_its_way(edit, generated, strength):
    image, origin = generated()
    request = drag(image, (20, 20, 50, 30), mask=everywhere(image), origin=origin)
    progress = Progress()
    edit(request, replace(QUICK, inversion_strength=strength), progress)
    depth = max(1, round(6 * strength))
    assert progress.evaluations["UNet2DConditionModel"] == 2 * ((6 - depth) + 4 + 2 * depth)


def test_cancelling_an_edit_of_a_generated_picture_leaves_no_trace(
    forgetful, networks, everything_of, generated
):
    image, origin = generated()
    before = everything_of(networks.unet)
    for phase in ("Retrace", "Drag", "Denoise"):
        steps = []
        progress = Progress(
            on_step=steps.append,
            is_cancelled=lambda steps=steps, phase=phase: bool(steps) and steps[-1][:2] == (phase, 1),
        )
        with pytest.raises(Cancelled):
            forgetful(drag(image, (20, 20, 50, 30), origin=origin), progress=progress)
        assert everything_of(networks.unet) == before


def test_guidance_weighs_noise_and_features_as_published(networks):
    generator = torch.Generator().manual_seed(4)
    diffusion = LatentDiffusion(networks.unet, None)
    latents, words = torch.randn(1, 4, 6, 8, generator=generator), torch.randn(2, 77, 16, generator=generator)
    seen = [
        Guided(diffusion=diffusion, words=word[None], guidance=1, block=2).noise_and_features(latents, 500)
        for word in words
    ]
    (noise, without), (guided, condition) = seen
    both = Guided(diffusion=diffusion, words=words, guidance=7.5, block=2)
    share = 7.5 / 14
    expected = noise + 7.5 * (guided - noise), torch.cat([(1 - share) * without, share * condition])
    for actual, wanted in zip(both.noise_and_features(latents, 500), expected, strict=True):
        torch.testing.assert_close(actual, wanted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(both.features(latents, 500), expected[1], atol=1e-4, rtol=1e-4)
    pair = torch.cat([latents, latents + 1])
    torch.testing.assert_close(
        both.noise(pair, 500),
        torch.cat([both.noise(row[None], 500) for row in pair]),
        atol=1e-4,
        rtol=1e-4,
    )
