"""`pliant bench starter` measures baselines and the networks of installed packs on held-out photos."""

import json

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

from engine import cli, samples
from engine.evaluation import BENCHMARKS, AutoencoderRow, FlowRow, TrackingRow, starter, tracking
from engine.networks.drag_flow import DragFlow, DragMotion
from engine.networks.drag_motion import Drags
from engine.packs import PackStore
from engine.paths import data_dir
from engine.training import drag_metrics
from engine.training.backbone_networks import Backbone, noise_predictor, save_backbone, text_encoder
from engine.training.captions import train_tokenizer
from tests.engine.training.photo_files import write_folder

PAIRS = 3
PACK = """
name = "small"
title = "Small pack"
licence = "CC0-1.0"
working_size = 128

[components.drag_flow]
kind = "drag_flow"
path = "drag_flow"
"""
DREAMER = """
name = "dreamer"
title = "Dreamer"
licence = "CC0-1.0"
working_size = 256
components.unet = { kind = "unet2dcondition", path = "unet" }
components.vae = { kind = "autoencoder_tiny", path = "vae" }
components.scheduler = { kind = "scheduler", path = "scheduler" }
components.null_prompt = { kind = "embedding", path = "null_prompt.safetensors" }
"""
NULL_PROMPT = 'components.null_prompt = { kind = "embedding", path = "null_prompt.safetensors" }'
WORDS = """
components.text_encoder = { kind = "clip_text_model", path = "text_encoder" }
components.tokenizer = { kind = "clip_tokenizer", path = "tokenizer" }
"""


@pytest.fixture
def photos(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "photos", number=3)
    monkeypatch.setenv("PLIANT_PHOTOS", str(folder))
    # What is shipped takes its time and is another test's concern.
    monkeypatch.setattr("engine.evaluation.starter.PackStore", lambda: PackStore(tmp_path / "nothing"))
    few = drag_metrics.held_out.__defaults__
    monkeypatch.setattr(drag_metrics.held_out, "__defaults__", (PAIRS, *few[1:]))
    return folder


@pytest.fixture
def pack():
    folder = data_dir() / "packs" / "small"
    with torch.random.fork_rng():
        DragFlow(widths=(16, 16)).save(folder / "drag_flow")
    (folder / "pack.toml").write_text(PACK, encoding="utf-8")


def test_every_baseline_and_each_network_has_its_rows(photos, pack):
    rows = BENCHMARKS["starter"]()
    names = [row.name for row in rows]
    assert names == [base.name for base in drag_metrics.BASELINES] + [
        f"Small pack: drag_flow{told}" for told in ("", " + mask", " + subject", " + subject, outlined")
    ]
    for row in rows:
        assert isinstance(row, FlowRow)
        assert row.pairs == PAIRS
        assert 0 <= row.iou <= 1
        assert min(row.everywhere, row.moving, row.background) >= 0
        assert row.name in str(row)
        assert "\n" not in str(row)
    zero = rows[0]
    assert zero.iou == 0
    assert zero.moving > 1


def test_outlined_is_what_moves_as_a_whole_ended_by_colours():
    class Unsure(torch.nn.Linear):
        """Takes the subject for what moves, by half, to the right."""

        def forward(self, image, drags, subject, move):
            region = 0.6 * subject
            return DragMotion(region, region, torch.ones_like(region).expand(-1, 2, -1, -1))

    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    disc = ((x - 32).square() + (y - 32).square() < 300).float()
    image = torch.stack([disc, 0.2 + 0 * disc, 1 - disc]).expand(2, -1, -1, -1)
    image = image + 0.02 * torch.rand(image.shape, generator=torch.Generator().manual_seed(0))
    subject = torch.zeros(2, 1, 64, 64)
    subject[..., 8:56, 8:56] = 1
    points = torch.full((2, 1, 2), 32.0)
    drags = Drags(points, points + 3, torch.ones(2, dtype=torch.long))
    task = drag_metrics.DragTask(image.clamp(0, 1), drags, torch.tensor([1.0, 0.0]), subject)
    moved, bent = starter._outlined(Unsure(1, 1))(task)
    assert (moved[0] - disc).abs().mean() < 0.02
    assert torch.allclose(bent[0], 0.6 * subject[1, 0]), "a sheet has no outline"


def test_without_a_network_there_are_baselines_alone(photos):
    assert len(BENCHMARKS["starter"]()) == len(drag_metrics.BASELINES)


def test_without_photos_it_says_what_to_set(monkeypatch, capsys):
    monkeypatch.delenv("PLIANT_PHOTOS", raising=False)
    assert cli.main(["bench", "starter"]) == cli.BAD_INPUT
    assert "set PLIANT_PHOTOS to a folder" in capsys.readouterr().err


def test_the_command_prints_it_as_json(photos, capsys):
    assert cli.main(["bench", "starter", "--json"]) == cli.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["benchmark"] == "starter"
    assert told["rows"][0]["name"] == "zero flow"


@pytest.fixture
def denoiser():
    """A pack with an untrained noise predictor and its autoencoder."""
    folder = data_dir() / "packs" / "dreamer"
    folder.mkdir(parents=True)
    with torch.random.fork_rng():
        unet = noise_predictor((32, 64), layers=1, text=64, channels=4)
        vae = AutoencoderTiny(
            encoder_block_out_channels=(8,) * 4,
            decoder_block_out_channels=(8,) * 4,
            num_encoder_blocks=(1,) * 4,
            num_decoder_blocks=(1,) * 4,
        )
        tokenizer = train_tokenizer(["a photo"])
        words = text_encoder(tokenizer, width=64, layers=1)
    save_backbone(Backbone(unet, vae, words, tokenizer), folder)
    (folder / "pack.toml").write_text(DREAMER, encoding="utf-8")
    return folder


def test_what_denoises_has_rows_of_tracking(photos, pack, denoiser, monkeypatch):
    monkeypatch.setattr(tracking, "PAIRS", PAIRS)
    rows = [row for row in BENCHMARKS["starter"]() if isinstance(row, TrackingRow)]
    assert [row.name for row in rows] == [
        "tracking: points stay",
        "tracking: patches of colours",
        "tracking: Dreamer: unet",
    ]
    stay, patches, network = rows
    assert patches.near < stay.near < 17
    assert patches.far < stay.far
    for row in rows:
        assert row.pairs == PAIRS
        assert 0 < row.near <= row.far + 17
        assert row.name in str(row)
        assert "\n" not in str(row)
    # The embedding of no words is what its text encoder makes of them.
    text = (denoiser / "pack.toml").read_text()
    (denoiser / "pack.toml").write_text(text.replace(NULL_PROMPT, WORDS), encoding="utf-8")
    again = [row for row in BENCHMARKS["starter"]() if isinstance(row, TrackingRow)][-1]
    assert again.far == pytest.approx(network.far, abs=2)


def test_an_autoencoder_has_a_row_of_what_it_leaves_of_the_samples(photos, denoiser, monkeypatch):
    monkeypatch.setattr(tracking, "PAIRS", 1)
    (row,) = [row for row in BENCHMARKS["starter"]() if isinstance(row, AutoencoderRow)]
    assert (row.name, row.pictures) == ("Dreamer: vae", len(samples()))
    vae = AutoencoderTiny.from_pretrained(denoiser / "vae", torch_dtype=torch.float32)
    errors = []
    for sample in samples():
        with PIL.Image.open(sample.picture) as opened:
            square = PIL.ImageOps.fit(PIL.ImageOps.exif_transpose(opened).convert("RGB"), (256, 256), 1)
        truth = np.asarray(square, np.float64)
        with torch.no_grad():
            image = torch.from_numpy(truth / 127.5 - 1).float().permute(2, 0, 1)[None]
            made = vae.decode(vae.encode(image).latents).sample[0].permute(1, 2, 0).clamp(-1, 1)
        errors.append(np.square(np.rint((made.numpy().astype(float) + 1) * 127.5) - truth).mean())
    assert row.psnr == pytest.approx(10 * np.log10(255**2 / np.array(errors)).mean(), abs=0.02)
    assert f"{row.psnr:.1f} dB" in str(row)


def test_what_needs_more_than_a_noisy_picture_is_not_tracked(photos, denoiser, monkeypatch):
    monkeypatch.setattr(tracking, "PAIRS", 1)
    with torch.random.fork_rng():
        noise_predictor((32, 64), layers=1, text=64, channels=10).save_pretrained(denoiser / "unet")
    names = [row.name for row in BENCHMARKS["starter"]() if isinstance(row, TrackingRow)]
    assert names == ["tracking: points stay", "tracking: patches of colours"]
