"""Where data lies: source tree, installed, frozen, and the user's own folder."""

import sys
from pathlib import Path

import pytest

from engine import paths
from engine.errors import EngineError


def test_the_source_tree_has_resources():
    folder = paths.resource_dir()
    assert folder.is_dir()
    assert folder == Path(paths.__file__).parents[1] / "resources"


def test_a_frozen_program_brings_its_resources(tmp_path, monkeypatch):
    (tmp_path / "resources").mkdir()
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert paths.resource_dir() == tmp_path / "resources"


def test_a_wheel_puts_resources_beside_the_interpreter(tmp_path, monkeypatch):
    (tmp_path / "share" / "pliant" / "resources").mkdir(parents=True)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "engine" / "paths.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert paths.resource_dir() == tmp_path / "share" / "pliant" / "resources"


def test_an_installation_without_resources_is_told_to_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "engine" / "paths.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(EngineError, match="install Pliant again"):
        paths.resource_dir()


def test_pliant_home_overrides_the_users_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "mine"))
    assert paths.data_dir() == tmp_path / "mine"
    assert paths.log_dir().is_relative_to(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("empty", [True, False], ids=["empty", "unset"])
def test_without_pliant_home_the_systems_places_are_used(empty, monkeypatch):
    if empty:
        monkeypatch.setenv("PLIANT_HOME", "")
    else:
        monkeypatch.delenv("PLIANT_HOME")
    for folder in (paths.data_dir(), paths.log_dir()):
        assert folder.is_absolute()
        assert "pliant" in folder.parts
    assert paths.data_dir() != paths.log_dir()
