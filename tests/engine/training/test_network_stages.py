"""The stages `drag` and `fill`: their losses, a few steps of each, resuming, and what they leave behind."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import PIL.Image
import pytest
import torch

from engine.networks.drag_flow import UNKNOWN, DragFlow, DragMotion
from engine.networks.drag_motion import Drags
from engine.networks.fill import FillNet
from engine.push_pull import push_pull as classical_push_pull
from engine.training.drag_metrics import DragTask
from engine.training.drag_stage import DragSettings, DragStage, flow_method, losses, moved_share
from engine.training.fill_stage import (
    FillSettings,
    FillStage,
    HoleBatch,
    draw_holes,
    errors,
    gradient_energy,
    psnr,
    push_pull,
)
from engine.training.loop import train
from engine.training.pairs import PairGenerator
from engine.training.photos import is_held_out, open_photos
from engine.training.run import Run

DRAG = DragSettings(size=32, steps=6, batch_size=3, held_out=4, warm_up=2, evaluate_every=0)
FILL = FillSettings(
    size=32, steps=6, batch_size=3, held_out=4, warm_up=2, evaluate_every=0, adversarial_start=2
)
STAGES = pytest.mark.parametrize(
    ("kind", "settings", "network"),
    [(DragStage, DRAG, DragFlow), (FillStage, FILL, FillNet)],
    ids=["drag", "fill"],
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory, paint):
    """A folder of pictures of a thing each, four of them held out."""
    folder = tmp_path_factory.mktemp("photos") / "things"
    folder.mkdir()
    held, others = 0, 0
    for number in range(400):
        name = f"{number}.png"
        chosen = is_held_out(f"things/{name}")
        if (held if chosen else others) >= (4 if chosen else 8):
            continue
        held, others = held + chosen, others + (not chosen)
        picture = paint(64, 64, seed=number) // 3
        x, y = np.random.default_rng(number).integers(22, 42, 2).tolist()
        cv2.circle(picture, (x, y), 14, (230, 60 + number % 150, 90, 255), -1)
        PIL.Image.fromarray(picture[..., :3]).save(folder / name)
    assert (held, others) == (4, 8)
    return folder.parent


def run_of(photos, out, **more):
    return Run(stage="any", data=photos, out=out, **more)


@STAGES
def test_a_few_steps_and_what_they_leave(photos, tmp_path, kind, settings, network):
    outcome = train(kind, settings, run_of(photos, tmp_path))
    assert (outcome.step, outcome.reason) == (6, "steps")
    assert all(np.isfinite(value) for value in outcome.figures.values())
    name = "drag_flow" if kind is DragStage else "fill"
    exported = network.load(tmp_path / "export" / name)
    fresh = kind(settings, photos, torch.device("cpu")).modules[name].state_dict()
    assert any(not torch.equal(weight, fresh[key]) for key, weight in exported.state_dict().items())


@STAGES
def test_resuming_is_as_if_nothing_had_happened(photos, tmp_path, kind, settings, network):
    del network
    train(kind, settings, run_of(photos, tmp_path / "whole"))
    stopped = iter([False, False, True])
    train(kind, settings, run_of(photos, tmp_path / "part"), is_cancelled=lambda: next(stopped))
    train(kind, settings, run_of(photos, tmp_path / "part", resume=tmp_path / "part"))
    exports = [sorted((tmp_path / name / "export").rglob("*.safetensors")) for name in ("whole", "part")]
    assert len(exports[0]) == len(exports[1]) == 1
    assert exports[0][0].read_bytes() == exports[1][0].read_bytes()


# --- drag


@pytest.fixture(scope="module")
def pairs(photos, tmp_path_factory):
    """(count, seed=0) → a batch of 64-pixel pairs."""
    opened = open_photos(photos, 64, tmp_path_factory.mktemp("cache"), held_out=False)
    return lambda count, seed=0: PairGenerator(opened, 64, seed)(count)


def perfect(batch):
    """The answer that is true where something moves."""
    region = moved_share(batch)
    motion = torch.where(region > 0, batch.flow / region.clamp_min(1e-6), 0.0)
    logits = torch.logit(region, eps=1e-4)
    return DragMotion(logits, region, motion)


def test_a_perfect_answer_costs_next_to_nothing(pairs):
    batch = pairs(12)
    flow, region = losses(perfect(batch), batch)
    assert flow < 1e-4
    right = -(moved_share(batch) * torch.log(moved_share(batch).clamp(1e-4, 1)))
    right = right - (1 - moved_share(batch)) * torch.log((1 - moved_share(batch)).clamp(1e-4, 1))
    assert float(region) == pytest.approx(float(right.mean()), abs=1e-3)


def test_moving_pixels_count_four_times():
    zeros = torch.zeros(1, 1, 32, 32)
    region = zeros.clone()
    region[..., :16, :] = 1
    batch = SimpleNamespace(flow=region * torch.tensor([6.0, 8.0])[None, :, None, None], region=region)
    batch.mode = torch.ones(1, dtype=torch.long)
    still = DragMotion(zeros, zeros, torch.zeros(1, 2, 32, 32))
    # Half of the pixels are wrong by 10 px: 4 · 10 / (4 + 1), as a share of 32 px.
    assert float(losses(still, batch)[0]) == pytest.approx(8 / 32, rel=0.02)
    everywhere = DragMotion(
        zeros, zeros + 1, batch.flow + 10 * (1 - region) * torch.tensor([1.0, 0])[None, :, None, None]
    )
    assert float(losses(everywhere, batch)[0]) == pytest.approx(2 / 32, rel=0.02)
    assert float(losses(still, batch)[1]) == pytest.approx(np.log(2))


def test_the_share_of_a_sheet_fades_and_that_of_a_thing_does_not(pairs):
    batch = pairs(24)
    share = moved_share(batch)
    moved, bent = batch.mode == 1, batch.mode == 0
    assert moved.any() and bent.any()
    assert torch.equal(share[moved], batch.region[moved])
    assert (share[bent].amax((1, 2, 3)) == 1).all()
    assert ((share[bent] > 0.2) & (share[bent] < 0.8)).any()


def test_subjects_are_told_to_as_many_as_is_set(photos):
    stage = DragStage(replace(DRAG, subject_share=0.5), photos, torch.device("cpu"))
    batch = next(stage.batches(0))
    generator = torch.Generator().manual_seed(0)
    told = torch.cat([(stage._subjects(batch, generator) != UNKNOWN).any(-1).any(-1) for _ in range(40)])
    assert 0.3 < told.float().mean() < 0.7
    for share, expected in ((0.0, False), (1.0, True)):
        stage = DragStage(replace(DRAG, subject_share=share), photos, torch.device("cpu"))
        subject = stage._subjects(batch, generator)
        assert (subject != UNKNOWN).any(-1).any(-1).all() == expected
        assert set(subject.unique().tolist()) <= {0.0, UNKNOWN, 1.0}


def test_a_mask_alone_never_makes_it_worse(pairs):
    """What may not change does not move; where the truth does not either, no pixel's error grows."""
    batch = pairs(6)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = DragFlow(64, (16, 16))
        torch.nn.init.normal_(network.head.weight, std=0.3)
    task = DragTask(batch.source, Drags(batch.handles, batch.targets, batch.count), batch.mode.float())
    editable = torch.nn.functional.max_pool2d(((batch.flow != 0).any(1, keepdim=True)).float(), 5, 1, 2)
    with torch.no_grad():
        free, held = (flow_method(network)(t) for t in (task, task._replace(editable=editable)))
    before, after = ((flow - batch.flow).norm(dim=1) for flow in (free, held))
    assert (after <= before).all()
    assert (after < before).any()


def test_figures_of_the_drag_stage(photos):
    stage = DragStage(DRAG, photos, torch.device("cpu"))
    network = stage.modules["drag_flow"].eval()
    figures = stage.evaluate({"drag_flow": network})
    assert figures == stage.evaluate({"drag_flow": network})
    assert len(figures) == 12
    # Untrained, the network takes a subject at its word, and knows nothing without one.
    assert figures["iou_with_subject"] > 0.5
    assert figures["everywhere_with_mask"] <= figures["everywhere"]


# --- fill


def test_holes_are_spread_over_as_the_product_does_it():
    random = np.random.default_rng(0)
    image = random.uniform(0, 1, (32, 32, 3)).astype(np.float32)
    known = (random.uniform(0, 1, (32, 32)) > 0.5).astype(np.uint8)
    known[8:24, 6:20] = 0
    expected = classical_push_pull(image * 1, known)
    found = push_pull(
        torch.from_numpy(image.transpose(2, 0, 1))[None], torch.from_numpy(known)[None, None].float()
    )[0].permute(1, 2, 0)
    assert np.array_equal(found.numpy()[known > 0], image[known > 0])
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)


def test_holes_lie_where_another_drag_was(photos, tmp_path):
    opened = open_photos(photos, 64, tmp_path, held_out=False)
    batch = draw_holes(PairGenerator(opened, 64, 3), 8)
    assert batch.truth.shape == batch.smooth.shape == (8, 3, 64, 64)
    assert set(batch.hole.unique().tolist()) == {0.0, 1.0}
    assert (batch.hole.sum((1, 2, 3)) > 0).all()
    known = (batch.hole == 0).expand_as(batch.truth)
    assert torch.equal(batch.smooth[known], batch.truth[known])
    again = draw_holes(PairGenerator(opened, 64, 3), 8)
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))


def test_errors_are_those_in_the_holes():
    truth, hole = torch.zeros(1, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    hole[..., 2:6, 2:6] = 1
    batch = HoleBatch(truth, truth, hole)
    filled = truth + 0.25 * hole
    colour, gradient = errors(filled, batch)
    assert float(colour) == pytest.approx(0.25)
    # Along each axis, eight of the 30 differences in the widened hole of 6 × 5 are 0.25.
    assert float(gradient) == pytest.approx(2 * 0.25 * 8 / 30, rel=0.2)
    assert float(psnr(filled, batch)) == pytest.approx(20 * np.log10(4), abs=1e-4)


def test_the_energy_of_gradients_inside():
    x = torch.arange(8.0)[None, None, None].expand(1, 3, 8, 8)
    hole = torch.ones(1, 1, 8, 8)
    assert float(gradient_energy(x, hole)) == pytest.approx(3 * 7 * 7)
    assert float(gradient_energy(0.5 * x, hole)) == pytest.approx(3 * 7 * 7 / 4)
    assert float(gradient_energy(x, torch.zeros(1, 1, 8, 8))) == 0


def test_an_untrained_fill_is_push_pull(photos):
    stage = FillStage(FILL, photos, torch.device("cpu"))
    figures = stage.evaluate({"fill": stage.modules["fill"].eval()})
    assert figures["psnr"] == pytest.approx(figures["psnr_push_pull"], abs=1e-4)
    assert figures["gradient_energy"] == pytest.approx(figures["gradient_energy_push_pull"], abs=1e-4)
    assert figures["gradient_energy"] < 1


def test_a_fresh_critic_is_not_believed_at_once(photos):
    """Where training goes on from weights alone, the critic begins anew, whatever the step."""
    stage = FillStage(FILL, photos, torch.device("cpu"))
    batch = next(stage.batches(0))
    verdicts = []
    for step, began in ((6, 0), (6, 5), (7, 5)):
        turn = SimpleNamespace(step=step, began=began, learn=lambda name, loss: None)
        verdicts.append(float(stage.update(batch, turn)["verdict"]))
    assert verdicts[0] != 0 and verdicts[1] == 0 and verdicts[2] != 0


def test_without_a_critic(photos, tmp_path):
    alone = replace(FILL, adversarial_weight=0.0)
    assert FillStage(alone, photos, torch.device("cpu")).critics == {}
    assert train(FillStage, alone, run_of(photos, tmp_path)).step == 6


def test_the_fill_learns_a_texture_that_spreading_colour_lacks(photos):
    """Stripes, always the same: within seconds the network continues them."""
    stage = FillStage(replace(FILL, adversarial_weight=0.0, learning_rate=2e-3), photos, torch.device("cpu"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = FillNet(32, (8, 16))
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    stripes = (torch.arange(32) % 4 < 2).float().expand(4, 3, 32, 32) * 0.6 + 0.2
    hole = torch.zeros(4, 1, 32, 32)
    for i in range(4):
        hole[i, :, 8 + i : 18 + i, 6 + 2 * i : 18 + 2 * i] = 1
    batch = HoleBatch(stripes, push_pull(stripes, 1 - hole), hole)
    for _ in range(80):
        loss = sum(errors(network(batch.smooth, batch.hole), batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    filled = network.eval()(batch.smooth, batch.hole)
    assert psnr(filled, batch).min() > psnr(batch.smooth, batch).max() + 3
    assert isinstance(stage.modules["fill"], FillNet)
