"""The loop, on a stage of a few weights: where it begins, how it ends, and what it leaves on disk."""

import itertools
import json
import math
from types import SimpleNamespace

import PIL.Image
import pytest
import torch
from safetensors.torch import load_file
from tiny_stage import TinySettings, TinyStage

from engine.errors import EngineError, InvalidRequest
from engine.training.averaging import Average
from engine.training.log import read_log
from engine.training.loop import train
from engine.training.run import Run
from engine.training.shards import read_tensors


@pytest.fixture
def go(tmp_path):
    """go(name, **what): train into tmp_path / name; `.outcome`, `.out`, `.log` of events."""

    def call(name, *, stop_at=None, **given):
        names = {"resume", "continue_from", "minutes", "checkpoint_seconds"}
        told = {key: value for key, value in given.items() if key in names}
        settings = TinySettings(**{key: value for key, value in given.items() if key not in names})
        run = Run(stage="tiny", data=tmp_path, out=tmp_path / name, **told)
        count = itertools.count(1)
        outcome = train(TinyStage, settings, run, is_cancelled=lambda: next(count) == stop_at)
        log = [json.loads(line) for line in (run.out / "log.jsonl").read_text().splitlines()]
        return SimpleNamespace(outcome=outcome, out=run.out, log=log)

    return call


def contents(out):
    return {
        file.relative_to(out).as_posix(): file.read_bytes()
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name not in ("log.jsonl", "plot.png")
    }


def events(run, name):
    return [record for record in run.log if record["event"] == name]


@pytest.mark.parametrize("stops", [(23,), (1,), (59,), (10, 7, 20)])
def test_resumed_run_is_the_uninterrupted_one_byte_for_byte(go, stops):
    whole = go("whole")
    go("parts", stop_at=stops[0])
    out = whole.out.parent / "parts"
    for stop in stops[1:]:
        go("parts", stop_at=stop, resume=out)
    resumed = go("parts", resume=out)
    assert resumed.outcome.step == 60
    assert resumed.outcome == whole.outcome
    assert contents(resumed.out) == contents(whole.out)


def test_exact_resume_counts_from_the_last_checkpoint(go):
    """Whatever was done after it is done again, as after a crash."""
    whole = go("whole")
    with pytest.raises(EngineError):
        go("broken", breaks_at=45, checkpoint_seconds=0.0)
    broken = whole.out.parent / "broken"
    facts = json.loads((broken / "checkpoint" / "weights" / "facts.json").read_text())
    assert 0 < facts["step"] <= 45
    mended = go("broken", resume=broken)
    ours, theirs = contents(mended.out), contents(whole.out)
    assert ours == theirs


def test_measuring_changes_nothing_that_is_learnt(go):
    seldom, often = go("seldom"), go("often", evaluate_every=1)
    assert load_file(seldom.out / "export" / "line.safetensors").keys()
    for name in ("checkpoint/weights/line-00000.safetensors", "checkpoint/state/chance-0-00000.safetensors"):
        assert (seldom.out / name).read_bytes() == (often.out / name).read_bytes()
    assert len(events(often, "evaluate")) == 60
    assert events(often, "evaluate")[-1]["error"] == often.outcome.figures["error"]


def test_loss_falls(go):
    run = go("run", steps=400, ema_decay=0.98)
    train = events(run, "train")
    assert train[-1]["loss"] < 0.2 * train[0]["loss"]
    assert run.outcome.figures["error"] < 0.2


def test_seeds_differ(go):
    assert contents(go("a").out) != contents(go("b", seed=1).out)


def test_continuing_is_a_warm_restart(go):
    former = go("former")
    later = go("later", steps=120, stop_at=1, continue_from=former.out)
    start = events(later, "start")[0]
    assert (start["how"], start["from"], start["seed"], start["step"]) == ("continue", str(former.out), 1, 60)
    moments = read_tensors(later.out / "checkpoint" / "state", "optimizer-line")
    assert {float(value) for name, value in moments.items() if name.endswith("step")} == {1.0}
    share = (1 + math.cos(math.pi * 60 / 120)) / 2
    assert events(later, "train")[0]["learning_rate"] == pytest.approx(0.01 * share / 200)


def test_continuing_begins_with_the_averaged_weights(go):
    former = go("former")
    later = go("later", steps=61, learning_rate=1e-8, weight_decay=0, continue_from=former.out)
    averaged = read_tensors(former.out / "checkpoint" / "weights", "line")
    for name, weight in read_tensors(later.out / "checkpoint" / "weights", "line").items():
        assert torch.allclose(weight, averaged[name], atol=1e-6)
    raw = read_tensors(former.out / "checkpoint" / "state", "line")
    assert any(not torch.allclose(raw[name], averaged[name], atol=1e-4) for name in raw)


def test_continuing_takes_bare_weights(go, tmp_path):
    former = go("former")
    bare = tmp_path / "bare"
    (former.out / "checkpoint" / "weights").rename(bare)
    assert go("later", steps=61, continue_from=bare).outcome.step == 61
    with pytest.raises(InvalidRequest, match="holds no checkpoint"):
        go("other", steps=61, resume=bare)


def test_warm_restart_is_resumed_exactly(go):
    former = go("former")
    whole = go("whole", steps=120, continue_from=former.out)
    go("parts", steps=120, continue_from=former.out, stop_at=13)
    parts = go("parts", steps=120, resume=whole.out.parent / "parts")
    assert contents(parts.out) == contents(whole.out)


def test_clock_stops_it(go):
    run = go("run", steps=10_000, minutes=0.5 / 60)
    assert run.outcome.reason == "minutes"
    assert 0 < run.outcome.step < 10_000
    assert 0.4 < events(run, "end")[0]["seconds"] < 5
    assert (run.out / "export" / "line.safetensors").is_file()
    assert go("run", steps=run.outcome.step + 1, resume=run.out).outcome.reason == "steps"


def test_interrupting_saves(go):
    run = go("run", stop_at=7)
    assert run.outcome[:2] == (7, "interrupted")
    assert json.loads((run.out / "checkpoint" / "weights" / "facts.json").read_text())["step"] == 7


def test_failing_to_measure_loses_nothing(go, tmp_path, monkeypatch):
    def fail(*_):
        raise InvalidRequest("no pictures")

    with monkeypatch.context() as patch:
        patch.setattr(TinyStage, "evaluate", fail)
        with pytest.raises(InvalidRequest, match="no pictures"):
            go("run", stop_at=33)
    assert (tmp_path / "run" / "export" / "line.safetensors").is_file()
    resumed = go("run", resume=tmp_path / "run")
    assert events(resumed, "start")[-1]["step"] == 33
    assert contents(resumed.out) == contents(go("whole").out)


def test_checkpoints_come_by_the_clock(go, monkeypatch):
    saved = []
    monkeypatch.setattr("engine.training.loop.save", lambda out, facts, *rest: saved.append(facts.step))
    monkeypatch.setattr("engine.training.loop._SAVING", 0)
    go("run", steps=30, checkpoint_seconds=0.0)
    assert saved == list(range(1, 31))


def test_checkpoints_that_take_long_are_rare(go, monkeypatch):
    saved, now = [], itertools.count()
    monkeypatch.setattr("engine.training.loop.time", SimpleNamespace(monotonic=lambda: float(next(now))))
    monkeypatch.setattr("engine.training.loop.save", lambda out, facts, *rest: saved.append(facts.step))
    go("run", steps=100, checkpoint_seconds=0.0)
    rests = [later - earlier for earlier, later in itertools.pairwise(saved)]
    assert len(rests) > 1 and all(rest >= 8 for rest in rests[:-1]), "a second of saving, twenty of training"


def test_weights_of_no_known_step_are_warmed_up_too(go, tmp_path):
    """An export does not tell how long it was trained; it counts from 0, and is no random network."""
    export = go("former").out / "export"
    warm = go("warm", steps=30, stop_at=1, warm_up=0, continue_from=export)
    assert events(warm, "train")[0]["learning_rate"] == pytest.approx(0.01 / 200)
    whole = go("whole", steps=30, warm_up=0, continue_from=export)
    resumed = go("warm", steps=30, warm_up=0, resume=warm.out)
    assert contents(resumed.out) == contents(whole.out)


def test_a_crash_amid_a_line_of_the_log_ends_nothing(go, tmp_path):
    run = go("run", stop_at=20)
    with (run.out / "log.jsonl").open("a") as file:
        file.write('{"event": "train", "st')
    outcome = train(TinyStage, TinySettings(), Run(stage="tiny", data=tmp_path, out=run.out, resume=run.out))
    assert outcome.step == 60
    told = read_log(run.out / "log.jsonl")
    assert [record["event"] for record in told if record["event"] != "train"] == [
        *("start", "evaluate", "end"),
        *("start", "evaluate", "end"),
    ]


@pytest.mark.parametrize("bad", [3, 30, 57])
def test_what_is_no_number_is_never_saved(go, tmp_path, bad):
    with pytest.raises(EngineError, match=r"unstable: by step \d+ loss was no number.*learning_rate"):
        go("run", breaks_at=bad, checkpoint_seconds=0.02)
    weights = tmp_path / "run" / "checkpoint" / "weights"
    if weights.exists():
        assert all(weight.isfinite().all() for weight in read_tensors(weights, "line").values())


def test_learning_rate_follows_the_schedule(go):
    cosine = events(go("cosine"), "train")
    for record in cosine:
        step = record["step"] - 1  # the last of the steps told about
        expected = min(1, (step + 1) / 5) * (1 + math.cos(math.pi * step / 60)) / 2
        assert record["learning_rate"] == pytest.approx(0.01 * expected)
    constant = events(go("constant", schedule="constant", warm_up=20), "train")
    assert [record["learning_rate"] for record in constant] == pytest.approx([0.005] + [0.01] * 5)


def test_gradients_are_clipped(go):
    go("clipped", gradient_clip=1e-6, weight_decay=0, steps=1)
    moments = read_tensors(
        go("again", gradient_clip=1e-6, steps=1).out / "checkpoint/state", "optimizer-line"
    )
    norm = torch.cat([v.flatten() for k, v in moments.items() if k.endswith("exp_avg")]).norm() / 0.1
    assert float(norm) == pytest.approx(1e-6, rel=1e-3)


def test_average_is_that_of_the_weights():
    line = torch.nn.Linear(2, 2)
    average = Average({"line": line}, 0.75)
    expected = line.weight.detach().clone()
    for step in range(1, 30):
        with torch.no_grad():
            line.weight.add_(step)
        decay = min(0.75, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * line.weight.detach()
        average.update({"line": line}, step)
    assert torch.allclose(average.modules["line"].weight, expected, rtol=1e-5)
    assert not average.modules["line"].weight.requires_grad
    assert not average.modules["line"].training


def test_bfloat16(go):
    run = go("run", precision="bfloat16")
    assert events(run, "start")[0]["precision"] == "bf16"
    assert all(
        w.dtype == torch.float32 for w in read_tensors(run.out / "checkpoint/weights", "line").values()
    )
    assert go("other").outcome.step == 60  # in the same process, at another precision


def test_nothing_outside_is_disturbed(go):
    before = torch.get_rng_state()
    go("run")
    assert torch.equal(torch.get_rng_state(), before)


def test_curves_are_drawn(go):
    run = go("run", evaluate_every=10)
    with PIL.Image.open(run.out / "plot.png") as plot:
        colours = {colour for _, colour in plot.getcolors(1 << 20)}
        assert plot.size == (960, 240 * 3)  # error, loss, criticism, two gradients and the learning rate
    assert {(0x24, 0x67, 0xC9), (0xC0, 0x39, 0x2B)} <= colours


def test_finished_run_has_nothing_left(go):
    former = go("former")
    with pytest.raises(InvalidRequest, match="60 steps behind it already; ask for more"):
        go("former", resume=former.out)


def test_other_networks_do_not_fit(go):
    former = go("former")
    for how in ("resume", "continue_from"):
        with pytest.raises(InvalidRequest, match=r"does not fit .*size mismatch"):
            go("later", steps=99, width=8, **{how: former.out})


def test_out_that_is_a_file(go, tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(EngineError, match="could not be read or written"):
        go("run")
    assert (tmp_path / "run").read_text() == "mine"
