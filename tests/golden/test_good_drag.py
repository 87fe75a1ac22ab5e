"""A whole edit of GoodDrag, with nothing to do, equals what the published implementation computed."""

import json

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from torch.nn.functional import interpolate

from engine.diffusion.ddim import Ddim, invert
from engine.diffusion.drag_task import DragTask
from engine.diffusion.features import noise_and_features
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.points import grid_points
from engine.methods.good_drag.alternating import AlternatingDrag
from engine.methods.good_drag.settings import GoodDragSettings
from engine.progress import Progress

SD = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085}
SD |= {"beta_end": 0.012, "steps_offset": 1, "clip_sample": False, "set_alpha_to_one": False}


@pytest.fixture(scope="module")
def diffusion(golden):
    """In float64, as the recordings were made."""

    def network(kind, name):
        config = json.loads((golden / f"{name}.config.json").read_bytes())
        with torch.random.fork_rng():
            made = kind.from_config({k: v for k, v in config.items() if k != "_use_default_values"})
        made.load_state_dict(load_file(golden / f"{name}.safetensors"))
        return made.eval().requires_grad_(False).double()

    return LatentDiffusion(network(UNet2DConditionModel, "tiny_sd_unet"), network(AutoencoderKL, "tiny_vae"))


def test_handles_that_have_arrived(golden, diffusion, recipe, recipe_uniform):
    known = np.load(golden / "gooddrag" / "full_noop.npz")
    settings = GoodDragSettings(
        patch_radius=int(known["arg_r1"]),
        tracking_radius=int(known["arg_r2"]),
        drag_steps=int(known["arg_drag_end_step"]),
        trackings=int(known["arg_track_per_denoise"]),
        updates=int(known["arg_max_drag_per_track"]),
    )
    image = torch.from_numpy(recipe_uniform("full.image", (128, 128, 3), 0, 255, 308).astype(np.uint8))
    text = torch.from_numpy(recipe("text.emb", (1, 77, 12), 202))
    schedule = Ddim(SD, settings.inference_steps)
    size, grid = tuple(known["hw"].tolist()), (64, 64)
    with torch.no_grad():
        latents = diffusion.encode(image.permute(2, 0, 1)[None] / 127.5 - 1)  # brought to −1 to 1 in float32
        noisy = invert(diffusion, latents, text, schedule, schedule.depth(0.75), Progress())[-1]
    np.testing.assert_allclose(noisy, known["z_inverted"], rtol=0, atol=1e-5)
    handles, targets = grid_points(known["points_xy"], size, grid).split(1)
    mask = torch.from_numpy(known["mask"] > 0)[None, None].double()
    task = DragTask(
        noisy=noisy,
        mask=interpolate(interpolate(mask, grid), noisy.shape[-2:]),
        handles=handles,
        targets=targets,
        grid=grid,
    )
    drag = AlternatingDrag(
        diffusion,
        text,
        schedule,
        task,
        settings,
        refer=lambda z, t: noise_and_features(diffusion, z, torch.tensor(t), text, settings.feature_block),
    )
    edited, unedited = drag.run(Progress())
    assert torch.equal(drag.handles, torch.from_numpy(known["final_handles_rc"]))
    with torch.no_grad():
        picture = (diffusion.decode(edited) / 2 + 0.5).clamp(0, 1)
    np.testing.assert_allclose(picture, known["image"], rtol=0, atol=1e-4)
    assert torch.equal(edited, unedited)  # nothing was dragged
