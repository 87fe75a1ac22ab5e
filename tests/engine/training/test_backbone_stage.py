"""The stage `backbone`: what it draws, its loss, a few steps, going on, and what the product makes of it."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.schedule import Schedule
from engine.errors import InvalidRequest
from engine.methods.instant_drag.train_flowdiffusion import FlowDiffusionSettings, FlowDiffusionStage
from engine.runtime.loaders import LOADERS
from engine.stages import STAGES
from engine.training.backbone_networks import (
    SCHEDULE,
    alphas_cumprod,
    min_snr_weights,
    noise_predictor,
    noised,
    text_encoder,
)
from engine.training.backbone_stage import BackboneSettings, BackboneStage
from engine.training.captions import train_tokenizer
from engine.training.loop import train
from engine.training.run import Run
from tests.engine.training.photo_files import write_folder

CPU = torch.device("cpu")
SMALL = BackboneSettings(
    size=64, steps=6, batch_size=4, warm_up=2, evaluate_every=0, width=32, levels=2,
    text_width=64, text_layers=1, followed=2, held_out=3, tracked=2, tracked_size=64,
)  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = write_folder(tmp_path_factory.mktemp("photos") / "things", number=2)
    for picture in folder.rglob("*.png"):
        picture.with_suffix(".txt").write_text(f"a disc in {picture.parent.name}")
    return folder


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tiny = AutoencoderTiny(
            encoder_block_out_channels=(8,) * 4,
            decoder_block_out_channels=(8,) * 4,
            num_encoder_blocks=(1,) * 4,
            num_decoder_blocks=(1,) * 4,
        )
    folder = tmp_path_factory.mktemp("vae")
    tiny.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def small(vae):
    return replace(SMALL, vae=vae)


@pytest.fixture
def stage(small, photos):
    return BackboneStage(small, photos, CPU)


def run_of(photos, out, **more):
    return Run(stage="backbone", data=photos, out=out, **more)


def exported(out):
    return {
        file.relative_to(out).as_posix(): file.read_bytes()
        for file in sorted((out / "export").rglob("*.safetensors"))
    }


# --- mathematics


def test_noise_is_added_as_the_library_adds_it():
    library = DDIMScheduler.from_config(SCHEDULE)
    random = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 5, 4, 3, 3, generator=random)
    t = torch.tensor([0, 1, 400, 750, 999])
    ours = noised(latents, noise, alphas_cumprod()[t])
    assert torch.allclose(ours, library.add_noise(latents, noise, t), atol=1e-6)


def test_weights_are_those_of_min_snr():
    alphas = alphas_cumprod()
    weights = min_snr_weights(alphas, 5.0)
    exact = alphas.double().numpy()
    ratio = exact / (1 - exact)
    assert np.allclose(weights.numpy(), np.minimum(ratio, 5) / ratio, rtol=1e-4)
    assert weights[-1] == 1
    assert weights[0] < 0.01
    assert (weights.diff() >= 0).all()
    assert torch.equal(min_snr_weights(alphas, 0.0), torch.ones(1000))


def test_the_networks_are_as_designed():
    unet = noise_predictor((64, 128, 192), layers=1, text=256, channels=4)
    assert 10e6 < sum(p.numel() for p in unet.parameters()) < 13e6
    words = text_encoder(train_tokenizer(["a photo"]), width=256, layers=4)
    assert sum(p.numel() for p in words.parameters()) + (4096 - 514) * 256 < 4e6
    assert not hasattr(unet.down_blocks[0], "attentions")
    heads = {(m.heads, m.to_q.out_features) for m in unet.modules() if hasattr(m, "to_q")}
    assert heads == {(2, 128), (3, 192)}


# --- the stage


def test_batches_are_crops_of_the_latents(stage):
    latents = stage._values
    batch = next(stage.batches(0))
    assert batch.latents.shape == (4, 4, 8, 8)
    assert latents.shape[-2:] == (10, 10)
    for crop in batch.latents:
        windows = latents.float().unfold(3, 8, 1).unfold(4, 8, 1)  # (n, v, c, 3, 3, 8, 8)
        same = (windows == crop[None, None, :, None, None]).all(-1).all(-1).all(2)
        assert same.any()


def test_all_chance_of_batches_is_their_generators(stage):
    batches = stage.batches(3)
    next(batches)
    state = batches.generator.get_state()
    expected = next(batches)
    batches.generator.set_state(state)
    torch.rand(1)
    again = next(batches)
    assert torch.equal(expected.latents, again.latents)
    assert torch.equal(expected.tokens, again.tokens)
    assert not torch.equal(next(stage.batches(4)).latents, next(stage.batches(3)).latents)


@pytest.mark.parametrize(("dropout", "low", "high"), [(0.0, 0, 0), (0.5, 0.3, 0.7), (1.0, 1, 1)])
def test_captions_are_dropped_as_often_as_is_set(small, photos, dropout, low, high):
    stage = BackboneStage(replace(small, caption_dropout=dropout, batch_size=100), photos, CPU)
    empty = stage._tokens[0]
    dropped = (next(stage.batches(0)).tokens == empty).all(1)
    assert low <= dropped.float().mean() <= high
    assert not (stage._tokens[1:] == empty).all(1).any()


def test_a_perfect_prediction_costs_nothing(stage):
    """The loss is that of the noise: with the truth as the answer, it is zero."""
    batch, noise = next(stage.batches(0)), torch.randn(4, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    asked = []

    def unet(noisy, t, words):
        asked.append((noisy, words.shape))
        return SimpleNamespace(sample=noise)

    modules = {"unet": unet, "text_encoder": stage.modules["text_encoder"]}
    t = torch.tensor([10, 300, 600, 900])
    assert torch.equal(stage._errors(modules, batch, noise, t), torch.zeros(4))
    ((noisy, words),) = asked
    assert torch.equal(noisy, noised(batch.latents, noise, alphas_cumprod()[t]))
    assert words == (4, 77, 64)


def test_captions_are_learnt_along(stage):
    """A step moves the text encoder as well."""
    words = stage.modules["text_encoder"]
    before = {name: weight.clone() for name, weight in words.state_dict().items()}
    (optimizer,) = stage.optimizers().values()
    turn = SimpleNamespace(step=0, generator=torch.Generator().manual_seed(0))

    def learn(name, loss):
        loss.backward()
        optimizer.step()

    turn.learn = learn
    stage.modules["unet"].conv_out.weight.data.normal_(std=0.1)
    figures = stage.update(next(stage.batches(0)), turn)
    assert set(figures) == {"loss", "denoising", "following"}
    denoising = figures["loss"] - BackboneSettings.following_weight * figures["following"]
    assert 0 < denoising <= figures["denoising"]
    moved = [name for name, weight in words.state_dict().items() if not torch.equal(weight, before[name])]
    assert any("token_embedding" in name for name in moved)
    assert any("layers.0" in name for name in moved)


def test_figures_are_always_of_the_same_samples(stage):
    modules = {name: network.eval() for name, network in stage.modules.items()}
    figures = stage.evaluate(modules)
    torch.rand(3)
    assert figures == stage.evaluate(modules)
    assert {"held_out", "held_out_500", "tracking_near", "tracking_far", "tracking_resting_far"} < set(
        figures
    )
    times = [value for name, value in figures.items() if name.startswith("held_out_")]
    assert figures["held_out"] == pytest.approx(np.mean(times))
    assert figures["tracking_colours_near"] < figures["tracking_resting_near"]


def test_without_pairs_nothing_is_tracked(small, photos):
    stage = BackboneStage(replace(small, tracked=0), photos, CPU)
    assert not any(name.startswith("tracking") for name in stage.evaluate(stage.modules))


def test_it_is_one_of_the_stages():
    assert STAGES["backbone"].open() is BackboneStage


# --- runs


def test_resuming_is_as_if_nothing_had_happened(photos, tmp_path, small):
    small = replace(small, tracked=0)
    train(BackboneStage, small, run_of(photos, tmp_path / "whole"))
    stopped = iter([False, False, True])
    train(BackboneStage, small, run_of(photos, tmp_path / "part"), is_cancelled=lambda: next(stopped))
    train(BackboneStage, small, run_of(photos, tmp_path / "part", resume=tmp_path / "part"))
    whole, part = exported(tmp_path / "whole"), exported(tmp_path / "part")
    assert len(whole) == 4
    assert whole == part


def test_going_on_from_averaged_weights_begins_with_them(photos, tmp_path, small):
    small = replace(small, tracked=0, steps=3)
    train(BackboneStage, small, run_of(photos, tmp_path / "first"))
    more = replace(small, steps=4, learning_rate=1e-8)
    outcome = train(BackboneStage, more, run_of(photos, tmp_path / "next", continue_from=tmp_path / "first"))
    assert outcome.step == 4
    first, following = exported(tmp_path / "first"), exported(tmp_path / "next")
    assert first.keys() == following.keys()
    texts = [name for name in first if "tokenizer" not in name]
    before, after = (
        torch.cat([torch.frombuffer(bytearray(part[name][-2000:]), dtype=torch.float16) for name in texts])
        for part in (first, following)
    )
    assert torch.allclose(before, after, atol=1e-3)


def test_the_product_opens_what_it_exports(photos, tmp_path, small):
    train(BackboneStage, replace(small, tracked=0), run_of(photos, tmp_path))
    export = tmp_path / "export"
    assert {part.name for part in export.iterdir()} == {
        "unet", "vae", "text_encoder", "tokenizer", "scheduler", "null_prompt.safetensors",
    }  # fmt: skip
    kinds = {
        "unet": "unet2dcondition", "vae": "autoencoder_tiny", "text_encoder": "clip_text_model",
        "tokenizer": "clip_tokenizer", "scheduler": "scheduler", "null_prompt.safetensors": "embedding",
    }  # fmt: skip
    parts = {name: LOADERS[kind](export / name, CPU, torch.float32) for name, kind in kinds.items()}
    sd = LatentDiffusion(parts["unet"], parts["vae"], parts["text_encoder"], parts["tokenizer"])
    assert torch.allclose(sd.embed([""]), parts["null_prompt.safetensors"], atol=5e-3)
    assert sd.embed(["a disc"]).shape == (1, 77, 64)
    schedule = Schedule(parts["scheduler"], 3)
    latents = schedule.start(torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)))
    with torch.inference_mode():
        for t in schedule.timesteps:
            noise = sd.predict_noise(schedule.input(latents, t), t, sd.embed(["a disc"]))
            latents = schedule.step(noise, t, latents)
        assert sd.decode(latents).shape == (1, 3, 64, 64)


def test_flowdiffusion_begins_with_what_it_exports(photos, tmp_path, small):
    train(BackboneStage, replace(small, tracked=0, steps=1), run_of(photos, tmp_path))
    settings = FlowDiffusionSettings(base=str(tmp_path / "export"), size=64, source="photos")
    flow = FlowDiffusionStage(settings, photos, CPU)
    assert flow.modules["unet"].config["in_channels"] == 10


def test_without_an_autoencoder_it_says_what_to_set(photos):
    with pytest.raises(InvalidRequest, match="--set vae=DIR"):
        BackboneStage(SMALL, photos, CPU)


@pytest.mark.parametrize(
    ("name", "value", "near"), [("width", 48, 64), ("text_width", 100, 128), ("size", 100, 96)]
)
def test_what_the_networks_cannot_have_is_refused_with_what_they_can(photos, small, name, value, near):
    with pytest.raises(InvalidRequest, match=f"{name} is {value}, and must be .* set it to {near}"):
        BackboneStage(replace(small, **{name: value}), photos, CPU)


@pytest.mark.parametrize("place", [".", "export", "checkpoint/weights"])
def test_going_on_keeps_the_words_that_were_learnt(photos, tmp_path, small, place):
    """On other captions a tokenizer of their own would give other numbers to the same words."""
    first = replace(small, tracked=0, steps=1)
    train(BackboneStage, first, run_of(photos, tmp_path / "first"))
    others = tmp_path / "others"
    shutil.copytree(photos, others)
    for caption in others.rglob("*.txt"):
        caption.write_text("nothing that was ever said of the others")
    more = replace(first, steps=2)
    out = tmp_path / "next"
    train(BackboneStage, more, run_of(others, out, continue_from=tmp_path / "first" / place))
    kept = (tmp_path / "first" / "export" / "tokenizer" / "tokenizer.json").read_bytes()
    assert (out / "export" / "tokenizer" / "tokenizer.json").read_bytes() == kept


def test_resuming_keeps_the_words_that_were_learnt(photos, tmp_path, small):
    captioned = tmp_path / "captioned"
    shutil.copytree(photos, captioned)
    more = replace(small, tracked=0, steps=2)
    stopped = iter([True])
    train(BackboneStage, more, run_of(captioned, tmp_path / "a"), is_cancelled=lambda: next(stopped))
    kept = (tmp_path / "a" / "export" / "tokenizer" / "tokenizer.json").read_bytes()
    for caption in captioned.rglob("*.txt"):
        caption.write_text("nothing that was ever said of the others")
    shutil.rmtree(tmp_path / "a" / "export")
    train(BackboneStage, more, run_of(captioned, tmp_path / "a", resume=tmp_path / "a"))
    assert (tmp_path / "a" / "export" / "tokenizer" / "tokenizer.json").read_bytes() == kept


def test_a_tokenizer_may_be_given(photos, small, tmp_path):
    train_tokenizer(["something else entirely"] * 3).save_pretrained(tmp_path)
    stage = BackboneStage(replace(small, tokenizer=str(tmp_path)), photos, CPU)
    assert stage._tokenizer.tokenize("entirely") == ["entirely</w>"]
    with pytest.raises(InvalidRequest, match="holds no tokenizer"):
        BackboneStage(replace(small, tokenizer=str(tmp_path / "none")), photos, CPU)
