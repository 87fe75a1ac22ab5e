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


@pytest.mark.parametrize("packages", [".", "Lib/site-packages", "lib/python3.11/site-packages"])
def test_a_wheel_puts_resources_into_the_prefix(tmp_path, monkeypatch, packages):
    """Of a venv, a user (where `sys.prefix` says another), or `pip install --target`."""
    (tmp_path / "share" / "pliant" / "resources").mkdir(parents=True)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / packages / "engine" / "paths.py"))
    assert paths.resource_dir() == tmp_path / "share" / "pliant" / "resources"


def test_an_installation_without_resources_is_told_to_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "engine" / "paths.py"))
    with pytest.raises(EngineError, match="install Pliant again"):
        paths.resource_dir()


def test_pliant_home_overrides_the_users_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "mine"))
    assert paths.data_dir() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("empty", [True, False], ids=["empty", "unset"])
def test_without_pliant_home_the_systems_places_are_used(empty, monkeypatch):
    if empty:
        monkeypatch.setenv("PLIANT_HOME", "")
    else:
        monkeypatch.delenv("PLIANT_HOME")
    assert paths.data_dir().is_absolute()
    assert "pliant" in paths.data_dir().parts
