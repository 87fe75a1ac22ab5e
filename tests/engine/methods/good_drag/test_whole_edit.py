"""Whole edits of GoodDrag against the published procedure, written out in float64."""

import pytest
import torch
from diffusers import UNet2DConditionModel

from engine.diffusion.ddim import Ddim, invert
from engine.diffusion.drag_task import DragTask
from engine.diffusion.features import noise_and_features
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.methods.good_drag.alternating import AlternatingDrag
from engine.methods.good_drag.settings import GoodDragSettings
from engine.progress import Progress
from tests.engine.methods.good_drag.published import GoodDrag, Network
from tests.engine.methods.instant_drag.tiny_pack import fill

SD = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085}
SD |= {"beta_end": 0.012, "steps_offset": 1, "clip_sample": False, "set_alpha_to_one": False}
GRID = 64, 96
HOW = {"r1": 2, "r2": 5, "beta": 4, "lam": 0.1, "lr": 0.02, "J": 2, "B": 3, "t2": 2, "limit": 5}
HOW |= {"strength": 0.5, "layer": 6}
PAIRS = [((20, 22), (31, 30)), ((24, 44), (16, 36))]
# Updates by Adam amplify what rounding leaves, so that edits much longer than these cannot be compared.
CASES = {
    "as published": (2, 20, {"layer": 10, "t2": 3}, PAIRS),
    "from pure noise": (1, 8, {"strength": 1.0, "t2": 1, "B": 1}, PAIRS[:1]),
    "nothing kept": (1, 12, {"lam": 0.0, "B": 2}, PAIRS),
    "one has arrived": (1, 12, {"B": 2}, [PAIRS[0], ((12, 50), (12, 51))]),
    "arriving on the way": (1, 12, {"lr": 0.2, "B": 5}, [((20, 22), (23, 22))]),
    "stuck": (1, 12, {"lr": 0.001, "limit": 1, "B": 4}, PAIRS[:1]),
    "all arrived": (1, 12, {}, [((20, 20), (21, 20))]),
}


def unet(layers):
    """Stable Diffusion's layout, very narrow; with 2 layers in a block it has its 32 attentions."""
    with torch.random.fork_rng():
        made = UNet2DConditionModel(
            block_out_channels=(4, 4, 8, 8),
            layers_per_block=layers,
            cross_attention_dim=6,
            attention_head_dim=2,
            norm_num_groups=2,
        )
    return fill(made, 11).eval().requires_grad_(False).double()


def settings(how, steps):
    return GoodDragSettings(
        inference_steps=steps,
        inversion_strength=how["strength"],
        drag_steps=how["t2"],
        trackings=how["B"],
        updates=how["J"],
        learning_rate=how["lr"],
        mask_weight=how["lam"],
        patch_radius=how["r1"],
        tracking_radius=how["r2"],
        stride=float(how["beta"]),
        early_stop=how["limit"],
    )


@pytest.mark.parametrize("name", CASES)
def test_latents_and_handles_are_those_of_the_published_procedure(name):
    layers, steps, changes, pairs = CASES[name]
    how = HOW | changes
    generator = torch.Generator().manual_seed(4)
    clean = torch.randn(1, 4, 16, 24, generator=generator, dtype=torch.float64)
    text = torch.randn(1, 5, 6, generator=generator, dtype=torch.float64)
    mask = torch.zeros(1, 1, 16, 24, dtype=torch.float64)
    mask[..., 3:13, 3:17] = 1
    handles, targets = ([pair[i] for pair in pairs] for i in range(2))
    theirs = GoodDrag(Network(unet(layers), text, GRID), steps, how)
    before, after = theirs.edit(clean, handles, targets, mask)

    diffusion = LatentDiffusion(unet(layers), torch.nn.Identity())
    schedule, trace = Ddim(SD, steps), []
    with torch.no_grad():
        noisy = invert(diffusion, clean, text, schedule, schedule.depth(how["strength"]), Progress())[-1]
    task = DragTask(
        noisy=noisy,
        mask=mask,
        handles=torch.tensor(handles).double(),  # and so are the script's
        targets=torch.tensor(targets).double(),
        grid=GRID,
    )
    drag = AlternatingDrag(
        diffusion,
        text,
        schedule,
        task,
        settings(how, steps),
        refer=lambda z, t: noise_and_features(diffusion, z, torch.tensor(t), text, 3),
        show=lambda edited, unedited, at: trace.append([tuple(p) for p in at.tolist()]),
    )
    edited, unedited = drag.run(Progress())
    assert trace[: len(theirs.trace)] == theirs.trace
    assert drag.handles.tolist() == [list(p) for p in theirs.handles]
    torch.testing.assert_close(unedited, before, atol=1e-4, rtol=0)
    torch.testing.assert_close(edited, after, atol=1e-4, rtol=0)
    assert theirs.finished == (name in ("arriving on the way", "stuck", "all arrived"))
    assert bool(theirs.losses) == (name != "all arrived")
