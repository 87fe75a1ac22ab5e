"""The stage `vae`: what it learns from, its losses, resuming, and an export like a published one."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from hypothesis import given, settings as limits, strategies as st
from safetensors.torch import load_file

from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.errors import InvalidRequest
from engine.packs import Component, ModelPack
from engine.runtime.components import Components
from engine.stages import STAGES
from engine.training.loop import train
from engine.training.photos import Photos, open_photos
from engine.training.run import Run
from engine.training.vae_stage import Autoencoder, VaeSettings, VaeStage, cut, errors, psnr
from tests.engine.training.photo_files import write_folder

TINY = VaeSettings(size=64, crop=32, width=8, steps=6, batch_size=3, held_out=4, warm_up=2, evaluate_every=0)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("photos") / "all", number=3, side=64)


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    """A whole run: its outcome, and the folder that it left."""
    out = tmp_path_factory.mktemp("run")
    return train(VaeStage, TINY, Run(stage="vae", data=photos, out=out)), out


def numbered(side):
    """One photo in which red is the column of a pixel, green its row."""
    y, x = np.indices((side, side))
    pixels = np.stack([x, y, np.zeros_like(x)], axis=-1)[None].astype(np.uint8)
    nothing = {"regions": pixels[..., 0], "boxes": np.zeros((1, 8, 4)), "weights": np.zeros((1, 8))}
    return Photos(pixels=pixels, families=("",), **nothing)


def network(width=8):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Autoencoder(width)


# --- what it learns from


@limits(max_examples=30, deadline=None)
@given(side=st.integers(1, 24), seed=st.integers(0, 2**31))
def test_crops_are_squares_of_the_photo_or_their_mirror_images(side, seed):
    crops = cut(numbered(24), torch.zeros(6, dtype=torch.long), side, torch.Generator().manual_seed(seed))
    assert crops.shape == (6, 3, side, side)
    pixels = ((crops + 1) * 127.5).round().long()
    for column, row, blue in pixels:
        assert (blue == 0).all()
        assert (row == row[:1, :1] + torch.arange(side)[:, None]).all()
        steps = torch.arange(side) if side == 1 or column[0, 1] > column[0, 0] else -torch.arange(side)
        assert (column == column[:1, :1] + steps).all()


def test_crops_come_from_everywhere_and_every_other_one_is_mirrored():
    chosen = torch.zeros(400, dtype=torch.long)
    crops = ((cut(numbered(8), chosen, 6, torch.Generator().manual_seed(0)) + 1) * 127.5).round()
    mirrored = crops[:, 0, 0, 0] > crops[:, 0, 0, 1]
    assert 0.4 < mirrored.float().mean() < 0.6
    assert set(crops[:, 1, 0, 0].tolist()) == {0, 1, 2}
    assert set(crops[:, 0].amin((1, 2)).tolist()) == {0, 1, 2}


def test_no_regions_are_looked_for(photos, monkeypatch):
    monkeypatch.setattr("engine.training.photos.propose", None)
    stage = VaeStage(TINY, photos, CPU)
    batch = next(stage.batches(0))
    assert batch.shape == (3, 3, 32, 32)
    assert batch.min() >= -1
    assert batch.max() <= 1
    assert torch.equal(batch, next(stage.batches(0)))
    assert not torch.equal(batch, next(stage.batches(1)))


def test_photos_without_regions_are_kept_apart_from_those_with(photos, tmp_path):
    plain = open_photos(photos, 48, tmp_path, held_out=True, segmented=False)
    assert not plain.weights.any()
    assert not plain.regions.any()
    whole = open_photos(photos, 48, tmp_path, held_out=True)
    assert whole.weights.any()
    assert np.array_equal(plain.pixels, whole.pixels)


def test_a_crop_larger_than_the_photos_is_refused(photos):
    with pytest.raises(InvalidRequest, match="crop is 128 pixels and size 64; set crop to size or less"):
        VaeStage(VaeSettings(size=64, crop=128), photos, CPU)


# --- losses and figures


def test_errors_are_shares_of_the_range():
    truth = torch.zeros(2, 3, 16, 16)
    assert found(truth, truth) == (0, 0, 0)
    assert found(truth + 0.5, truth) == pytest.approx((0.25, 0, 0))
    ramp = truth + torch.arange(16.0) / 8  # 1/16 of the range a pixel, and 2/16, 4/16 at the coarser scales
    assert found(ramp, truth)[1] == pytest.approx((1 + 2 + 4) / 16 / 3)
    stripes = truth + torch.tensor([-1.0, 1.0]).repeat(8)  # which only the finest scale sees
    assert found(stripes, truth) == pytest.approx((0.5, 1 / 3, 0))


def test_tint_is_colour_without_lightness_and_detail():
    truth = torch.zeros(1, 3, 16, 16)
    red = torch.tensor([0.6, 0, 0])[:, None, None]  # 0.3 of the range; 0.1 of it is lightness
    assert found(truth + red, truth)[2] == pytest.approx((0.2 + 0.1 + 0.1) / 3)
    assert found(truth + red * torch.tensor([-1.0, 1.0]).repeat(8), truth)[2] == 0


def found(made, truth):
    return tuple(float(errors(made, truth)[name]) for name in ("colour", "gradient", "tint"))


def test_decibels():
    truth = torch.zeros(3, 8, 8)
    assert float(psnr(truth + 0.2, truth)) == pytest.approx(20)
    assert float(psnr(truth, truth)) == pytest.approx(100)
    assert float(psnr(truth + 7, truth + 1)) == pytest.approx(100)  # shown as white


def test_figures_are_those_of_the_held_out_photos(photos):
    stage = VaeStage(TINY, photos, CPU)
    figures = stage.evaluate({"vae": network().eval()})
    assert figures == stage.evaluate({"vae": network().eval()})
    held_out = open_photos(photos, 64, stage_cache(), held_out=True, segmented=False).pixels
    chosen = torch.from_numpy(held_out[[0, 2, 3, 5]]).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.no_grad():
        latents, made = network().eval()(chosen)
    expected = np.mean([float(psnr(a, b)) for a, b in zip(made, chosen, strict=True)])
    assert figures["psnr"] == pytest.approx(expected, abs=1e-4)
    assert figures["tint"] == pytest.approx(found(made, chosen)[2], rel=1e-4)
    assert figures["latent_mean"] == pytest.approx(float(latents.mean((0, 2, 3)).abs().max()), rel=1e-4)
    deviations = latents.std((0, 2, 3))
    assert figures["latent_std_least"] == pytest.approx(float(deviations.min()), rel=1e-4)
    assert figures["latent_std_most"] == pytest.approx(float(deviations.max()), rel=1e-4)


def stage_cache():
    from engine.paths import data_dir

    return data_dir() / "cache" / "photos"


def test_noise_is_added_to_the_latents_alone():
    tiny = network().eval()
    images = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noise = torch.ones(1, 4, 4, 4)
    with torch.no_grad():
        latents, made = tiny(images)
        same, other = tiny(images, noise)
        assert torch.equal(latents, same)
        torch.testing.assert_close(other, tiny.decode(latents + noise).sample)
        assert not torch.allclose(other, made)


def test_it_begins_with_the_mean_colours_of_squares():
    """Smooth, saturated colours come back, far from the border, before anything is learnt."""
    y, x = np.indices((128, 128)) / 128
    picture = torch.from_numpy(np.stack([0.2 + 0.5 * x, 0.3 + 0.5 * y, 0.7 - 0.4 * x]))[None].float()
    with torch.no_grad():
        latents, made = network(16).eval()(2 * picture - 1)
    made = (made + 1) / 2
    inside = (slice(None), slice(None), slice(32, 96), slice(32, 96))
    assert float((made - picture)[inside].abs().max()) < 0.06
    assert 0.3 < float(latents[:, :3].std()) < 2


def test_it_learns(photos, tmp_path):
    settings = replace(TINY, crop=64, steps=60, batch_size=4, learning_rate=3e-3, ema_decay=0.8)
    before = VaeStage(settings, photos, CPU).evaluate({"vae": network().eval()})
    after = train(VaeStage, settings, Run(stage="vae", data=photos, out=tmp_path)).figures
    assert after["psnr"] > before["psnr"] + 2
    assert after["tint"] < before["tint"]


# --- a run, and what it leaves


def test_it_is_one_of_the_stages():
    assert STAGES["vae"].open() is VaeStage


def test_a_few_steps_are_measured(run):
    outcome, _ = run
    assert (outcome.step, outcome.reason) == (6, "steps")
    assert all(np.isfinite(value) for value in outcome.figures.values())


def test_resuming_is_as_if_nothing_had_happened(run, photos, tmp_path):
    stopped = iter([False, False, True])
    train(VaeStage, TINY, Run(stage="vae", data=photos, out=tmp_path), is_cancelled=lambda: next(stopped))
    train(VaeStage, TINY, Run(stage="vae", data=photos, out=tmp_path, resume=tmp_path))
    whole, part = (sorted((folder / "export").rglob("*.safetensors")) for folder in (run[1], tmp_path))
    assert len(whole) == len(part) == 1
    assert whole[0].read_bytes() == part[0].read_bytes()


@pytest.fixture(scope="module")
def opened(run):
    """The export as the product opens it, from a pack."""
    folder = run[1] / "export"
    pack = ModelPack(
        name="p",
        title="P",
        licence="CC0-1.0",
        working_size=64,
        folder=folder,
        components={"vae": Component(role="vae", kind="autoencoder_tiny", path=folder / "vae")},
        methods={},
    )
    return Components(pack=pack, device="cpu", precision="auto").load("vae", AutoencoderTiny)


def test_the_export_is_a_half_precision_autoencoder_tiny(run, opened):
    folder = run[1] / "export" / "vae"
    files = {file.name for file in folder.iterdir()}
    assert files == {"config.json", "diffusion_pytorch_model.safetensors"}
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["_class_name"] == "AutoencoderTiny"
    assert opened.dtype == torch.float32
    weights = sum(weight.numel() for weight in opened.parameters())
    size = (folder / "diffusion_pytorch_model.safetensors").stat().st_size
    assert 2 * weights < size < 2 * weights + 20_000


def test_what_was_exported_is_gone_on_from(run, photos, tmp_path):
    """And nothing but the rounding to half precision is between the two."""
    exported = load_file(run[1] / "export" / "vae" / "diffusion_pytorch_model.safetensors")
    more = replace(TINY, steps=1, learning_rate=1e-8)
    start = Run(stage="vae", data=photos, out=tmp_path, continue_from=run[1] / "export" / "vae")
    train(VaeStage, more, start)
    again = load_file(tmp_path / "export" / "vae" / "diffusion_pytorch_model.safetensors")
    assert again.keys() == exported.keys()
    for name, weight in exported.items():
        assert torch.allclose(again[name], weight, atol=2e-3)


def test_the_export_encodes_and_decodes_as_the_trained_network_does(run, photos, opened):
    unet = UNet2DConditionModel(
        block_out_channels=(8,),
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
        mid_block_type=None,
        layers_per_block=1,
        cross_attention_dim=8,
        norm_num_groups=4,
    )
    sd = LatentDiffusion(unet, opened)
    stage = VaeStage(TINY, photos, CPU)
    images = stage._held_out
    with torch.no_grad():
        latents = sd.encode(images)
        made = sd.decode(latents)
    assert sd.factor == 8
    assert latents.shape == (4, 4, 8, 8)
    assert made.shape == images.shape
    decibels = np.mean([float(psnr(a, b)) for a, b in zip(made, images, strict=True)])
    assert decibels == pytest.approx(run[0].figures["psnr"], abs=0.02)
    largest = float(latents.std((0, 2, 3)).max()) / opened.config["scaling_factor"]
    assert largest == pytest.approx(run[0].figures["latent_std_most"], rel=1e-2)
    training = stage._photos.pixels  # all of the same family size: each is as likely as the others
    latents = sd.encode(torch.from_numpy(np.array(training)).permute(0, 3, 1, 2) / 127.5 - 1)
    assert float(latents.var((0, 2, 3)).mean()) == pytest.approx(1, rel=0.15)
