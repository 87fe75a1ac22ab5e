"""Packs of tiny random networks, found by the shipped manifests."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_pack import write_packs

from engine import Engine
from engine.packs import PackStore

MANIFESTS = Path(__file__).parents[4] / "resources" / "packs"


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Both packs; not to be changed."""
    root = tmp_path_factory.mktemp("written")
    write_packs(root)
    return root


@pytest.fixture(scope="session")
def published(written):
    """An engine that finds them by the shipped manifests as they are."""
    return Engine(device="cpu", store=PackStore(MANIFESTS, written))


@pytest.fixture
def installed(written, tmp_path):
    """A copy of both packs to change at will: `.base`, `.drag`, `.engine()` and the manifests' `.folder`."""
    home = tmp_path / "user"
    shutil.copytree(written, home)
    folder = tmp_path / "resources" / "packs"
    folder.mkdir(parents=True)
    for name in ("sd15", "instant_drag"):
        manifest = MANIFESTS / f"{name}.toml"
        text = manifest.read_text(encoding="utf-8")
        assert "working_size = 512" in text
        (folder / manifest.name).write_text(text.replace("working_size = 512", "working_size = 128"))
    return SimpleNamespace(
        base=home / "sd15",
        drag=home / "instant_drag",
        folder=folder,
        engine=lambda: Engine(device="cpu", store=PackStore(folder, home)),
    )
