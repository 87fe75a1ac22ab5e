"""The schedule and its steps equal what GoodDrag and DragDiffusion computed."""

import numpy as np
import pytest
import torch

from engine.diffusion.ddim import Ddim

SD = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}


@pytest.fixture
def schedule():
    return Ddim({"_class_name": "PNDMScheduler", "skip_prk_steps": True, "set_alpha_to_one": False, **SD}, 50)


def close(actual, expected):
    np.testing.assert_allclose(actual.numpy(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("t", [1, 21, 501, 741, 981])
def test_gooddrags_steps(golden, schedule, t):
    known = np.load(golden / "gooddrag" / "ddim.npz")
    assert list(schedule.timesteps) == known["timesteps50"].tolist()
    x, noise = torch.as_tensor(known["x"]), torch.as_tensor(known["eps"])
    close(schedule.invert_step(noise, t, x), known[f"inv_{t}"])
    close(schedule.step(noise, t, x), known[f"ddim_{t}"])
    if t > 1:  # below, inversion sees the clean latents as a denoising step there does
        close(schedule.clean(noise, t - 20, x), known[f"x0_{t}"])


@pytest.mark.parametrize("t", [1, 21, 681])
def test_dragdiffusions_steps(golden, schedule, t):
    known = np.load(golden / "dragdiffusion" / "step.npz")
    x, noise = torch.as_tensor(known["x"]), torch.as_tensor(known["eps"])
    close(schedule.step(noise, t, x), known[f"step_{t}"])
    close(schedule.clean(noise, t, x), known[f"x0_{t}"])
