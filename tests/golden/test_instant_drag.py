"""InstantDrag equals what the published implementation computed, array by array."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file

from engine.diffusion.frame import Frame
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.edit import Point, PointPair
from engine.methods.instant_drag import editor, flow
from engine.methods.instant_drag.flowdiffusion import FlowDiffusion, Sampling, conditions
from engine.methods.instant_drag.flowgen import Discriminator, FlowGen
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.progress import Progress


@pytest.fixture
def recorded(golden):
    return lambda name: np.load(golden / "instantdrag" / name)


def close(actual, expected, tolerance):
    actual = actual.detach().numpy() if isinstance(actual, torch.Tensor) else np.asarray(actual)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


def test_flowgen(recorded, recipe_uniform, fill_weights):
    known = recorded("flowgen_ngf32.npz")
    network = FlowGen(32)
    fill_weights(network, 101, 0.15)
    assert sorted(network.state_dict()) == sorted(known["keys"].tolist())
    image = recipe_uniform("flowgen.input.image", (1, 3, 256, 256), -1, 1, 101)
    sparse = recipe_uniform("flowgen.input.flow", (1, 2, 256, 256), -1, 1, 101)
    sparse = sparse * (recipe_uniform("flowgen.input.flowmask", (1, 1, 256, 256), 0, 1, 101) > 0.999)
    x = torch.from_numpy(np.concatenate([image, sparse], axis=1))
    close(x[0, :, :4, :4], known["in_corner"], 0)
    with torch.no_grad():
        y = network(x)
    close(y[:, :, ::8, ::8], known["out_stride8"], 2e-5)
    close(y[0, :, 0], known["out_row0"], 2e-5)
    close(y.mean((-2, -1)), known["out_mean"], 2e-5)
    close(y.abs().mean((-2, -1)), known["out_absmean"], 2e-5)


def test_discriminator(recorded, recipe_uniform, fill_weights):
    known = recorded("discriminator_ndf16.npz")
    network = Discriminator(16)
    fill_weights(network, 102, 0.15)
    assert sorted(network.state_dict()) == sorted(known["keys"].tolist())
    with torch.no_grad():
        out = network(torch.from_numpy(recipe_uniform("disc.input", (1, 7, 256, 256), -1, 1, 102)))
    close(out, known["out"], 2e-5)


CASES = ("one_diag", "two", "horizontal", "vertical_x2", "border_dup", "three_scale2", "zero")


@pytest.fixture(scope="module")
def image(recipe_uniform):
    return recipe_uniform("prep.image", (512, 512, 3), 0, 255, 103).astype(np.uint8)


@pytest.fixture
def case(recorded, image):
    """case(name): the frame, the request and the settings of a recorded case, and what was recorded."""

    def of(name):
        known = recorded("point_to_flow.npz")
        xy = known[f"{name}.points_xy"]
        pairs = tuple(
            PointPair(Point(*map(float, a)), Point(*map(float, b)))
            for a, b in zip(xy[::2], xy[1::2], strict=True)
        )
        # Drags of no length, and two from one place, reach the flow although a DragEdit refuses them.
        opaque = np.dstack([image, np.full((512, 512), 255, np.uint8)])
        request = SimpleNamespace(
            image=opaque, mask=np.full((512, 512), 255, np.uint8), points=pairs, pins=()
        )
        scale = float(known[f"{name}.scale"])
        settings = (
            InstantDragSettings() if scale == -1 else InstantDragSettings(reach="static", reach_factor=scale)
        )
        frame = Frame.of((512, 512), 512, 64)
        assert frame.working == frame.content == (512, 512)
        return frame, request, settings, {key: known[f"{name}.{key}"] for key in EXPECTED}

    return of


EXPECTED = ("sparse_nz_rc", "sparse_nz_val", "flow64", "flow64_sum", "flow64_max")


@pytest.mark.parametrize("name", CASES)
def test_points_become_what_flowgen_reads(case, name, recorded):
    frame, request, settings, known = case(name)
    seen = []

    def record(x):
        seen.append(x)
        return torch.zeros(1, 2, 256, 256)

    editor._dense_flow(record, frame.tensor(request.image), request, frame, settings)
    (x,) = seen
    sparse = x[0, 3:].numpy()
    assert np.array_equal(np.argwhere(np.abs(sparse).max(0) > 0), known["sparse_nz_rc"].reshape(-1, 2))
    rows, columns = known["sparse_nz_rc"].reshape(-1, 2).T
    close(sparse[:, rows, columns], known["sparse_nz_val"], 1e-6)
    whole = recorded("point_to_flow.npz")
    close(x[0, :3, ::16, ::16], whole["image256_stride16"], 1e-5)
    close(x[0, :3].mean((-2, -1)), whole["image256_mean"], 1e-5)


@pytest.mark.parametrize("name", CASES)
def test_points_become_what_flowdiffusion_reads(case, name, recipe_uniform):
    frame, request, settings, known = case(name)
    answer = torch.from_numpy(recipe_uniform("fake.flowgen.out", (1, 2, 256, 256), -0.4, 0.6, 103))
    dense = editor._dense_flow(lambda x: answer, frame.tensor(request.image), request, frame, settings)
    condition = editor._condition(dense, SimpleNamespace(factor=8), frame)[0]
    close(condition[:, ::4, ::4], known["flow64"], 1e-6)
    close(condition.double().sum((-2, -1)), known["flow64_sum"], 2e-4)
    close(condition.amax((-2, -1)), known["flow64_max"], 1e-6)


@pytest.mark.parametrize("rescale", ["none", "scale", "normalize_fixed", "normalize_max"])
def test_flows_are_resized(recorded, rescale):
    known = recorded("resize_flow.npz")
    close(flow.resize_flow(torch.from_numpy(known["input"]), (12, 10), rescale), known[rescale], 1e-6)


# --- the whole of FlowDiffusion

SPACING = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
SCHEDULERS = {
    "ddim": {"_class_name": "DDIMScheduler", "clip_sample": False, "set_alpha_to_one": False},
    "pndm": {"_class_name": "PNDMScheduler", "skip_prk_steps": True},
    "euler": {"_class_name": "EulerDiscreteScheduler"},
    "dpmpp2m": {"_class_name": "DPMSolverMultistepScheduler"},
}
RUNS = {
    "ddim_g1.5_1.5": ("ddim", 1.5, 1.5),
    "ddim_g1.75_3.0": ("ddim", 1.75, 3.0),
    "ddim_g1.0_1.0": ("ddim", 1.0, 1.0),
    "pndm_g1.5_1.5": ("pndm", 1.5, 1.5),
    "euler_g1.5_1.5": ("euler", 1.5, 1.5),
    "dpmpp2m_g1.5_1.5": ("dpmpp2m", 1.5, 1.5),
}


@pytest.fixture(scope="module")
def sd(golden):
    def network(kind, name):
        config = json.loads((golden / f"{name}.config.json").read_bytes())
        made = kind.from_config({key: value for key, value in config.items() if key != "_use_default_values"})
        made.load_state_dict(load_file(golden / f"{name}.safetensors"))
        return made.eval().requires_grad_(False)

    return LatentDiffusion(
        network(UNet2DConditionModel, "instantdrag/tiny_unet10"), network(AutoencoderKL, "tiny_vae")
    )


@pytest.fixture
def given(recorded):
    known = recorded("flowdiffusion_tiny.npz")
    return known, {key: torch.from_numpy(known[key]) for key in ("image", "flow", "latents0_unit", "null")}


def test_the_condition_channels(sd, given):
    known, tensors = given
    latent = sd.encode(tensors["image"], scaled=False)
    close(conditions(latent, tensors["flow"], guided=True), known["image_latents_batch3"], 1e-5)


@pytest.mark.parametrize("run", RUNS)
def test_flowdiffusion_samples_the_same(sd, given, run):
    known, tensors = given
    scheduler, image_scale, flow_scale = RUNS[run]
    config = SPACING | SCHEDULERS[scheduler]
    sampling = Sampling(scheduler=config, steps=4, image_scale=image_scale, flow_scale=flow_scale)
    condition = conditions(sd.encode(tensors["image"], scaled=False), tensors["flow"], guided=sampling.guided)
    steps, timesteps = [], []
    predict = sd.predict_noise

    def noting(latents, timestep, embedding):
        timesteps.append(float(timestep))
        return predict(latents, timestep, embedding)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sd, "predict_noise", noting)
        latents = FlowDiffusion(sd, tensors["null"]).sample(
            condition, tensors["latents0_unit"], sampling, Progress(on_step=steps.append)
        )
    close(timesteps, known[f"{scheduler}.timesteps"], 1e-6)
    assert len(steps) == len(timesteps) + 1
    close(latents, known[f"{run}.latents"], 1e-4)
    if run == "ddim_g1.5_1.5":
        image = sd.decode(latents)[0].permute(1, 2, 0) / 2 + 0.5
        close(image.clamp(0, 1), known["ddim_image"], 1e-4)
