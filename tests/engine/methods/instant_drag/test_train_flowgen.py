"""FlowGen's stage, at an eighth of the published width, on a clip and on photos."""

import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from engine.errors import InvalidRequest
from engine.methods.instant_drag.flow import normalised
from engine.methods.instant_drag.train_flowgen import FlowGenSettings, FlowGenStage
from engine.training.loop import train
from engine.training.run import Run

CPU = torch.device("cpu")
TINY = {"width": 8, "batch_size": 2, "evaluate_every": 0, "warm_up": 0, "gap": 3}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A patch of noise that moves over another, 24 frames of 128²."""
    folder = tmp_path_factory.mktemp("data") / "clip"
    folder.mkdir()
    random = np.random.default_rng(0)
    ground, thing = (
        cv2.GaussianBlur(random.integers(0, 255, (side, side, 3)).astype(np.uint8), (0, 0), 1.5)
        for side in (128, 56)
    )
    for number in range(24):
        picture = ground.copy()
        picture[30 + number : 86 + number, 10 + 2 * number : 66 + 2 * number] = thing
        cv2.imwrite(str(folder / f"{number:02}.png"), picture)
    return folder


class Turns:
    """Stands for the loop: counts what is learnt, and learns nothing."""

    def __init__(self, networks):
        self.step, self.generator = 0, torch.Generator().manual_seed(0)
        self.learnt, self.inputs = [], []
        networks.register_forward_pre_hook(lambda _, args: self.inputs.append(args[0].detach()))

    def learn(self, optimizer, loss):
        assert loss.ndim == 0
        assert loss.requires_grad
        self.learnt.append(optimizer)


def stage(clip, **changes):
    return FlowGenStage(FlowGenSettings(**{**TINY, **changes}), clip, CPU)


def test_four_generator_updates_each_with_new_drags(clip):
    made = stage(clip)
    turns = Turns(made.modules["flowgen"])
    figures = made.update(next(made.batches(0)), turns)
    assert turns.learnt == ["generator"] * 4 + ["discriminator"]
    drags = [x[:, 3:] for x in turns.inputs]
    assert all(not torch.equal(a, b) for i, a in enumerate(drags) for b in drags[:i])
    assert all(torch.equal(x[:, :3], turns.inputs[0][:, :3]) for x in turns.inputs)
    assert not any(figure.requires_grad for figure in figures.values())


def test_losses_are_those_of_the_paper(clip):
    """log D and the distance to the normalised flow, from the answers of both networks."""
    made = stage(clip, generator_updates=1)
    batch = next(made.batches(0))
    answers, opinions, losses = [], [], {}
    made.modules["flowgen"].register_forward_hook(lambda _, args, out: answers.append(out.detach()))
    made.critics["discriminator"].register_forward_hook(
        lambda _, args, out: opinions.append((args[0].detach(), out.detach()))
    )
    turns = Turns(made.modules["flowgen"])
    turns.learn = lambda name, loss: losses.update({name: float(loss.detach())})
    figures = made.update(batch, turns)
    truth = normalised(batch.flow)[0].double()
    assert float(truth.abs().amax()) == pytest.approx(1)
    distance = (answers[0].double() - truth).square().sum(1).sqrt().mean()
    (seen, opinion), (both, judged) = opinions
    assert torch.equal(seen[:, 5:], answers[0])
    assert torch.equal(both[:2, 5:], truth.float())
    assert torch.equal(both[2:, 5:], answers[0])
    assert torch.equal(both[:2, :5], both[2:, :5])
    log = torch.nn.functional.logsigmoid
    assert losses["generator"] == pytest.approx(float(100 * distance - log(opinion).mean()), rel=1e-5)
    expected = -(log(judged[:2]).mean() + log(-judged[2:]).mean()) / 2
    assert losses["discriminator"] == pytest.approx(float(expected), rel=1e-5)
    assert float(figures["reconstruction"]) == pytest.approx(float(distance), rel=1e-5)


def go(clip, out, stop_at=None, resume=None, **changes):
    count = iter(range(1, 1000))
    run = Run(stage="flowgen", data=clip, out=out, resume=resume)
    settings = FlowGenSettings(**{**TINY, **changes})
    return train(FlowGenStage, settings, run, is_cancelled=lambda: next(count) == stop_at)


def test_resumes_exactly(clip, tmp_path):
    whole = go(clip, tmp_path / "whole", steps=4)
    go(clip, tmp_path / "parts", steps=4, stop_at=2)
    assert go(clip, tmp_path / "parts", steps=4, resume=tmp_path / "parts") == whole
    assert whole.figures["endpoint_error_moving"] > 0
    weights = [tmp_path / name / "export" / "flowgen_config2.safetensors" for name in ("whole", "parts")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_learns_a_single_pair(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.training.motion_pairs._mirrored", lambda batch, which: batch)
    told = {"pairs": 1, "steps": 12, "generator_updates": 3, "adversarial_weight": 0, "learning_rate": 4e-3}
    go(clip, tmp_path, schedule="constant", **told)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    first, last = (record["reconstruction"] for record in log if record["event"] == "train")
    assert last < 0.5 * first  # the last two steps, and the ten before them


def test_export_runs_an_edit(clip, tmp_path, installed, picture):
    from engine.edit import DragEdit, Point, PointPair

    made = stage(clip)
    made.export({"flowgen": made.modules["flowgen"].eval()}, tmp_path)
    shutil.copy(tmp_path / "flowgen_config2.safetensors", installed.drag / "flowgen_config2.safetensors")
    engine = installed.engine()
    edit = DragEdit(image=picture, points=(PointPair(Point(90, 90), Point(120, 100)),))
    settings = engine.settings("instant_drag", "instant_drag", {"inference_steps": 4})
    assert engine.edit("instant_drag", edit, settings, "instant_drag").image.shape == picture.shape


def test_learns_from_photos(tmp_path, paint):
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), paint(256, 256, seed=number)[..., :3])
    made = stage(tmp_path, source="photos")
    figures = made.update(next(made.batches(0)), Turns(made.modules["flowgen"]))
    assert all(bool(figure.isfinite()) for figure in figures.values())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"size": 128}, "squares of 256"), ({"least_points": 9, "most_points": 8}, "above most_points")],
)
def test_settings_that_do_not_go_together(clip, wrong, said):
    with pytest.raises(InvalidRequest, match=said):
        stage(clip, **wrong)
