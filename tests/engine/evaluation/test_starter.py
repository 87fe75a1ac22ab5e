"""`pliant bench starter` measures baselines and the networks of installed packs on held-out photos."""

import json

import pytest
import torch

from engine import cli
from engine.evaluation import BENCHMARKS, FlowRow
from engine.networks.drag_flow import DragFlow
from engine.paths import data_dir
from engine.training import drag_metrics
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


@pytest.fixture
def photos(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "photos", number=3)
    monkeypatch.setenv("PLIANT_PHOTOS", str(folder))
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
        f"Small pack: drag_flow{told}" for told in ("", " + mask", " + subject")
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
