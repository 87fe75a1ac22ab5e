"""Packs whose manifests are shipped and whose files the user gets elsewhere."""

import tomllib
from pathlib import Path

import pytest

from engine.errors import ModelMissing
from engine.packs import PackStore
from engine.packs.manifest import read_manifest

SHIPPED = Path(__file__).parents[3] / "resources" / "packs"

TEXT = """
name = "{name}"
title = "{title}"
licence = "CC0-1.0"
working_size = 64
{extra}
[components.{role}]
kind = "{role}"
path = "{name}/{role}"
[[components.{role}.files]]
path = "config.json"
url = "https://example.org/{role}"
"""


@pytest.fixture
def shelf(tmp_path):
    folder = tmp_path / "resources" / "packs"
    folder.mkdir(parents=True)
    for name, role, extra in (("base", "unet", ""), ("more", "vae", 'extends = "base"')):
        text = TEXT.format(name=name, title=name.title(), role=role, extra=extra)
        (folder / f"{name}.toml").write_text(text)
    return PackStore(folder, tmp_path / "user")


def put(root, name, role):
    folder = root / name / role
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")


def refusal(store, name):
    with pytest.raises(ModelMissing) as caught:
        store.open(name)
    return str(caught.value)


def test_what_is_not_installed_is_said_with_where_it_belongs(shelf, tmp_path):
    assert refusal(shelf, "base") == (
        f"The pack “Base” is not installed; its files belong in {tmp_path / 'user' / 'base'}. "
        "Put them there, or choose another pack."
    )


def test_the_users_folder_completes_a_shipped_manifest(shelf, tmp_path):
    put(tmp_path / "user", "base", "unet")
    assert shelf.open("base").components["unet"].path == tmp_path / "user" / "base" / "unet"


def test_what_is_shipped_counts_first(shelf, tmp_path):
    put(tmp_path / "user", "base", "unet")
    put(tmp_path / "resources", "base", "unet")
    assert shelf.open("base").components["unet"].path == tmp_path / "resources" / "base" / "unet"


def test_of_an_extended_pack_the_one_that_lacks_is_named(shelf, tmp_path):
    put(tmp_path / "user", "more", "vae")
    assert "“Base” is not installed" in refusal(shelf, "more")
    put(tmp_path / "user", "base", "unet")
    assert set(shelf.open("more").components) == {"unet", "vae"}


def test_half_a_pack_names_the_file(shelf, tmp_path):
    put(tmp_path / "user", "base", "unet")
    (tmp_path / "user" / "base" / "unet" / "config.json").unlink()
    assert "config.json is missing" in refusal(shelf, "base")


def names(packs):
    return [pack.name for pack in packs]


def test_what_could_be_got_is_known_with_what_it_would_hold(shelf, tmp_path):
    base, more = shelf.fetchable()
    assert names((base, more)) == ["base", "more"]
    assert set(more.components) == {"unet", "vae"}
    assert base.folder / base.name == tmp_path / "user" / "base"
    put(tmp_path / "user", "base", "unet")
    assert names(shelf.fetchable()) == ["more"], "of the base something is there"
    put(tmp_path / "resources", "more", "vae")
    assert not shelf.fetchable()


def test_what_is_broken_or_nowhere_to_be_got_is_not_offered(shelf, tmp_path):
    (tmp_path / "resources" / "packs" / "base.toml").write_text("name = 1")
    assert not shelf.fetchable(), "the other one extends it"
    (tmp_path / "resources" / "packs" / "own.toml").write_text(
        TEXT.format(name="own", title="Own", role="vae", extra="")
        .replace("url =", "sha256 =")
        .replace("https://example.org/vae", "0" * 64)
    )
    assert not shelf.fetchable()


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_a_shipped_manifest_is_whole(path):
    pack = read_manifest(path, SHIPPED.parent)
    assert pack.name == path.stem
    assert pack.licence_url
    assert (pack.home_url is None) == (pack.name == "starter")
    from engine.runtime.loaders import LOADERS

    for component in pack.components.values():
        assert component.kind in {*LOADERS, "flowgen"}
        assert component.path.is_relative_to(SHIPPED.parent / pack.name)
        for file in component.files:
            assert file.path.suffix in (".json", ".safetensors", ".txt")
            if pack.name == "starter":  # it need not be fetched
                assert file.path.stat().st_size == file.bytes
                continue
            assert file.url is not None
            assert file.url.endswith(
                file.path.relative_to(component.path.parent).as_posix().removesuffix("/.")
            )


def test_the_starter_pack_is_there_and_intact(tmp_path):
    store = PackStore(user=tmp_path)
    pack = store.open("starter")
    store.verify(pack)
    assert all(file.sha256 for component in pack.components.values() for file in component.files)


def test_the_licences_are_as_published():
    licences = {p.stem: tomllib.loads(p.read_text())["licence"] for p in SHIPPED.glob("*.toml")}
    assert licences["instant_drag"] == "CC-BY-NC-SA-4.0"
    assert licences["sd15"] == "CreativeML OpenRAIL-M"


def test_they_are_not_installed_and_say_so(tmp_path):
    store = PackStore(user=tmp_path)
    assert "“Stable Diffusion 1.5” is not installed" in refusal(store, "sd15")
    assert "“InstantDrag” is not installed" in refusal(store, "instant_drag")
