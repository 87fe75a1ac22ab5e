"""A whole edit of DragDiffusion equals what the published code made, in float64 on the same networks."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from torch.nn.functional import conv2d, interpolate

from engine.diffusion.ddim import Ddim, invert
from engine.diffusion.drag_task import DragTask
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.points import grid_points
from engine.methods.drag_diffusion.dragging import LatentDrag
from engine.methods.drag_diffusion.guided import Guided
from engine.methods.drag_diffusion.settings import DragDiffusionSettings
from engine.progress import Progress
from engine.training.backbone_networks import SCHEDULE as CONFIG

SCHEDULE = Ddim(CONFIG, 50)
SETTINGS = DragDiffusionSettings(drag_steps=10)


@pytest.fixture(scope="module")
def recorded(golden):
    return np.load(golden / "dragdiffusion" / "full_square.npz")


@pytest.fixture(scope="module")
def diffusion(golden):
    with torch.random.fork_rng():
        nets = [
            kind.from_config(json.loads((golden / f"{name}.config.json").read_text()))
            for kind, name in ((UNet2DConditionModel, "tiny_sd_unet"), (AutoencoderKL, "tiny_vae"))
        ]
    for net, name in zip(nets, ("tiny_sd_unet", "tiny_vae"), strict=True):
        net.load_state_dict(load_file(golden / f"{name}.safetensors"))
        net.to(dtype=torch.float64).eval().requires_grad_(False)
    return LatentDiffusion(*nets)


@pytest.fixture(scope="module")
def words(recipe):
    return torch.from_numpy(recipe("text.emb", (1, 77, 12), 202)).double()


@pytest.fixture(scope="module")
def inversion(recipe_uniform, diffusion, words):
    """From the picture up to where it is dragged."""
    pixels = recipe_uniform("full.image", (128, 128, 3), 0, 255, 308).astype(np.uint8)
    image = (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1).double()
    depth = SCHEDULE.depth(SETTINGS.inversion_strength)
    with torch.no_grad():
        return invert(diffusion, diffusion.encode(image), words, SCHEDULE, depth, Progress())


class Recorder(LatentDrag):
    """A drag that remembers what the recordings hold."""

    def __init__(self, *given):
        super().__init__(*given)
        self.each, self.losses = [], []

    def _track(self, *given):
        super()._track(*given)
        self.each.append(self.handles)

    def _loss(self, *given):
        loss = super()._loss(*given)
        self.losses.append(loss.item())
        return loss

    def _denoise(self, edited, progress):
        self.dragged = edited
        return super()._denoise(edited, progress)


@pytest.fixture(scope="module")
def drag(recorded, diffusion, words):
    """drag(noisy) → the drag that was made, and the finished latents, edited and unedited."""

    def dragged(noisy):
        mask = torch.from_numpy(recorded["mask64"])[None, None].double()
        points = grid_points(recorded["points_xy"], (128, 128), (64, 64))
        task = DragTask(
            noisy=noisy,
            mask=interpolate(mask, noisy.shape[-2:]),
            handles=points[::2],
            targets=points[1::2],
            grid=(64, 64),
        )
        network = Guided(diffusion=diffusion, words=words, guidance=1, block=SETTINGS.feature_block)
        made = Recorder(network, SCHEDULE, task, 35, SETTINGS)
        return made, *made.run(Progress())

    return dragged


@pytest.fixture(scope="module")
def edit(recorded, drag):
    """From the recorded noise. Our own is not it to the last bit, and ten updates make much of little."""
    return drag(torch.from_numpy(recorded["z_inverted"]))


def close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=tolerance)


def test_the_inversion(inversion, recorded):
    assert SCHEDULE.timesteps[-35] == int(recorded["t"])
    assert len(inversion) == 35
    close(inversion[0], recorded["z_step1"], 1e-7)
    close(inversion[-1], recorded["z_inverted"])


def test_the_handles_are_the_same_to_the_pixel(edit, recorded):
    made, *_ = edit
    assert len(made.each) == 10  # the published code does not look after its last update
    assert np.array_equal(torch.stack(made.each[:-1]), recorded["handles_each"])


def test_the_losses_and_the_latents(edit, recorded):
    made, *_ = edit
    close(made.losses, recorded["losses"])
    close(made.dragged, recorded["updated"])


def test_the_pictures(edit, recorded, diffusion):
    _, *finished = edit
    with torch.no_grad():
        edited, unedited = (diffusion.decode(latents)[0] / 2 + 0.5 for latents in finished)
    close(edited.clamp(0, 1), recorded["image_edit"])
    close(unedited.clamp(0, 1)[:, ::2, ::2], recorded["image_source"])


def test_all_of_it_from_the_picture_on(inversion, drag, recorded, diffusion):
    made, edited, _ = drag(inversion[-1])
    assert np.array_equal(torch.stack(made.each[:-1]), recorded["handles_each"])
    close(made.losses, recorded["losses"], 1e-3)
    close(made.dragged, recorded["updated"], 1e-3)
    with torch.no_grad():
        close((diffusion.decode(edited)[0] / 2 + 0.5).clamp(0, 1), recorded["image_edit"], 5e-3)


class ToyNetwork:
    """Convolutions in the network's place, as the recordings of the loop alone were made."""

    rows = 1

    def __init__(self, known):
        self._known = known
        unet = SimpleNamespace(config={"block_out_channels": (1,)})
        self.diffusion = SimpleNamespace(dtype=torch.float64, device=torch.device("cpu"), unet=unet)

    def noise_and_features(self, latents, t):
        return torch.tanh(conv2d(latents, self._known["w"], padding=1)), self.features(latents, t)

    def features(self, latents, t):
        return conv2d(latents, self._known["v"], padding=1)[0]


def test_two_handles_and_a_mask_without_a_network(golden):
    recorded = np.load(golden / "dragdiffusion" / "toy_loop_mask.npz")
    known = {name: torch.as_tensor(array) for name, array in recorded.items()}
    settings = DragDiffusionSettings(
        drag_steps=int(known["n_pix_step"]),
        learning_rate=known["lr"].item(),
        mask_weight=known["lam"].item(),
        patch_radius=int(known["r_m"]),
        tracking_radius=int(known["r_p"]),
    )
    task = DragTask(
        noisy=known["z"],
        mask=interpolate(known["mask"], known["z"].shape[-2:]).double(),
        handles=known["handles_rc"],
        targets=known["targets_rc"],
        grid=tuple(known["mask"].shape[-2:]),
    )
    made = Recorder(ToyNetwork(known), SCHEDULE, task, 35, settings)
    with torch.no_grad():
        dragged = made._drag(Progress())
    assert np.array_equal(torch.stack(made.each[:-1]), recorded["handles_each"])
    close(made.losses, recorded["losses"])
    close(dragged, recorded["out"])
