"""DDIM: schedules and steps against formulas and diffusers, inversion and sampling against each other."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDIMInverseScheduler, DDIMScheduler
from hypothesis import given, strategies as st

from engine.diffusion.ddim import Ddim, invert, sample
from engine.progress import Cancelled, Progress

COMMON = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
SD1 = {"_class_name": "PNDMScheduler", "skip_prk_steps": True, "set_alpha_to_one": False, **COMMON}
SD2 = {**SD1, "_class_name": "DDIMScheduler", "clip_sample": False, "prediction_type": "v_prediction"}


def alphas():
    """ᾱ of Stable Diffusion, from its definition."""
    return np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 1, 4, 8, 8, generator=generator, dtype=torch.float64).unbind()


def test_fifty_steps_of_stable_diffusion():
    schedule = Ddim(SD1, 50)
    assert schedule.timesteps == tuple(range(981, 0, -20))
    assert schedule.steps == 50


@pytest.mark.parametrize(
    ("strength", "depth"), [(0.75, 38), (0.7, 35), (1.0, 50), (0.73, 36), (0.77, 38), (0.0, 1), (0.01, 1)]
)
def test_depths_are_rounded_to_even(strength, depth):
    assert Ddim(SD1, 50).depth(strength) == depth


@given(st.integers(1, 1000), st.floats(0, 1))
def test_a_depth_is_a_number_of_steps_there_are(steps, strength):
    schedule = SimpleNamespace(steps=steps)
    assert 1 <= Ddim.depth(schedule, strength) <= steps


@pytest.mark.parametrize("steps", [1, 4, 50])
@pytest.mark.parametrize("config", [SD1, SD2], ids=["noise", "velocity"])
def test_steps_are_diffusers(pair, config, steps):
    x, noise = pair
    theirs = DDIMScheduler.from_config({**config, "clip_sample": False})
    theirs.set_timesteps(steps)
    ours = Ddim(config, steps)
    assert list(ours.timesteps) == theirs.timesteps.tolist()
    for t in ours.timesteps:
        expected = theirs.step(noise, t, x)
        torch.testing.assert_close(ours.step(noise, t, x), expected.prev_sample, atol=1e-5, rtol=1e-6)
        torch.testing.assert_close(
            ours.clean(noise, t, x), expected.pred_original_sample, atol=1e-5, rtol=1e-6
        )


def test_inverse_steps_are_diffusers(pair):
    x, noise = pair
    theirs = DDIMInverseScheduler(**{**COMMON, "steps_offset": 0}, clip_sample=False, set_alpha_to_one=False)
    theirs.set_timesteps(50)
    ours = Ddim(SD1, 50)
    for t in ours.timesteps:
        expected = theirs.step(noise, t, x).prev_sample
        torch.testing.assert_close(ours.invert_step(noise, t, x), expected, atol=1e-5, rtol=1e-6)


def test_inverse_steps_are_the_papers(pair):
    x, noise = pair
    a = alphas()
    for t in Ddim(SD1, 50).timesteps:
        now, then = a[max(t - 20, 0)], a[t]
        expected = then**0.5 * (x - (1 - now) ** 0.5 * noise) / now**0.5 + (1 - then) ** 0.5 * noise
        torch.testing.assert_close(Ddim(SD1, 50).invert_step(noise, t, x), expected, atol=1e-5, rtol=1e-5)


def test_a_network_that_tells_the_velocity_is_inverted_as_one_that_tells_the_noise(pair):
    """The same network in both languages, which translates by the timestep it is asked at."""
    x, direction = pair
    a = alphas()
    ends = []
    for config in (SD1, SD2):
        schedule, latents = Ddim(config, 10), x
        path = [(t, schedule.invert_step) for t in schedule.timesteps[::-1]]
        path += [(t, schedule.step) for t in schedule.timesteps]
        for t, step in path:
            noise = torch.tanh(0.3 * latents + direction)
            if config is SD2:  # v = √ᾱ·ε − √(1−ᾱ)·x₀ with x₀ = (x − √(1−ᾱ)·ε) / √ᾱ
                noise = (noise - (1 - a[t]) ** 0.5 * latents) / a[t] ** 0.5
            latents = step(noise, t, latents)
        ends.append(latents)
    torch.testing.assert_close(ends[0], ends[1], atol=1e-4, rtol=1e-4)


def test_velocities_at_pure_noise_are_finite(pair):
    """Networks with zero terminal signal-to-noise ratio see pure noise at the first timestep: ᾱ = 0."""
    config = {**SD2, "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    schedule = Ddim(config, 10)
    x, velocity = pair
    assert schedule.timesteps[0] == 999
    torch.testing.assert_close(schedule.clean(velocity, 999, x), -velocity)
    for made in (schedule.step(velocity, 999, x), schedule.invert_step(velocity, 999, x)):
        assert made.isfinite().all()


class Still:
    """Predicts the same noise wherever it is asked."""

    def __init__(self, noise):
        self.noise, self.asked = noise, []

    def predict_noise(self, latents, timestep, embedding):
        self.asked.append(int(timestep))
        return self.noise


@pytest.mark.parametrize("depth", [1, 7, 20])
def test_there_and_back_again(pair, depth):
    x, noise = pair
    schedule, network, steps = Ddim(SD1, 20), Still(noise), []
    path = invert(network, x, None, schedule, depth, Progress(on_step=steps.append))
    assert network.asked == list(schedule.timesteps[::-1])[:depth]
    assert [step.phase for step in steps] == ["Invert"] * (depth + 1)
    assert len(path) == depth
    network.asked.clear()
    again = sample(network, path[-1], None, schedule, depth, Progress())
    assert network.asked == list(schedule.timesteps[-depth:])
    torch.testing.assert_close(again, x, atol=1e-9, rtol=0)
    for known, t in zip(path[:-1], schedule.timesteps[::-1], strict=False):
        expected = alphas()[t] ** 0.5 * schedule.clean(noise, t, known) + (1 - alphas()[t]) ** 0.5 * noise
        torch.testing.assert_close(known, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("loop", [invert, sample])
def test_loops_can_be_cancelled(pair, loop):
    x, noise = pair
    network = Still(noise)
    progress = Progress(is_cancelled=lambda: len(network.asked) == 3)
    with pytest.raises(Cancelled):
        loop(network, x, None, Ddim(SD1, 20), 20, progress)
    assert len(network.asked) == 3


def test_steps_let_gradients_through(pair):
    x, noise = (tensor.requires_grad_() for tensor in pair)
    for config in (SD1, SD2):
        schedule = Ddim(config, 50)
        for step in (schedule.step, schedule.invert_step):
            assert torch.autograd.gradcheck(lambda n, z, step=step: step(n, 741, z), (noise, x))


@pytest.mark.parametrize(
    ("change", "steps", "words"),
    [
        ({}, 1001, "1001|larger"),
        ({}, 1000, "up to timestep 999"),
        ({"prediction_type": "sample"}, 10, "prediction_type is sample"),
    ],
)
def test_what_does_not_fit_is_refused(change, steps, words):
    with pytest.raises(ValueError, match=words):
        Ddim({**SD1, **change}, steps)
