"""Schedules: four schedulers against the formulas, and predicted latents against their definition."""

import numpy as np
import pytest
import torch

from engine.diffusion.schedule import Schedule

COMMON = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
CONFIGS = {
    "DDIMScheduler": {"clip_sample": False, "set_alpha_to_one": False},
    "PNDMScheduler": {"skip_prk_steps": True},
    "EulerDiscreteScheduler": {},
    "DPMSolverMultistepScheduler": {},
}


def config(name):
    return {"_class_name": name, **COMMON, **CONFIGS[name]}


def alphas():
    """ᾱ of Stable Diffusion 1, from its definition."""
    beta = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    return np.cumprod(1 - beta)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("name", CONFIGS)
def test_knowing_the_noise_leads_to_the_picture(name, generator):
    """With the exact noise as prediction, every sampler ends at the picture that was noised."""
    x0, noise = torch.randn(2, 1, 4, 8, 8, generator=generator)
    schedule = Schedule(config(name), 20)
    a = torch.tensor(alphas(), dtype=torch.float32)
    first = schedule.timesteps[0]
    at = a[int(first)]
    if name == "EulerDiscreteScheduler":
        sigma = ((1 - at) / at) ** 0.5
        latents = x0 + sigma * noise
    else:
        latents = at**0.5 * x0 + (1 - at) ** 0.5 * noise
    for t in schedule.timesteps:
        torch.testing.assert_close(schedule.predicted(noise, t, latents), x0, atol=2e-3, rtol=0)
        latents = schedule.step(noise, t, latents)
    end = 1 - alphas()[1] if name != "EulerDiscreteScheduler" else 0  # some stop one step before the end
    torch.testing.assert_close(latents, x0, atol=4 * end**0.5 + 2e-3, rtol=0)


def test_ddim_steps_are_the_papers(generator):
    """Song, Meng, Ermon (2021), equation 12 with σ = 0."""
    schedule = Schedule(config("DDIMScheduler"), 10)
    latents, noise = torch.randn(2, 1, 4, 8, 8, generator=generator, dtype=torch.float64)
    a = alphas()
    for t in schedule.timesteps[:-1]:
        now, then = a[int(t)], a[int(t) - 100]
        x0 = (latents - (1 - now) ** 0.5 * noise) / now**0.5
        expected = then**0.5 * x0 + (1 - then) ** 0.5 * noise
        latents = schedule.step(noise, t, latents)
        torch.testing.assert_close(latents, expected, atol=1e-5, rtol=0)


def test_a_scheduler_that_adds_noise_takes_it_from_the_generator(generator):
    schedule_config = {"_class_name": "EulerAncestralDiscreteScheduler", **COMMON}
    torch.manual_seed(7)
    before = torch.get_rng_state()

    def run(seed):
        schedule = Schedule(schedule_config, 4)
        latents, own = schedule.start(torch.ones(1, 4, 8, 8)), torch.Generator().manual_seed(seed)
        for t in schedule.timesteps:
            latents = schedule.step(0.1 * schedule.input(latents, t), t, latents, own)
        return latents

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["SteadyScheduler", "VQDiffusionScheduler", "DDIMInverseScheduler", None])
def test_what_is_no_sampler_of_stable_diffusion_is_refused(name):
    with pytest.raises(ValueError, match="there is no scheduler"):
        Schedule({"_class_name": name, **COMMON}, 10)
