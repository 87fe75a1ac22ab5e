import hashlib
import json
import struct
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from safetensors.numpy import save, save_file

from engine.errors import ModelMissing
from engine.packs import PackStore
from engine.paths import data_dir

WEIGHTS = {"w": np.arange(12, dtype=np.float16).reshape(3, 4)}


def fill_component(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"width": 8}')
    save_file(WEIGHTS, folder / "model.safetensors")


def text_of(name: str, roles: dict[str, str], extra: str = "", listed: Path | None = None) -> str:
    """A manifest whose components have the paths `roles`; the files found below `listed` are stated."""
    lines = [
        f'name = "{name}"',
        f'title = "{name.title()}"',
        'licence = "CC0-1.0"',
        "working_size = 64",
        extra,
    ]
    for role, path in roles.items():
        lines += [f"[components.{role}]", 'kind = "unet"', f'path = "{path}"']
        for file in sorted((listed / path).iterdir()) if listed else ():
            content = file.read_bytes()
            lines += [f"[[components.{role}.files]]", f'path = "{file.name}"', f"bytes = {len(content)}"]
            lines += [f'sha256 = "{hashlib.sha256(content).hexdigest()}"']
    return "\n".join(lines)


class Shelf:
    """Bundled and user packs in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.resources, self.user = root / "resources", root / "user"
        (self.resources / "packs").mkdir(parents=True)
        self.store = PackStore(self.resources / "packs", self.user)

    def bundle(self, name: str, roles: tuple[str, ...] = ("unet",), extra: str = "") -> Path:
        for role in roles:
            fill_component(self.resources / name / role)
        paths = {role: f"{name}/{role}" for role in roles}
        (self.resources / "packs" / f"{name}.toml").write_text(text_of(name, paths, extra, self.resources))
        return self.resources / name

    def add(self, name: str, roles: tuple[str, ...] = ("unet",), extra: str = "", folder: str = "") -> Path:
        home = self.user / (folder or name)
        home.mkdir(parents=True)
        for role in roles:
            fill_component(home / role)
        (home / "pack.toml").write_text(text_of(name, {role: role for role in roles}, extra, home))
        return home

    def refusal(self, name_or_folder: str | Path) -> str:
        with pytest.raises(ModelMissing) as caught:
            self.store.open(name_or_folder)
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path)


def test_opens_bundled_and_user_packs(shelf):
    shelf.bundle("starter", ("unet", "vae"))
    shelf.add("mine")

    starter = shelf.store.open("starter")
    assert starter.components["vae"].path == shelf.resources / "starter" / "vae"
    assert starter.folder == shelf.resources
    assert shelf.store.open("mine").components["unet"].path == shelf.user / "mine" / "unet"
    with pytest.raises(FrozenInstanceError):
        starter.name = "other"


def test_takes_its_folders_from_the_installation(monkeypatch, tmp_path):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path))
    other = Shelf(tmp_path / "other")
    monkeypatch.setattr("engine.packs.store.resource_dir", lambda: other.resources)
    other.user = data_dir() / "packs"
    other.bundle("shipped")
    other.add("only_here")
    store = PackStore()
    assert store.open("shipped").folder == other.resources
    assert store.open("only_here").folder == other.user / "only_here"


def test_without_any_folder_there_are_no_packs(tmp_path):
    store = PackStore(tmp_path / "a" / "packs", tmp_path / "b")
    with pytest.raises(ModelMissing, match=r"There is no pack “starter”.*there are none yet\."):
        store.open("starter")


def test_a_users_pack_overrides_a_bundled_one(shelf):
    shelf.bundle("starter")
    home = shelf.add("starter", folder="another folder")
    assert shelf.store.open("starter").folder == home


def test_a_broken_manifest_hides_no_other_pack(shelf):
    shelf.bundle("starter")
    (shelf.resources / "packs" / "bad.toml").write_text("name = ")
    for folder, content in (("worse one", b"\xff"), ("worst", b"")):
        (shelf.user / folder).mkdir(parents=True)
        (shelf.user / folder / "pack.toml").write_bytes(content)
    (shelf.user / "no_pack").mkdir()

    assert shelf.store.open("starter").name == "starter"
    assert "“bad”" in shelf.refusal("bad")
    assert "bad.toml is not valid TOML" in shelf.refusal("bad")
    assert "is not UTF-8 text" in shelf.refusal("worse one")
    assert "lacks “name”" in shelf.refusal("worst")


def test_a_sound_pack_wins_over_a_broken_one_filed_under_its_name(shelf):
    home = shelf.add("mine", folder="z")
    (shelf.user / "mine").mkdir()
    (shelf.user / "mine" / "pack.toml").write_text("?")
    assert shelf.store.open("mine").folder == home


def test_opens_a_folder_anywhere(shelf, tmp_path, monkeypatch):
    elsewhere = Shelf(tmp_path / "elsewhere")
    home = elsewhere.add("loose")
    assert shelf.store.open(home).name == "loose"
    assert shelf.store.open(str(home)).name == "loose"
    monkeypatch.chdir(home.parent)
    for spelled in ("loose", "./loose", Path("loose")):
        assert shelf.store.open(spelled).components["unet"].path == home / "unet"


def test_a_name_of_the_store_counts_before_a_folder_that_happens_to_lie_here(shelf, monkeypatch):
    shelf.bundle("starter")
    monkeypatch.chdir(shelf.resources)  # which holds a folder “starter”
    assert shelf.store.open("starter").folder == shelf.resources
    assert "There is no pack" in shelf.refusal(Path("starter"))


@pytest.mark.parametrize("name", ["nope", "a/b", "", "x" * 5000, "nul\0", "../packs", "Starter"])
def test_an_unknown_pack_is_refused_with_those_there_are(shelf, name, monkeypatch):
    monkeypatch.chdir(shelf.resources)
    shelf.bundle("starter")
    shelf.add("mine")
    sentence = shelf.refusal(name)
    assert f"There is no pack “{name}”" in sentence
    assert sentence.endswith("Choose one of these: mine, starter.")


def test_extends_takes_over_components_and_recommendations(shelf):
    shelf.bundle("base", ("unet", "vae"), "[methods.drag]\nsteps = 5\nrate = 2\n[methods.warp]\ngrid = 3")
    shelf.bundle("middle", ("flow",), 'extends = "base"\n[methods.drag]\nsteps = 7')
    home = shelf.add("top", ("unet",), 'extends = "middle"')

    pack = shelf.store.open("top")

    base = shelf.resources / "base"
    assert {role: component.path for role, component in pack.components.items()} == {
        "unet": home / "unet",
        "vae": base / "vae",
        "flow": shelf.resources / "middle" / "flow",
    }
    assert pack.methods == {"drag": {"steps": 7}, "warp": {"grid": 3}}
    assert (pack.name, pack.extends, pack.folder) == ("top", "middle", home)
    PackStore.verify(pack)


def test_an_inherited_component_is_looked_over_too(shelf):
    base = shelf.bundle("base", ("unet", "vae"))
    shelf.add("top", ("unet",), 'extends = "base"')
    (base / "unet" / "config.json").unlink()  # overridden, so nobody misses it
    shelf.store.open("top")
    (base / "vae" / "config.json").unlink()
    assert "The pack “Top” cannot be used" in shelf.refusal("top")


def test_extending_in_a_circle_or_nothing_is_refused(shelf):
    shelf.bundle("a", extra='extends = "b"')
    shelf.bundle("b", extra='extends = "c"')
    shelf.bundle("c", extra='extends = "b"')
    shelf.bundle("self", extra='extends = "self"')
    shelf.bundle("orphan", extra='extends = "sd15"')
    assert "circle (b → c → b)" in shelf.refusal("a")
    assert "circle (self → self)" in shelf.refusal("self")
    assert "The pack “Orphan” extends the pack “sd15”, which is missing. Get it first." in shelf.refusal(
        "orphan"
    )


def test_extending_a_broken_pack_names_that_pack(shelf):
    shelf.add("top", extra='extends = "base"')
    (shelf.resources / "packs" / "base.toml").write_text("")
    assert "base.toml lacks “name”" in shelf.refusal("top")


def remove_component(unet: Path) -> None:
    for file in unet.iterdir():
        file.unlink()
    unet.rmdir()


def cut_weights(unet: Path) -> None:
    path = unet / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (remove_component, "unet is missing"),
        (lambda unet: (unet / "config.json").unlink(), "config.json is missing"),
        (lambda unet: (unet / "config.json").write_text("{}"), "config.json has 2 bytes and should have 12"),
        (cut_weights, "bytes and should have"),
        (lambda unet: (unet / "vocab.json").write_text("{"), "vocab.json is not valid JSON"),
        (lambda unet: (unet / "vocab.JSON").write_bytes(b"\xff\xfe\xff"), "vocab.JSON is not valid JSON"),
        (lambda unet: (unet / "deep.json").write_text("[" * 100_000), "deep.json is not valid JSON"),
        (lambda unet: (unet / "more.safetensors").write_bytes(b""), "more.safetensors is not a complete"),
    ],
)
def test_names_the_damaged_file(shelf, damage, part):
    unet = shelf.bundle("starter") / "unet"
    damage(unet)
    sentence = shelf.refusal("starter")
    assert sentence.startswith(f"The pack “Starter” cannot be used: {unet}")
    assert part in sentence
    assert sentence.endswith("Get the pack again.")


def header(offsets: list[int], shape: list[int], size: int = 24) -> bytes:
    text = json.dumps({"w": {"dtype": "F16", "shape": shape, "data_offsets": offsets}}).encode()
    return struct.pack("<Q", len(text)) + text + bytes(size)


@pytest.mark.parametrize(
    "content",
    [
        header([0, 240], [120]),  # beyond the end
        header([0, 24], [13]),  # shape and length disagree
        header([0, 24], [12], size=25),  # bytes that belong to no tensor
        header([8, 24], [8]),  # a gap
        struct.pack("<Q", 2**63) + bytes(8),
        struct.pack("<Q", 8) + b"{broken}",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 99\n",
        save(WEIGHTS)[:20],
    ],
)
def test_refuses_weights_whose_header_does_not_fit(shelf, content):
    home = shelf.add("mine")
    (home / "pack.toml").write_text(text_of("mine", {"unet": "unet"}))
    path = home / "unet" / "sub" / "model.safetensors"
    path.parent.mkdir()
    path.write_bytes(header([0, 24], [12]))
    shelf.store.open("mine")
    path.write_bytes(content)
    assert f"{path} is not a complete safetensors file" in shelf.refusal("mine")


@settings(max_examples=60)
@given(data=st.data())
def test_any_change_of_weights_opens_or_is_a_sentence(tmp_path_factory, data):
    home = tmp_path_factory.getbasetemp() / "changed"
    home.mkdir(exist_ok=True)
    content = bytearray(save(WEIGHTS))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (home / "w.safetensors").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    (home / "pack.toml").write_text(text_of("changed", {"unet": "w.safetensors"}))
    try:
        PackStore(home / "none", home / "none").open(home)
    except ModelMissing as error:
        assert "w.safetensors is not a complete safetensors file" in str(error)


@pytest.mark.parametrize("name", ["w.bin", "w.pt", "w.pth", "w.ckpt", "w.pkl", "sub/W.CKPT"])
def test_refuses_pickles(shelf, name):
    unet = shelf.bundle("starter") / "unet"
    (unet / "sub").mkdir()
    (unet / name).write_bytes(b"\x80\x04.")
    sentence = shelf.refusal("starter")
    assert sentence.startswith("Pliant loads safetensors only, and the pack “Starter” holds ")
    assert str(unet / name) in sentence


def test_a_component_may_be_one_file(shelf):
    home = shelf.add("mine", ())
    save_file(WEIGHTS, home / "fill.safetensors")
    digest = hashlib.sha256((home / "fill.safetensors").read_bytes()).hexdigest()
    listed = f'[[components.fill.files]]\npath = "."\nsha256 = "{digest}"'
    (home / "pack.toml").write_text(text_of("mine", {"fill": "fill.safetensors"}) + "\n" + listed)
    PackStore.verify(shelf.store.open("mine"))
    (home / "fill.safetensors").write_bytes(b"no")
    assert "fill.safetensors is not a complete" in shelf.refusal("mine")

    (home / "pack.toml").write_text(text_of("mine", {"fill": "fill.ckpt"}))
    (home / "fill.ckpt").write_bytes(b"\x80\x04.")
    assert "safetensors only" in shelf.refusal("mine")


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_are_followed_to_the_files_the_manifest_lists(shelf, tmp_path):
    home = shelf.add("mine")
    unet = home / "unet"
    unet.rename(tmp_path / "shared")
    unet.symlink_to(tmp_path / "shared", target_is_directory=True)
    shelf.store.open("mine")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "w.safetensors").write_bytes(b"no")
    (unet / "more").symlink_to(tmp_path / "more", target_is_directory=True)
    (home / "pack.toml").write_text(
        text_of("mine", {"unet": "unet"}) + '\n[[components.unet.files]]\npath = "more/w.safetensors"'
    )
    assert "w.safetensors is not a complete" in shelf.refusal("mine")


def test_a_file_the_system_will_not_read_is_named(shelf, monkeypatch):
    unet = shelf.bundle("starter") / "unet"
    pack = shelf.store.open("starter")

    def refuse(path, mode="r", *rest):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("engine.packs.store.json.loads", lambda text: refuse(unet / "config.json"))
    assert f"{unet / 'config.json'} cannot be read (Permission denied)" in shelf.refusal("starter")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelMissing, match=r"config\.json cannot be read \(Permission denied\)"):
        PackStore.verify(pack)


def test_verify_reads_every_file_with_a_hash(shelf):
    unet = shelf.bundle("starter") / "unet"
    (unet / "notes.txt").write_text("not listed")
    seen: list[str] = []
    PackStore.verify(shelf.store.open("starter"), seen.append)
    assert seen == [str(unet / "config.json"), str(unet / "model.safetensors")]


def test_verify_names_the_damaged_file(shelf):
    unet = shelf.bundle("starter") / "unet"
    path = unet / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # opening cannot see this
    path.write_bytes(content)
    pack = shelf.store.open("starter")
    with pytest.raises(
        ModelMissing, match=r"model\.safetensors is damaged; its checksum is wrong\. Get the pack"
    ):
        PackStore.verify(pack)


def test_verify_names_a_file_that_has_gone(shelf):
    unet = shelf.bundle("starter") / "unet"
    pack = shelf.store.open("starter")
    (unet / "model.safetensors").unlink()
    with pytest.raises(ModelMissing, match=r"model\.safetensors cannot be read"):
        PackStore.verify(pack)


def test_verify_takes_a_large_file_piece_by_piece(shelf):
    home = shelf.add("mine", ())
    (home / "blob").write_bytes(bytes(range(256)) * 12_300)  # 3 MiB and a rest
    digest = hashlib.sha256((home / "blob").read_bytes()).hexdigest()
    listed = f'\n[[components.blob.files]]\npath = "."\nsha256 = "{digest}"'
    (home / "pack.toml").write_text(text_of("mine", {"blob": "blob"}) + listed)
    PackStore.verify(shelf.store.open("mine"))


def test_verify_can_be_stopped(shelf):
    shelf.bundle("starter")

    def stop(file: str) -> None:
        raise InterruptedError(file)

    with pytest.raises(InterruptedError):
        PackStore.verify(shelf.store.open("starter"), stop)
