"""`pliant generate`: from words to a file that tells how it was made, and `pliant edit` of that file."""

import json

import numpy as np
import PIL.Image
import pytest

import engine.shelf
from engine import METHODS, cli, data_dir
from engine.edit import Box, DragEdit, EditResult
from engine.method import Method
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.packs import PackStore
from engine.photo import open_photo
from tests.engine.sd_pack import write_sd_pack


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    return write_sd_pack(tmp_path_factory.mktemp("packs") / "painter", more="[methods.generate]\nsteps = 3")


@pytest.fixture
def run(capsys):
    def call(*words):
        status = cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


def pixels(path):
    with PIL.Image.open(path) as image:
        return np.asarray(image)


def test_words_become_a_picture_that_can_be_repeated(run, painter, tmp_path):
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    words = ("a flower", "--pack", painter, "--seed", 5, "--size", "64x48", "--device", "cpu")
    assert run("generate", *words, "-o", a) == (0, f"{a}\n", "")
    assert pixels(a).shape == (48, 64, 3)
    status, out, err = run("generate", *words, "-o", b, "--json")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert a.read_bytes() == b.read_bytes()
    assert told["evaluations"] == {"UNet2DConditionModel": 6, "CLIPTextModel": 2}
    assert {"Load", "Denoise", "Decode", "Save"} <= told["seconds"].keys()
    facts = {name: told[name] for name in ("prompt", "pack", "size", "seed", "steps", "guidance", "device")}
    assert facts == {
        "prompt": "a flower",
        "pack": "painter",
        "size": [64, 48],
        "seed": 5,
        "steps": 3,
        "guidance": 7.5,
        "device": "cpu",
    }
    origin = open_photo(b).origin
    assert origin.as_json().items() <= told.items()


def test_what_is_chosen_counts(run, painter, tmp_path):
    words = (
        "generate",
        "a",
        "--pack",
        painter,
        "--steps",
        2,
        "--guidance",
        3,
        "-o",
        tmp_path / "a.png",
        "--json",
    )
    told = json.loads(run(*words)[1])
    assert (told["steps"], told["guidance"], told["size"]) == (2, 3.0, [64, 64])


def test_the_only_pack_that_can_is_taken(run, painter, tmp_path, monkeypatch):
    (tmp_path / "nothing").mkdir()
    monkeypatch.setattr(engine.shelf, "PackStore", lambda: PackStore(tmp_path / "nothing"))
    words = ("generate", "a", "-o", tmp_path / "a.png", "--steps", 1)
    status, _, err = run(*words)
    assert (status, err) == (
        2,
        "No installed pack makes pictures from words; install a Stable Diffusion and name it as --pack.\n",
    )
    (data_dir() / "packs").mkdir()
    (data_dir() / "packs" / "painter").symlink_to(painter)
    assert run(*words)[0] == 0
    write_sd_pack(data_dir() / "packs" / "second")
    status, _, err = run(*words)
    assert (status, err) == (
        2,
        "2 packs make pictures from words; choose one with --pack: painter, second.\n",
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--size", "512"), "--size takes a width and a height, as 512x512, not “512”."),
        (("--size", "60x64"), "try 64 × 64."),
        (("--seed", "x"), "--seed takes a whole number, not “x”."),
        (("--steps", "many"), "steps takes 1 to 200, not “many”."),
        (("--steps", "0"), "steps takes 1 to 200, not 0."),
        (("-o", "a.bmp"), "end it in .png"),
        (("--device", "abacus"), "There is no device “abacus”"),
        (("--pack", "nowhere"), "There is no pack “nowhere”"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(run, painter, tmp_path, words, sentence):
    status, out, err = run("generate", "a", "--pack", painter, "-o", tmp_path / "a.png", *words)
    assert (status, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1
    assert not (tmp_path / "a.png").exists()


def test_an_empty_prompt_is_refused(run, painter, tmp_path):
    status, _, err = run("generate", " ", "--pack", painter, "-o", tmp_path / "a.png")
    assert (status, err) == (2, "Write what the picture should show.\n")


def test_a_file_that_cannot_keep_the_origin_says_so(run, painter, tmp_path):
    status, _, err = run("generate", "a", "--pack", painter, "-o", tmp_path / "a.jpg")
    assert (status, err.startswith("Only a PNG keeps how it was generated")) == (0, True)


def test_an_edit_of_the_file_knows_its_origin(run, painter, tmp_path, monkeypatch):
    seen = []

    class Watcher:
        def edit(self, request, settings, progress):
            seen.append(request)
            image = request.image.copy()
            image[20:25, 20:25] = 7
            return EditResult(image=image, region=Box(0, 0, *request.size))

    method = Method(
        name="watch",
        title="Watch",
        request=DragEdit,
        settings=FlowWarpSettings,
        roles=frozenset({"unet"}),
        build=lambda components: Watcher(),
    )
    monkeypatch.setitem(METHODS, "watch", method)
    made, edited, twice = (tmp_path / f"{name}.png" for name in ("made", "edited", "twice"))
    run("generate", "a flower", "--pack", painter, "-o", made)
    words = ("--drag", "20,20:24,24", "--pack", painter)
    assert run("edit", "watch", made, "-o", edited, *words)[0] == 0
    assert run("edit", "watch", edited, "-o", twice, *words)[0] == 0
    assert seen[0].origin == open_photo(made).origin
    assert seen[0].origin.prompt == "a flower"
    assert seen[1].origin is None  # the edited picture is no generated one any more
