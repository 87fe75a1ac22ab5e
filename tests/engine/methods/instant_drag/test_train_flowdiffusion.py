"""FlowDiffusion's stage, from a tiny Stable Diffusion in the published folder layout."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import DDPMScheduler
from tiny_pack import scheduler_config, unet, write_flowgen

from engine.errors import InvalidRequest, ModelMissing
from engine.methods.instant_drag.train_flowdiffusion import FlowDiffusionSettings, FlowDiffusionStage, widen
from engine.training.loop import train
from engine.training.motion_pairs import MotionBatch
from engine.training.run import Run
from engine.training.stage import DrawnBatches

CPU = torch.device("cpu")
SIDE = 64
DOCUMENT = Path(__file__).parents[4] / "docs" / "training.md"


def batch(count=2, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def colours():
        return torch.rand(count, 3, SIDE, SIDE, generator=generator)

    return MotionBatch(
        source=colours(),
        target=colours(),
        condition=colours(),
        flow=16 * torch.randn(count, 2, SIDE, SIDE, generator=generator),
        front=torch.ones(count, 1, SIDE, SIDE, dtype=torch.bool),
    )


class FixedPairs:
    """Stands for clips: two pairs, to train and to measure with."""

    def batches(self, size, seed):
        return DrawnBatches(lambda _: batch(size), torch.Generator().manual_seed(seed))

    def held_out(self, size):
        return batch(2)


@pytest.fixture(autouse=True)
def pairs(monkeypatch):
    monkeypatch.setattr(
        "engine.methods.instant_drag.train_flowdiffusion.open_motion", lambda *_: FixedPairs()
    )


def told(written, **changes):
    plain = {"base": str(written / "sd15"), "size": SIDE, "batch_size": 2, "evaluate_every": 0}
    return FlowDiffusionSettings(**{**plain, **changes})


def stage(written, **changes):
    return FlowDiffusionStage(told(written, **changes), written, CPU)


class Turns:
    """Stands for the loop, with a noise predictor whose inputs are kept."""

    def __init__(self, made, seed=0):
        self.step, self.generator = 0, torch.Generator().manual_seed(seed)
        self.inputs, self.losses = [], []
        made.modules["unet"].register_forward_pre_hook(lambda _, args: self.inputs.append(args))

    def learn(self, optimizer, loss):
        self.losses.append((optimizer, float(loss.detach())))


def test_widened_network_answers_as_before():
    network = unet(4).eval()
    generator = torch.Generator().manual_seed(0)
    noisy, more = (torch.randn(1, n, 8, 8, generator=generator) for n in (4, 6))
    prompt = torch.randn(1, 5, 16, generator=generator)
    before = network(noisy, 3, prompt).sample
    widen(network, 10)
    after = network(torch.cat([noisy, more], dim=1), 3, prompt).sample
    assert torch.allclose(before, after, atol=1e-6)
    assert network.config["in_channels"] == 10
    weights = network.conv_in.weight
    widen(network, 10)
    assert network.conv_in.weight is weights
    with pytest.raises(InvalidRequest, match="takes 9 channels"):
        widen(unet(9), 10)


def test_conditions_and_loss(written):
    """Against the formulas: scaled target plus noise, unscaled condition, flow as fractions of the side."""
    made, given = stage(written, image_dropout=0, flow_dropout=0), batch()
    turns = Turns(made)
    figures = made.update(given, turns)
    ((x, t, prompt),) = turns.inputs
    assert x.shape == (2, 10, 8, 8)
    with torch.no_grad():
        vae = made._sd.vae
        target, known = (
            vae.encode(picture * 2 - 1).latent_dist.mode() for picture in (given.target, given.condition)
        )
    assert torch.allclose(x[:, 4:8], known, atol=1e-5)
    flow = torch.nn.functional.interpolate(given.flow, (8, 8), mode="bicubic", align_corners=False) / SIDE
    assert torch.allclose(x[:, 8:], flow, atol=1e-6)
    alpha = DDPMScheduler.from_config(scheduler_config("PNDMScheduler")).alphas_cumprod[t].view(-1, 1, 1, 1)
    noise = (x[:, :4] - alpha.sqrt() * target * vae.config["scaling_factor"]) / (1 - alpha).sqrt()
    assert abs(float(noise.std()) - 1) < 0.15
    predicted = made.modules["unet"](x, t, prompt).sample
    expected = float((predicted - noise).square().mean().detach())
    assert turns.losses == [("unet", pytest.approx(expected, rel=1e-3))]
    assert float(figures["denoising"]) == pytest.approx(expected, rel=1e-3)
    assert prompt.shape == (2, 77, 16)
    assert torch.equal(prompt[0], prompt[1])


def test_without_background_consistency(written):
    made = stage(written, image_dropout=0, flow_dropout=0, background_consistency=False)
    turns = Turns(made)
    given = batch()
    made.update(given, turns)
    with torch.no_grad():
        known = made._sd.vae.encode(given.source * 2 - 1).latent_dist.mode()
    assert torch.allclose(turns.inputs[0][0][:, 4:8], known, atol=1e-5)


def test_dropout_leaves_the_three_conditions_of_guidance(written):
    made = stage(written, image_dropout=0.2, flow_dropout=0.5)
    turns = Turns(made)
    given = batch(50)
    for _ in range(8):
        made.update(given, turns)
    x = torch.cat([args[0] for args in turns.inputs])
    image, flow = (x[:, a:b].abs().flatten(1).amax(1) > 0 for a, b in ((4, 8), (8, 10)))
    assert not (flow & ~image).any()
    assert float((~image).float().mean()) == pytest.approx(0.2, abs=0.06)
    assert float((~flow).float().mean()) == pytest.approx(0.5, abs=0.08)


def test_published_dropouts():
    defaults = FlowDiffusionSettings()
    assert (defaults.image_dropout, defaults.flow_dropout) == (0.05, 0.1)


def test_learns_resumes_and_opens_in_the_product(written, installed, tmp_path, picture):
    from engine.edit import DragEdit, Point, PointPair

    settings = told(written, steps=30, learning_rate=3e-3, ema_decay=0.5, warm_up=0, schedule="constant")

    def go(name, stop_at=None, **how):
        count = iter(range(1, 1000))
        run = Run(stage="flowdiffusion", data=written, out=tmp_path / name, **how)
        return train(FlowDiffusionStage, settings, run, is_cancelled=lambda: next(count) == stop_at)

    untrained = stage(written)
    with torch.no_grad():
        before = untrained.evaluate(untrained.modules)["held_out_denoising"]
    whole = go("whole")
    go("parts", stop_at=11)
    assert go("parts", resume=tmp_path / "parts") == whole
    assert whole.figures["held_out_denoising"] < 0.9 * before
    trained, again = (tmp_path / name / "export" / "flowdiffusion" for name in ("whole", "parts"))
    for file in trained.rglob("*.safetensors"):
        assert file.read_bytes() == (again / file.relative_to(trained)).read_bytes()
    facts = json.loads((trained / "unet" / "config.json").read_text())
    assert facts["in_channels"] == 10

    shutil.rmtree(installed.drag / "flowdiffusion")
    shutil.copytree(trained, installed.drag / "flowdiffusion")
    engine = installed.engine()
    edit = DragEdit(image=picture, points=(PointPair(Point(90, 90), Point(120, 100)),))
    chosen = engine.settings("instant_drag", "instant_drag", {"inference_steps": 4})
    assert engine.edit("instant_drag", edit, chosen, "instant_drag").image.shape == picture.shape


def test_documented_manifest_opens_both_exports(written, tmp_path, picture):
    """The pack that docs/training.md describes, with a prompt of its own instead of a text encoder."""
    from engine import Engine
    from engine.edit import DragEdit, Point, PointPair

    made = stage(written)
    made.export({"unet": made.modules["unet"]}, tmp_path)
    write_flowgen(tmp_path / "flowgen_config2.safetensors", 6)
    text = DOCUMENT.read_text(encoding="utf-8")
    manifest = text.partition("```toml\n")[2].partition("```")[0]
    assert "working_size = 512" in manifest
    (tmp_path / "pack.toml").write_text(manifest.replace("working_size = 512", "working_size = 128"))
    engine, pack = Engine(device="cpu"), str(tmp_path)
    settings = engine.settings("instant_drag", pack, {"inference_steps": 4})
    edit = DragEdit(image=picture, points=(PointPair(Point(90, 90), Point(120, 100)),))
    assert engine.edit("instant_drag", edit, settings, pack).image.shape == picture.shape


def test_v_prediction(written, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(written / "sd15", base)
    config = {**scheduler_config("DDIMScheduler"), "prediction_type": "v_prediction"}
    (base / "scheduler" / "scheduler_config.json").write_text(json.dumps(config))
    losses = []
    for folder in (str(base), str(written / "sd15")):
        made = stage(written, base=folder)
        turns = Turns(made)
        made.update(batch(), turns)
        losses.append(turns.losses[0][1])
    assert losses[0] != losses[1]


def test_base_that_cannot_be_used(written, tmp_path):
    for folder in ("", str(tmp_path / "none")):
        with pytest.raises(InvalidRequest, match="--set base=DIR"):
            stage(written, base=folder)
    shutil.copytree(written / "sd15", tmp_path / "base")
    (tmp_path / "base" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"")
    with pytest.raises(ModelMissing, match=r"its unet in .* cannot be loaded"):
        stage(written, base=str(tmp_path / "base"))
    with pytest.raises(InvalidRequest, match="above flow_dropout"):
        stage(written, image_dropout=0.5)
