"""`pliant bench fill` measures the classical fills and the networks of installed packs on held-out holes."""

import json

import pytest
import torch

from engine import cli
from engine.evaluation import FillRow, fill
from engine.networks.fill import FillNet
from engine.paths import data_dir
from tests.engine.training.photo_files import write_folder

PICTURES = 3
PACK = """
name = "small"
title = "Small pack"
licence = "CC0-1.0"
working_size = 128

[components.fill]
kind = "fill"
path = "fill"
"""


@pytest.fixture(autouse=True)
def few(tmp_path, monkeypatch):
    monkeypatch.setenv("PLIANT_PHOTOS", str(write_folder(tmp_path / "photos", number=3)))
    monkeypatch.setattr(fill, "_SIZE", 96)
    monkeypatch.setattr(fill.run, "__defaults__", (PICTURES,))


def test_each_way_to_fill_has_its_rows():
    folder = data_dir() / "packs" / "small"
    with torch.random.fork_rng():
        FillNet(32, (8, 16)).save(folder / "fill")
    (folder / "pack.toml").write_text(PACK, encoding="utf-8")
    rows = {row.name: row for row in fill.run()}
    whole = {name: row for name, row in rows.items() if "," not in name}
    assert list(whole) == ["push-pull", "Telea", "patches", "Small pack: fill"]
    for row in rows.values():
        assert isinstance(row, FillRow)
        assert 1 <= row.pictures <= PICTURES
        assert row.name in str(row)
        assert "\n" not in str(row)
    assert whole["patches"].energy > whole["push-pull"].energy
    # Untrained, the network is the smooth fill.
    untrained, smooth = whole["Small pack: fill"], whole["push-pull"]
    assert (untrained.psnr, untrained.energy) == (smooth.psnr, smooth.energy)


def test_a_perfect_fill_has_no_error_and_all_of_the_energy(tmp_path, monkeypatch):
    batch = fill._held_out(tmp_path / "photos", PICTURES)
    row = fill._row("truth", batch.truth, batch, 0.0)
    assert (row.psnr, row.energy) == (60.0, 1.0)


def test_without_photos_it_says_what_to_set(monkeypatch, capsys):
    monkeypatch.delenv("PLIANT_PHOTOS")
    assert cli.main(["bench", "fill"]) == cli.BAD_INPUT
    assert "set PLIANT_PHOTOS to a folder" in capsys.readouterr().err


def test_the_command_prints_it_as_json(capsys):
    assert cli.main(["bench", "fill", "--json"]) == cli.DONE
    told = json.loads(capsys.readouterr().out)
    assert told["benchmark"] == "fill"
    assert told["rows"][0]["name"] == "push-pull"
