"""Schedules: four schedulers against the formulas, and predicted latents against their definition."""

import numpy as np
import pytest
import torch
from diffusers import schedulers
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers

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


@pytest.mark.parametrize("name", CONFIGS)
def test_the_picture_is_seen_in_the_velocity_too(name, generator):
    """v = √ᾱ·ε − √(1−ᾱ)·x₀, of noised latents at every timestep."""
    x0, noise = torch.randn(2, 1, 4, 8, 8, generator=generator)
    schedule = Schedule({**config(name), "prediction_type": "v_prediction"}, 20)
    scaled = name == "EulerDiscreteScheduler"
    sigmas = ((1 - alphas()) / alphas()) ** 0.5
    for t in schedule.timesteps:
        sigma = float(np.interp(float(t), np.arange(1000), sigmas))
        at = 1 / (1 + sigma**2)
        latents = x0 + sigma * noise if scaled else at**0.5 * x0 + (1 - at) ** 0.5 * noise
        velocity = at**0.5 * noise - (1 - at) ** 0.5 * x0
        torch.testing.assert_close(schedule.predicted(velocity, t, latents), x0, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["DDIMScheduler", "DPMSolverMultistepScheduler"])
def test_noise_and_velocity_lead_to_the_same(name, generator):
    """Of a network that knows the picture and tells either; others mix what several steps predicted."""
    x0, noise = torch.randn(2, 1, 4, 8, 8, generator=generator, dtype=torch.float64)
    ends = []
    for kind in ("epsilon", "v_prediction"):
        schedule = Schedule({**config(name), "prediction_type": kind}, 6)
        latents = noise
        for t in schedule.timesteps:
            at = alphas()[int(t)]
            epsilon = (latents - at**0.5 * x0) / (1 - at) ** 0.5
            velocity = at**0.5 * epsilon - (1 - at) ** 0.5 * x0
            latents = schedule.step(epsilon if kind == "epsilon" else velocity, t, latents)
        ends.append(latents)
    torch.testing.assert_close(ends[0], ends[1], atol=1e-5, rtol=0)


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


# Some read torch tensors in the way of numpy 1.
@pytest.mark.filterwarnings("ignore:__array_wrap__ must accept context:DeprecationWarning")
@pytest.mark.parametrize("more", [{}, {"algorithm_type": "sde-dpmsolver++"}], ids=["usual", "sde"])
@pytest.mark.parametrize("name", KarrasDiffusionSchedulers.__members__)
def test_whatever_runs_can_be_repeated_and_leaves_torchs_generator_alone(name, more):
    torch.manual_seed(7)
    before = torch.get_rng_state()

    def run():
        own, (first,) = torch.Generator().manual_seed(3), torch.ones(1, 1, 4, 8, 8)
        schedule = Schedule({"_class_name": name, **COMMON, **more}, 4)
        latents = schedule.start(first)
        for t in schedule.timesteps:
            latents = schedule.step(0.1 * schedule.input(latents, t), t, latents, own)
        return latents

    try:
        once = run()
    except (ValueError, NotImplementedError) as error:
        assert str(error)
    else:
        assert torch.equal(run(), once)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prediction_type": "sample"}, "prediction_type is sample, and epsilon or v_prediction is needed"),
        ({"_class_name": "DPMSolverSDEScheduler"}, "takes no seed"),
        ({"_class_name": "EDMEulerScheduler"}, "is not for Stable Diffusion"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        Schedule({**config("EulerDiscreteScheduler"), **change}, 4)


def test_a_scheduler_whose_library_is_absent_is_refused(monkeypatch):
    def absent(settings):
        raise ImportError("LMSDiscreteScheduler requires the scipy library")

    monkeypatch.setattr(schedulers.EulerDiscreteScheduler, "from_config", absent)
    with pytest.raises(ValueError, match="needs a library"):
        Schedule(config("EulerDiscreteScheduler"), 4)


@pytest.mark.parametrize("name", CONFIGS)
def test_timesteps_for_the_network_are_the_same(name):
    schedule = Schedule(config(name), 5)
    assert schedule.timesteps_on(torch.device("cpu")) == schedule.timesteps
    assert {t.device.type for t in schedule.timesteps_on(torch.device("meta"))} == {"meta"}


@pytest.mark.parametrize("name", ["SteadyScheduler", "VQDiffusionScheduler", "DDIMInverseScheduler", None])
def test_what_is_no_sampler_of_stable_diffusion_is_refused(name):
    with pytest.raises(ValueError, match="there is no scheduler"):
        Schedule({"_class_name": name, **COMMON}, 10)
