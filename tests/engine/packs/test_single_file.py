"""Checkpoints in single files: what their header tells, and which packs they make."""

import json
from pathlib import Path

import pytest
import torch

from engine.errors import ModelMissing
from engine.packs import PackStore
from engine.packs.single_file import Checkpoint
from tests.engine import ldm_file
from tests.engine.ldm_file import PUBLISHED, SD1, SD2, TEXT

HEADS_2 = [5, 10, 20, 20]


def published(kind, name="v1-5-pruned", **facts):
    """The header of a published checkpoint, without its gigabytes."""
    return Checkpoint(
        path=ldm_file_path(name), shapes=ldm_file.shapes(kind, text=TEXT[kind], **PUBLISHED), facts=facts
    )


def ldm_file_path(name):
    return Path(f"/somewhere/{name}.safetensors")


# --- what the published ones are


@pytest.mark.parametrize(
    ("kind", "features", "heads", "linear"), [(SD1, 768, 8, False), (SD2, 1024, HEADS_2, True)]
)
def test_the_noise_predictor_is_the_published_one(kind, features, heads, linear):
    """The numbers of unet/config.json in both repositories."""
    assert published(kind).unet_config() == {
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": (320, 640, 1280, 1280),
        "layers_per_block": 2,
        "cross_attention_dim": features,
        "attention_head_dim": heads,
        "use_linear_projection": linear,
        "upcast_attention": linear,
    }


@pytest.mark.parametrize(
    ("kind", "width", "layers", "heads", "inner", "act", "padding"),
    [(SD1, 768, 12, 12, 3072, "quick_gelu", 49407), (SD2, 1024, 23, 16, 4096, "gelu", 0)],
)
def test_so_are_text_encoder_and_autoencoder(kind, width, layers, heads, inner, act, padding):
    checkpoint = published(kind)
    assert checkpoint.text_config() == {
        "vocab_size": 49408,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_position_embeddings": 77,
        "hidden_act": act,
        "bos_token_id": 49406,
        "eos_token_id": 49407,
        "pad_token_id": padding,
    }
    vae = checkpoint.vae_config()
    assert (vae["block_out_channels"], vae["latent_channels"], vae["scaling_factor"]) == (
        (128, 256, 512, 512),
        4,
        0.18215,
    )


@pytest.mark.parametrize(
    ("kind", "name", "facts", "prediction", "side"),
    [
        (SD1, "v1-5-pruned-emaonly", {}, "epsilon", 512),
        (SD1, "anime_768", {"modelspec.prediction_type": "v"}, "v_prediction", 512),
        (SD2, "v2-1_768-ema-pruned", {}, "v_prediction", 768),
        (SD2, "768-v-ema", {}, "v_prediction", 768),
        (SD2, "v2-1_512-ema-pruned", {}, "epsilon", 512),
        (SD2, "512-base-ema", {}, "epsilon", 512),
        (SD2, "renamed", {"modelspec.prediction_type": "epsilon"}, "epsilon", 512),
        (SD2, "renamed", {"modelspec.architecture": "stable-diffusion-v2-512"}, "epsilon", 512),
        (SD2, "my_512", {"modelspec.architecture": "stable-diffusion-v2-768-v"}, "v_prediction", 768),
    ],
)
def test_what_it_predicts_is_told_by_metadata_or_name(kind, name, facts, prediction, side):
    checkpoint = published(kind, name, **facts)
    assert (checkpoint.prediction, checkpoint.side) == (prediction, side)
    assert checkpoint.scheduler_config()["prediction_type"] == prediction


# --- packs


@pytest.fixture(scope="module")
def tensors():
    return {kind: ldm_file.weights(ldm_file.shapes(kind)) for kind in (SD1, SD2)}


@pytest.fixture
def user(tmp_path):
    (tmp_path / "user").mkdir()
    return tmp_path / "user"


@pytest.fixture
def store(tmp_path, user):
    (tmp_path / "packs").mkdir()
    return PackStore(tmp_path / "packs", user)


def write_vocabulary(folder, words=514):
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({str(i): i for i in range(words)}))


def roles(pack):
    return {role: component.kind for role, component in pack.components.items()}


WHOLE = {
    "unet": "ldm_unet",
    "vae": "ldm_vae",
    "text_encoder": "ldm_text_encoder",
    "scheduler": "ldm_scheduler",
}


def test_a_file_among_the_users_packs_is_one(store, user, tensors):
    path = ldm_file.write(user / "V1-5 pruned.safetensors", tensors[SD1])
    assert store.names() == ("v1_5_pruned",)
    pack = store.open("v1_5_pruned")
    assert (pack.name, pack.title, pack.working_size, pack.folder) == (
        "v1_5_pruned",
        "V1-5 pruned",
        512,
        user,
    )
    assert roles(pack) == WHOLE | {"null_prompt": "ldm_null_prompt"}
    assert {component.path for component in pack.components.values()} == {path}


@pytest.mark.parametrize("kind", [SD1, SD2])
def test_a_vocabulary_that_fits_is_taken_from_beside_it(store, user, tensors, kind):
    write_vocabulary(user / "tokenizer")
    ldm_file.write(user / "a.safetensors", tensors[kind])
    pack = store.open("a")
    tokenizer = {SD1: "clip_tokenizer", SD2: "open_clip_tokenizer"}[kind]
    assert roles(pack) == WHOLE | {"tokenizer": tokenizer}
    assert pack.components["tokenizer"].path == user / "tokenizer"


MANIFEST = """
name = "{name}"
title = "Other"
licence = "CC0-1.0"
working_size = 64
components.tokenizer = {{ kind = "clip_tokenizer", path = "words" }}
"""


def test_or_from_another_pack(store, user, tensors):
    ldm_file.write(user / "a.safetensors", tensors[SD1])
    for name, words in (("few", 500), ("right", 514)):
        write_vocabulary(user / name / "words", words)
        (user / name / "pack.toml").write_text(MANIFEST.format(name=name))
    (user / "broken").mkdir()
    (user / "broken" / "pack.toml").write_text("{")
    assert store.open("a").components["tokenizer"].path == user / "right" / "words"


def test_a_file_anywhere_can_be_opened(store, user, tmp_path, tensors):
    write_vocabulary(user / "right" / "words")
    (user / "right" / "pack.toml").write_text(MANIFEST.format(name="right"))
    path = ldm_file.write(tmp_path / "far.safetensors", tensors[SD1])
    for named in (path, str(path)):
        pack = store.open(named)
        assert (pack.name, pack.components["tokenizer"].path) == ("far", user / "right" / "words")


def test_a_manifest_can_extend_one_and_goes_before_one_of_its_name(store, user, tensors):
    ldm_file.write(user / "a.safetensors", tensors[SD2])
    (user / "mine").mkdir()
    (user / "mine" / "pack.toml").write_text(
        'name = "mine"\ntitle = "Mine"\nlicence = "x"\nworking_size = 640\nextends = "a"\n'
        "methods.generate.steps = 20"
    )
    pack = store.open("mine")
    assert (pack.working_size, pack.methods, roles(pack)["unet"]) == (
        640,
        {"generate": {"steps": 20}},
        "ldm_unet",
    )
    write_vocabulary(user / "a" / "words")
    (user / "a" / "pack.toml").write_text(MANIFEST.format(name="a"))
    assert store.open("a").title == "Other"
    assert store.names() == ("a", "mine")


# --- what is refused


def without(tensors, prefix):
    return {key: value for key, value in tensors.items() if not key.startswith(prefix)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda t: {"conditioner.embedders.0.x": torch.zeros(1), **t},
            "bad.safetensors is a Stable Diffusion XL.",
        ),
        (lambda t: {"lora_unet_x.alpha": torch.zeros(1)}, "is no Stable Diffusion checkpoint."),
        (lambda t: without(t, "first_stage_model."), "holds no autoencoder."),
        (lambda t: without(t, "cond_stage_model."), "holds no text encoder."),
        (lambda t: without(t, ("first_stage", "cond_stage")), "holds no autoencoder and no text encoder."),
        (lambda t: without(t, "model.diffusion_model."), "holds no noise predictor."),
        (lambda t: without(t, "model.diffusion_model.input_blocks.10"), "is built in another way"),
    ],
)
def test_what_it_is_not_is_a_sentence(store, user, tensors, change, words):
    ldm_file.write(user / "bad.safetensors", change(tensors[SD1]))
    with pytest.raises(ModelMissing) as caught:
        store.open("bad")
    assert words in str(caught.value)
    assert str(caught.value).endswith("checkpoints; choose another file.")


@pytest.mark.parametrize("content", [b"", b"PK\3\4 a pickle in a zip", b"\xff" * 100])
def test_what_cannot_be_read_is_a_sentence(store, user, content):
    (user / "bad.safetensors").write_bytes(content)
    with pytest.raises(ModelMissing, match=r"bad\.safetensors cannot be read"):
        store.open("bad")


def test_a_file_that_was_cut_off_is_a_sentence(store, user, tensors):
    path = ldm_file.write(user / "cut.safetensors", tensors[SD1])
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelMissing, match=r"cut\.safetensors cannot be read"):
        store.open("cut")


def test_pickles_are_not_opened(store, tmp_path):
    (tmp_path / "model.ckpt").write_bytes(b"anything")
    with pytest.raises(ModelMissing, match=r"Pliant loads safetensors only, and .*model\.ckpt is none"):
        store.open(str(tmp_path / "model.ckpt"))
