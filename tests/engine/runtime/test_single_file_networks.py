"""Networks loaded from a single file: diffusers' own converters agree, and so does the hub's layout."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from engine import Engine
from engine.errors import ModelMissing
from engine.packs import PackStore
from engine.packs.single_file import Checkpoint
from engine.runtime.components import Components
from engine.runtime.stable_diffusion import embed_prompts, open_latent_diffusion, open_schedule
from tests.engine import ldm_file
from tests.engine.ldm_file import PUBLISHED, SD1, SD2, TEXT
from tests.engine.methods.instant_drag.tiny_pack import write_scheduler, write_text_encoder

LAYOUTS = [SD1, SD2]


@pytest.fixture(scope="module")
def tensors():
    return {kind: ldm_file.weights(ldm_file.shapes(kind)) for kind in LAYOUTS}


@pytest.fixture(scope="module")
def user(tmp_path_factory, tensors):
    """A folder of packs: both kinds as files, and the vocabulary beside them."""
    folder = tmp_path_factory.mktemp("user")
    write_text_encoder(folder)
    for kind in LAYOUTS:
        ldm_file.write(folder / f"{kind}.safetensors", tensors[kind])
    return folder


def parts_of(folder, name, precision="auto"):
    store = PackStore(folder / "nothing bundled", folder)
    return Components(pack=store.open(name), device="cpu", precision=precision)


def same(network, expected):
    found = network.state_dict()
    assert found.keys() == expected.keys()
    for name, weight in found.items():
        assert torch.equal(weight, expected[name].reshape(weight.shape)), name


# --- against diffusers' converters


@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_noise_predictor_is_the_one_that_diffusers_makes(user, tensors, kind):
    network = parts_of(user, kind.lower()).load("unet", UNet2DConditionModel)
    same(network, convert_ldm_unet_checkpoint(tensors[kind], dict(network.config)))
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())


@pytest.mark.parametrize("kind", LAYOUTS)
def test_so_is_the_autoencoder(user, tensors, kind):
    network = parts_of(user, kind.lower()).load("vae", AutoencoderKL)
    same(network, convert_ldm_vae_checkpoint(tensors[kind], dict(network.config)))


@pytest.mark.parametrize("kind", LAYOUTS)
def test_so_is_the_text_encoder(user, tensors, kind):
    network = parts_of(user, kind.lower()).load("text_encoder", CLIPTextModel)
    if kind == SD1:
        expected = convert_ldm_clip_checkpoint(tensors[kind])
        del expected["text_model.embeddings.position_ids"]
    else:
        model = SimpleNamespace(config=SimpleNamespace(hidden_size=64))
        expected = convert_open_clip_checkpoint(model, tensors[kind])
        expected.pop("text_projection.weight", None)
        expected = {
            name: value for name, value in expected.items() if ".layers.2." not in name
        }  # the last one
    same(network, {name.removeprefix("text_model."): value for name, value in expected.items()})


def test_older_files_name_the_text_encoder_without_its_part(tmp_path, tensors):
    renamed = {key.replace("transformer.text_model.", "transformer."): t for key, t in tensors[SD1].items()}
    ldm_file.write(tmp_path / "old.safetensors", renamed)
    network = parts_of(tmp_path, "old").load("text_encoder", CLIPTextModel)
    name = "encoder.layers.1.mlp.fc1.weight"
    assert torch.equal(
        network.state_dict()[name], tensors[SD1][f"cond_stage_model.transformer.text_model.{name}"]
    )


# --- against the hub's layout


def test_the_hubs_layout_of_the_same_weights_paints_the_same(user, tmp_path):
    parts = parts_of(user, "sd1")
    folder = tmp_path / "hub"
    for role in ("unet", "vae", "text_encoder"):
        parts.load(role, nn.Module).save_pretrained(folder / role)
    write_text_encoder(tmp_path / "words")
    (tmp_path / "words" / "tokenizer").rename(folder / "tokenizer")
    write_scheduler(folder, "DDIMScheduler")
    kinds = {"unet": "unet2dcondition", "vae": "autoencoder_kl", "text_encoder": "clip_text_model"}
    kinds |= {"tokenizer": "clip_tokenizer", "scheduler": "scheduler"}
    lines = ['name = "hub"', 'title = "Hub"', 'licence = "x"', "working_size = 64"]
    lines += [f'components.{role} = {{ kind = "{kind}", path = "{role}" }}' for role, kind in kinds.items()]
    (folder / "pack.toml").write_text("\n".join(lines))
    engine = Engine(device="cpu", store=PackStore(tmp_path / "none", user))
    images = [
        engine.generate(engine.origin("a flower", pack, (64, 64), chosen={"steps": 2})).image
        for pack in ("sd1", str(folder))
    ]
    assert images[0][..., :3].std() > 1
    assert np.array_equal(*images)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_it_encodes_denoises_and_decodes(user, kind):
    parts = parts_of(user, kind.lower())
    diffusion = open_latent_diffusion(parts)
    assert (diffusion.factor, diffusion.multiple) == (8, 64)
    with torch.inference_mode():
        latents = diffusion.encode(torch.zeros(1, 3, 64, 64))
        noise = diffusion.predict_noise(latents, torch.tensor(1), embed_prompts(parts, diffusion, ["a"]))
        assert diffusion.decode(noise).isfinite().all()
    predicts = open_schedule(parts, 4)._velocity
    assert predicts == (kind == SD2)


# --- words


@pytest.mark.parametrize("kind", LAYOUTS)
def test_no_words_mean_the_same_with_and_without_a_vocabulary(user, tmp_path, tensors, kind):
    ldm_file.write(tmp_path / "bare.safetensors", tensors[kind])
    bare, whole = parts_of(tmp_path, "bare"), parts_of(user, kind.lower())
    assert not bare.has("tokenizer")
    alone = embed_prompts(bare, open_latent_diffusion(bare), [""])
    assert torch.allclose(alone, embed_prompts(whole, open_latent_diffusion(whole), [""]), atol=1e-6)
    with pytest.raises(ModelMissing, match="reads no text"):
        embed_prompts(bare, open_latent_diffusion(bare), ["a flower"])


@pytest.mark.parametrize(("kind", "padding"), [(SD1, 513), (SD2, 0)])
def test_prompts_are_filled_up_as_each_was_trained(user, kind, padding):
    tokens = parts_of(user, kind.lower()).load("tokenizer", object)(
        ["a"], padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    )
    assert tokens.input_ids[0, 3:].unique().tolist() == [padding]


def test_positions_are_counted(user):
    encoder = parts_of(user, "sd1").load("text_encoder", CLIPTextModel)
    assert [buffer.tolist() for buffer in encoder.buffers()] == [[list(range(77))]]


# --- precision, size, faults


@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("used", ["float32", "float16"])
def test_every_precision_is_read_as_every_other(tmp_path, tensors, stored, used):
    ldm_file.write(tmp_path / "a.safetensors", {key: t.to(stored) for key, t in tensors[SD1].items()})
    network = parts_of(tmp_path, "a", used).load("unet", UNet2DConditionModel)
    weight = tensors[SD1]["model.diffusion_model.input_blocks.0.0.weight"].to(stored).to(getattr(torch, used))
    assert network.dtype == getattr(torch, used)
    assert torch.equal(network.conv_in.weight, weight)


@pytest.mark.parametrize(
    ("kind", "unet", "text"), [(SD1, 859_520_964, 123_060_480), (SD2, 865_910_724, 340_387_840)]
)
def test_networks_of_published_size_have_as_many_weights_as_published(kind, unet, text):
    found = ldm_file.shapes(kind, text=TEXT[kind], **PUBLISHED)
    checkpoint = Checkpoint(path=None, shapes=found, facts={"modelspec.prediction_type": "epsilon"})
    with torch.device("meta"):
        networks = (
            UNet2DConditionModel(**checkpoint.unet_config()),
            AutoencoderKL(**checkpoint.vae_config()),
            CLIPTextModel(CLIPTextConfig(**checkpoint.text_config())),
        )
    counts = [sum(weight.numel() for weight in network.parameters()) for network in networks]
    assert counts == [unet, 83_653_863, text]
    for prefix, count in (("model.diffusion_model.", unet), ("first_stage_model.", 83_653_863)):
        assert (
            sum(torch.Size(shape).numel() for key, shape in found.items() if key.startswith(prefix)) == count
        )


KEY = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop(KEY), f"cannot be loaded ({KEY} is missing)"),
        (lambda t: t.update({KEY: torch.zeros(64, 32)}), f"({KEY} is (64, 32), not (64, 64))"),
        (lambda t: t.update({KEY: torch.zeros(4, 1024)}), "is (4, 1024), not (64, 64)"),
    ],
)
def test_a_weight_that_does_not_fit_is_named(tmp_path, tensors, change, words):
    spoilt = dict(tensors[SD1])
    change(spoilt)
    ldm_file.write(tmp_path / "a.safetensors", spoilt)
    with pytest.raises(ModelMissing) as caught:
        parts_of(tmp_path, "a").load("unet", nn.Module)
    assert words in str(caught.value)


def test_what_needs_more_than_noise_is_told(tmp_path):
    inpainting = ldm_file.weights(ldm_file.shapes(SD1, channels=9))
    ldm_file.write(tmp_path / "inpaint.safetensors", inpainting)
    with pytest.raises(ModelMissing, match="its unet takes 9 channels, and its vae has 4"):
        open_latent_diffusion(parts_of(tmp_path, "inpaint"))
