import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engine.errors import InvalidRequest
from engine.training import checkpoint
from engine.training.checkpoint import Facts, State, find, read_facts, restore, restore_weights, save


def facts(step):
    return Facts(stage="tiny", step=step, began=0, seed=4, settings={"width": 2})


def state(value):
    networks = {name: nn.Linear(2, 2) for name in ("net", "critic")}
    average = {"net": nn.Linear(2, 2)}
    for network in (*networks.values(), *average.values()):
        network.requires_grad_(False)
        network.weight.fill_(value)
    optimizer = torch.optim.AdamW(networks["net"].requires_grad_(True).parameters(), lr=0.1)
    (networks["net"](torch.ones(1, 2)).sum() * value).backward()
    optimizer.step()
    return State(networks=networks, averaged=average, optimizers={"net": optimizer})


CHANCES = [{"batches": torch.tensor([process], dtype=torch.uint8)} for process in (5, 6)]


def test_everything_comes_back(tmp_path):
    before, after = state(1.0), state(7.0)
    save(tmp_path, facts(3), before, CHANCES)
    assert restore(tmp_path, after, 1) == CHANCES[1]
    assert read_facts(tmp_path, "tiny") == facts(3)
    for group in ("networks", "averaged"):
        for name, network in getattr(before, group).items():
            assert torch.equal(network.weight, getattr(after, group)[name].weight)
    saved, found = (each.optimizers["net"].state_dict()["state"] for each in (before, after))
    assert saved.keys() == found.keys() == {0, 1}
    for index, own in saved.items():
        assert own.keys() == found[index].keys()
        assert all(torch.equal(value, found[index][name]) for name, value in own.items())


def test_optimizer_keeps_the_present_settings(tmp_path):
    save(tmp_path, facts(3), state(1.0), CHANCES)
    after = state(7.0)
    after.optimizers["net"].param_groups[0]["weight_decay"] = 0.625
    restore(tmp_path, after, 0)
    assert after.optimizers["net"].param_groups[0]["weight_decay"] == 0.625


@pytest.mark.parametrize("at", range(4))
def test_one_checkpoint_is_whole_whenever_it_fails(tmp_path, monkeypatch, at):
    """Fails at each of: writing, moving the former away, moving the new one in place, clearing up."""
    save(tmp_path, facts(3), state(1.0), CHANCES)
    real, calls = checkpoint.os.replace, []

    def fail(*_):
        raise OSError("no power")

    def replace(source, target):
        calls.append(target)
        if len(calls) == at:
            fail()
        real(source, target)

    monkeypatch.setattr(checkpoint.os, "replace", replace)
    if at == 0:
        monkeypatch.setattr(checkpoint, "write_tensors", fail)
    if at == 3:
        monkeypatch.setattr(checkpoint.shutil, "rmtree", lambda *_, **__: fail() if len(calls) == 2 else None)
    with pytest.raises(OSError, match="no power"):
        save(tmp_path, facts(8), state(1.0), CHANCES)
    monkeypatch.undo()
    step = read_facts(tmp_path, "tiny").step
    assert step == (8 if at == 3 else 3)
    restore(tmp_path, state(2.0), 0)
    save(tmp_path, facts(9), state(1.0), CHANCES)
    assert read_facts(tmp_path, "tiny").step == 9
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("place", ["net", "."])
def test_what_was_exported_is_gone_on_from(tmp_path, place):
    (tmp_path / place).mkdir(exist_ok=True)
    weights = nn.Linear(2, 2).half().state_dict()
    save_file(weights, tmp_path / place / "diffusion_pytorch_model.safetensors")
    found = read_facts(tmp_path, "tiny")
    assert (found.stage, found.step, found.settings) == ("tiny", 0, {})
    network = nn.Linear(2, 2)
    restore_weights(tmp_path, {"net": network})
    assert torch.equal(network.weight, weights["weight"].float())
    save_file({"weight": torch.ones(2, 2)}, tmp_path / place / "diffusion_pytorch_model.safetensors")
    assert read_facts(tmp_path, "tiny").seed != found.seed, "other weights go on with other samples"
    with pytest.raises(InvalidRequest):
        restore_weights(tmp_path, {"net": network})


def test_of_several_exported_networks_each_is_needed(tmp_path):
    (tmp_path / "net").mkdir()
    save_file(nn.Linear(2, 2).state_dict(), tmp_path / "net" / "model.safetensors")
    with pytest.raises(InvalidRequest, match="other"):
        restore_weights(tmp_path, {"net": nn.Linear(2, 2), "other": nn.Linear(2, 2)})


def test_other_stage_is_refused(tmp_path):
    save(tmp_path, facts(3), state(1.0), CHANCES)
    with pytest.raises(InvalidRequest, match="weights of the stage tiny, not of huge"):
        read_facts(tmp_path, "huge")


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"stage": 3'])
def test_what_is_no_training(tmp_path, text):
    assert find(tmp_path) is None
    if text is not None:
        (tmp_path / "facts.json").write_text(text)
    with pytest.raises(InvalidRequest, match="holds no weights that a training wrote"):
        read_facts(tmp_path, "tiny")


def test_damage_is_said(tmp_path):
    save(tmp_path, facts(3), state(1.0), CHANCES)
    file = tmp_path / "checkpoint" / "state" / "critic-00000.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(InvalidRequest, match="does not fit"):
        restore(tmp_path, state(2.0), 0)


def test_more_processes_than_were_saved(tmp_path):
    save(tmp_path, facts(3), state(1.0), CHANCES)
    with pytest.raises(InvalidRequest, match="chance-2"):
        restore(tmp_path, state(2.0), 2)
