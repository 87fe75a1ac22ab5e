import os
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given, strategies as st

from engine.errors import ModelMissing
from engine.packs import Component, PackFile
from engine.packs.manifest import read_manifest

HEAD = """
name = "tiny"
title = "Tiny"
licence = "CC-BY-SA-4.0"
working_size = 128
"""
UNET = """
[components.unet]
kind = "unet_2d"
path = "weights/unet"
"""
WHOLE = (
    HEAD
    + 'licence_url = "https://example.org/licence"\nextends = "base_1"\n'
    + 'home_url = "https://example.org/tiny"\n'
    + UNET
    + f"""
[[components.unet.files]]
path = "config.json"
bytes = 12
sha256 = "{"A" * 64}"
url = "https://example.org/config.json"
[[components.unet.files]]
path = "shards/1.safetensors"
[components.fill]
kind = "fill"
path = "fill.safetensors"
[[components.fill.files]]
path = "."
bytes = 0
[methods.good_drag]
inference_steps = 12
strength = 0.5
live = true
mode = "smooth"
[methods.imagic]
"""
)


@pytest.fixture
def manifest(tmp_path):
    """Writes a manifest and gives its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "tiny" / "pack.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def refusal(path: Path) -> str:
    with pytest.raises(ModelMissing) as caught:
        read_manifest(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"The pack “tiny” cannot be used: its manifest {path} ")
    assert sentence.endswith(". Get the pack again.")
    assert len(sentence.splitlines()) == 1
    return sentence.removeprefix(f"The pack “tiny” cannot be used: its manifest {path} ")


def test_reads_every_key(manifest):
    path = manifest(WHOLE)
    folder = path.parent

    pack = read_manifest(path)

    assert (pack.name, pack.title, pack.working_size, pack.extends) == ("tiny", "Tiny", 128, "base_1")
    assert (pack.licence, pack.licence_url) == ("CC-BY-SA-4.0", "https://example.org/licence")
    assert pack.home_url == "https://example.org/tiny"
    assert pack.folder == folder
    assert pack.components == {
        "unet": Component(
            role="unet",
            kind="unet_2d",
            path=folder / "weights/unet",
            files=(
                PackFile(
                    path=folder / "weights/unet/config.json",
                    bytes=12,
                    sha256="a" * 64,
                    url="https://example.org/config.json",
                ),
                PackFile(path=folder / "weights/unet/shards/1.safetensors"),
            ),
        ),
        "fill": Component(
            role="fill",
            kind="fill",
            path=folder / "fill.safetensors",
            files=(PackFile(path=folder / "fill.safetensors", bytes=0),),
        ),
    }
    assert pack.methods == {
        "good_drag": {"inference_steps": 12, "strength": 0.5, "live": True, "mode": "smooth"},
        "imagic": {},
    }


def test_what_may_be_left_out(manifest):
    pack = read_manifest(manifest(HEAD + UNET))
    assert (pack.extends, pack.licence_url, pack.home_url, pack.methods) == (None, None, None, {})
    assert pack.components["unet"].files == ()
    assert read_manifest(manifest(HEAD + 'extends = "base"')).components == {}


def test_paths_are_absolute_and_relative_to_the_given_folder(manifest, tmp_path, monkeypatch):
    manifest(HEAD + UNET)
    monkeypatch.chdir(tmp_path)
    relative = Path("tiny/pack.toml")
    assert read_manifest(relative).components["unet"].path == tmp_path / "tiny/weights/unet"
    elsewhere = read_manifest(relative, tmp_path / "resources")
    assert elsewhere.components["unet"].path == tmp_path / "resources/weights/unet"
    assert elsewhere.folder == tmp_path / "resources"


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        (HEAD.replace("title", "titel") + UNET, "lacks “title”"),
        (HEAD.replace('name = "tiny"', "") + UNET, "lacks “name”"),
        (HEAD.replace('licence = "CC-BY-SA-4.0"', "") + UNET, "lacks “licence”"),
        (HEAD.replace("working_size = 128", "") + UNET, "lacks “working_size”"),
        ("colour = 1" + HEAD + UNET, "has the unknown key “colour”"),
        (HEAD + UNET + "extra = 1", "has the unknown key “components.unet.extra”"),
        (HEAD + UNET.replace("kind", "knid"), "lacks “components.unet.kind”"),
        (HEAD + '[components.unet]\nkind = "unet"', "lacks “components.unet.path”"),
        (HEAD + UNET + "[[components.unet.files]]\nbytes = 1", "lacks “components.unet.files[1].path”"),
        (HEAD.replace('"tiny"', '""') + UNET, "one line of text as “name”"),
        (HEAD.replace('"Tiny"', '"  "') + UNET, "one line of text as “title”"),
        (HEAD.replace('"Tiny"', '"a\\nb"') + UNET, "one line of text as “title”"),
        (HEAD.replace('"tiny"', '"Tiny pack"') + UNET, "as “name”, not “Tiny pack”"),
        (HEAD.replace('"tiny"', '"tïny"') + UNET, "as “name”, not “tïny”"),
        (HEAD.replace('"tiny"', "7") + UNET, "needs text as “name”"),
        (HEAD.replace("128", '"128"') + UNET, "needs a whole number as “working_size”"),
        (HEAD.replace("128", "128.0") + UNET, "needs a whole number as “working_size”"),
        (HEAD.replace("128", "true") + UNET, "needs a whole number as “working_size”"),
        (HEAD.replace("128", "0") + UNET, "at least 1 pixel as “working_size”, not 0"),
        (HEAD + 'extends = "../base"' + UNET, "as “extends”, not “../base”"),
        (HEAD + 'licence_url = "file:///etc/passwd"' + UNET, "a web address as “licence_url”"),
        (HEAD, "names no component"),
        (HEAD + "components = 3", "needs a table as “components”"),
        (HEAD + "[components]\nunet = 3", "needs a table as “components.unet”"),
        (HEAD + '[components."U net"]\nkind = "a"\npath = "b"', "in place of “components.U net”"),
        (HEAD + UNET.replace("unet_2d", "Unet-2D"), "as “components.unet.kind”, not “Unet-2D”"),
        (HEAD + UNET + "files = 1", "needs a list of tables as “components.unet.files”"),
        (HEAD + UNET + "files = ['a']", "needs a list of tables as “components.unet.files”"),
        (HEAD + UNET + "methods.x = 1", "has the unknown key “components.unet.methods”"),
        (HEAD + "methods = 1" + UNET, "needs a table as “methods”"),
        (HEAD + "methods.x = 1" + UNET, "needs a table as “methods.x”"),
        (HEAD + UNET + "[methods.x]\nsteps = [1]", "as “methods.x.steps”"),
        (HEAD + UNET + "[methods.x]\nsteps = 1979-05-27", "as “methods.x.steps”"),
        (HEAD + UNET + "[methods.X]", "in place of “methods.X”"),
    ],
)
def test_names_the_key_that_is_wrong(manifest, wrong, part):
    assert part in refusal(manifest(wrong))


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("bytes = -1", "files[1].bytes”, not -1"),
        ("bytes = 1.5", "a whole number as “components.unet.files[1].bytes”"),
        ("bytes = true", "a whole number as “components.unet.files[1].bytes”"),
        ('sha256 = "abc"', "64 hexadecimal digits as “components.unet.files[1].sha256”"),
        (f'sha256 = "{"g" * 64}"', "64 hexadecimal digits"),
        (f'sha256 = "{"a" * 65}"', "64 hexadecimal digits"),
        ('url = "ftp://example.org/a"', "a web address as “components.unet.files[1].url”"),
        ('url = "https://"', "a web address"),
        ('md5 = "a"', "the unknown key “components.unet.files[1].md5”"),
    ],
)
def test_names_what_is_wrong_with_a_file(manifest, line, part):
    assert part in refusal(manifest(HEAD + UNET + f'[[components.unet.files]]\npath = "a"\n{line}'))


ESCAPES = [
    "/etc",
    "..",
    "../a",
    "a/../../b",
    "a/..",
    "a\\..\\b",
    "C:/a",
    "c:a",
    "\\\\host\\share",
    "a/.. ",
    "a/...",
    "a./b",
    "",
]


@pytest.mark.parametrize("text", ESCAPES)
def test_refuses_a_path_out_of_the_folder(manifest, text):
    # Literal strings ('…') take backslashes as they are.
    assert "“components.unet.path”" in refusal(manifest(HEAD + UNET.replace('"weights/unet"', f"'{text}'")))
    listed = f"[[components.unet.files]]\npath = '{text}'"
    assert "“components.unet.files[1].path”" in refusal(manifest(HEAD + UNET + listed))


def quoted(text: str) -> str:
    """`text` as a TOML string in which every character is escaped."""
    return '"' + "".join(f"\\U{ord(letter):08x}" for letter in text) + '"'


paths = st.one_of(
    st.lists(st.sampled_from([".", "..", "...", "/", "\\", "c:", "a", " ", "~", "\0", "é"]), max_size=8).map(
        "".join
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@given(component=paths, file=paths)
def test_no_path_ever_leaves_the_folder(tmp_path_factory, component, file):
    folder = tmp_path_factory.getbasetemp() / "escape"
    folder.mkdir(exist_ok=True)
    path = folder / "pack.toml"
    path.write_text(
        HEAD
        + f'[components.unet]\nkind = "unet"\npath = {quoted(component)}\n'
        + f"[[components.unet.files]]\npath = {quoted(file)}\n",
        encoding="utf-8",
    )
    try:
        unet = read_manifest(path).components["unet"]
    except ModelMissing:
        return
    for found in (unet.path, unet.files[0].path):
        assert Path(os.path.normpath(found)).is_relative_to(folder)
        assert found.is_relative_to(folder)
    assert found.is_relative_to(unet.path)
    for text in (component, file):  # and as Windows reads it
        on_windows = PureWindowsPath("D:/packs/tiny") / text
        assert on_windows.is_relative_to("D:/packs/tiny")
        assert ".." not in on_windows.parts


def test_refuses_what_is_no_toml(manifest, tmp_path):
    assert "is not valid TOML" in refusal(manifest("name = "))
    assert "is not valid TOML" in refusal(manifest(HEAD + HEAD + UNET))
    assert "is not valid TOML" in refusal(manifest("a = " + "[" * 100_000))
    assert "is not valid TOML" in refusal(manifest("a = " + "1" * 5_000))
    assert "is not UTF-8 text" in refusal(manifest((HEAD + UNET).encode("utf-16")))
    assert "is not UTF-8 text" in refusal(manifest(HEAD.replace("Tiny", "Tïny").encode("latin-1")))
    assert "lacks “name”" in refusal(manifest(b""))


def test_refuses_a_file_that_cannot_be_read(tmp_path):
    (tmp_path / "tiny").mkdir()
    assert "cannot be read (No such file" in refusal(tmp_path / "tiny" / "pack.toml")
    (tmp_path / "tiny" / "pack.toml").mkdir()
    assert "cannot be read" in refusal(tmp_path / "tiny" / "pack.toml")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_manifest_or_a_sentence(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes((HEAD + UNET).encode() + content)
    try:
        read_manifest(path)
    except ModelMissing as error:
        assert "“any”" in str(error)


def test_require_names_the_roles_a_pack_lacks(manifest):
    pack = read_manifest(manifest(WHOLE))
    pack.require({"unet", "fill"}, "Flow warp")
    pack.require((), "Flow warp")
    with pytest.raises(
        ModelMissing, match=r"^GoodDrag needs text_encoder and vae, which the pack “Tiny” does not hold\."
    ):
        pack.require({"unet", "vae", "text_encoder"}, "GoodDrag")
    with pytest.raises(ModelMissing, match="needs a, b and vae, which"):
        pack.require(["vae", "b", "a"], "X")
    with pytest.raises(ModelMissing, match="needs vae, which"):
        pack.require(frozenset({"vae"}), "X")
