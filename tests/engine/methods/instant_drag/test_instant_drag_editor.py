"""InstantDrag from request to result, on tiny random networks in the published folder layout."""

import json
import os
import random
import shutil
import weakref
from dataclasses import replace

import cv2
import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_pack import SCHEDULERS, fill, tiny_autoencoder, write_scheduler

from engine import Engine, cli
from engine.diffusion.latent_diffusion import embed
from engine.edit import DragEdit, Point, PointPair
from engine.errors import ModelMissing, OutOfMemory
from engine.methods.instant_drag import networks
from engine.methods.instant_drag.networks import PackedNetworks
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.packs import PackStore
from engine.paths import data_dir
from engine.progress import Cancelled, Progress
from engine.runtime.components import Components
from engine.runtime.open_packs import OpenPacks

QUICK = InstantDragSettings(inference_steps=4)


def drag(image, *ends, **changes):
    ends = ends or ((150, 120, 180, 130),)
    points = tuple(PointPair(Point(*pair[:2]), Point(*pair[2:])) for pair in ends)
    return DragEdit(**{"image": image, "points": points, **changes})


def edit(engine, request, settings=QUICK, progress=None):
    return engine.edit("instant_drag", request, settings, "instant_drag", progress)


def test_the_shipped_manifests_open_the_published_layout(published, picture):
    result = edit(published, drag(picture))
    assert result.image.shape == picture.shape
    assert set(result.timings) >= {"Load", "Flow", "Warp", "Encode", "Denoise", "Decode", "Detail"}


def test_the_picture_changes_where_it_may_alone(installed, picture):
    mask = cv2.circle(np.zeros(picture.shape[:2], np.uint8), (160, 120), 50, 255, -1)
    result = edit(installed.engine(), drag(picture, mask=mask))
    assert np.array_equal(result.image[mask == 0], picture[mask == 0])
    assert not np.array_equal(result.image[mask > 0], picture[mask > 0])
    assert not result.partial


def test_both_flowgens_are_there_to_choose(installed, picture):
    engine = installed.engine()
    few, many = (edit(engine, drag(picture), replace(QUICK, flowgen=name)) for name in ("few", "many"))
    assert few.handles != many.handles
    assert not np.array_equal(few.image, many.image)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_packs_scheduler_is_used(installed, picture, name):
    usual = edit(installed.engine(), drag(picture))
    write_scheduler(installed.drag / "flowdiffusion", name)
    steps = []
    result = edit(installed.engine(), drag(picture), progress=Progress(on_step=steps.append))
    denoising = [step.total for step in steps if step.phase == "Denoise"]
    assert set(denoising) == {5 if name == "PNDMScheduler" else 4}
    assert np.array_equal(result.image, usual.image) == (name == "DDIMScheduler")


@pytest.mark.parametrize(
    "size", [(320, 240), (240, 320), (500, 90), (17, 300), (64, 64), (9, 5), (1, 1)], ids=str
)
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_any_size_and_any_shape(installed, paint, size, alpha):
    width, height = size
    image = paint(width, height, alpha=alpha)
    whole = np.full((height, width), 255, np.uint8)
    request = drag(image, (0.3 * width, 0.4 * height, 0.6 * width, 0.5 * height), mask=whole)
    result = edit(installed.engine(), request)
    assert result.image.shape == image.shape
    if not alpha:
        assert (result.image[..., 3] == 255).all()


@pytest.mark.parametrize(
    "ends",
    [
        ((0, 0, 320, 240),),
        ((320, 240, 0, 0),),
        ((320, 0, 300, 20), (0, 240, 20, 220)),
        ((160, 0, 160, 60),),
        ((320, 120, 260, 120),),
    ],
    ids=str,
)
@pytest.mark.parametrize("reach", ["peak", "static"])
def test_drags_from_and_to_the_border(installed, picture, ends, reach):
    result = edit(installed.engine(), drag(picture, *ends), replace(QUICK, reach=reach))
    assert np.isfinite(result.handles).all()
    assert result.image.shape == picture.shape


def test_a_drag_of_next_to_nothing_leaves_the_motion_at_nothing(installed, picture):
    """The published code divides by the largest flow, whatever it is."""
    result = edit(installed.engine(), drag(picture, (100, 100, 100 + 1e-9, 100)))
    assert result.handles[0] == pytest.approx((100, 100), abs=1e-6)


def test_a_bright_picture_is_normalised_once(installed, paint):
    bright = np.maximum(paint(320, 240), 140)
    dark_spot = bright.copy()
    dark_spot[0, 0, :3] = 0  # outside of what the network sees as much of: it must not change the rest
    engine = installed.engine()
    mask = cv2.circle(np.zeros(bright.shape[:2], np.uint8), (200, 150), 40, 255, -1)
    a, b = (edit(engine, drag(i, (200, 150, 215, 150), mask=mask)).image for i in (bright, dark_spot))
    assert np.abs(a[mask > 0].astype(int) - b[mask > 0]).mean() < 3


# --- seeds and determinism


def test_a_then_b_then_a_gives_the_same_bytes(installed, picture, clear_picture):
    engine = installed.engine()
    a, b = drag(picture, seed=5), drag(clear_picture, (60, 60, 90, 70), seed=6)
    first = edit(engine, a)
    edit(engine, b)
    again, fresh = edit(engine, a), edit(installed.engine(), a)
    assert first.image.tobytes() == again.image.tobytes() == fresh.image.tobytes()
    assert first.handles == again.handles == fresh.handles


def test_another_seed_gives_another_picture_and_the_same_motion(installed, picture):
    engine = installed.engine()
    one, two = (edit(engine, drag(picture, seed=seed)) for seed in (1, 2))
    assert not np.array_equal(one.image, two.image)
    assert one.handles == two.handles


def test_the_global_generators_are_left_alone(installed, picture):
    torch.manual_seed(1)
    before = torch.get_rng_state(), random.getstate()
    words = np.random.get_state()[1].copy()  # noqa: NPY002
    edit(installed.engine(), drag(picture))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.array_equal(np.random.get_state()[1], words)  # noqa: NPY002


# --- progress and cancelling


class Switch:
    """Says no for a number of polls, then yes."""

    def __init__(self, polls):
        self.polls = polls

    def __call__(self):
        self.polls -= 1
        return self.polls < 0


def test_cancelling_in_every_phase_and_between_layers(installed, picture):
    engine, request = installed.engine(), drag(picture)
    counter = Switch(10**9)
    whole = edit(engine, request, progress=Progress(is_cancelled=counter))
    polls = 10**9 - counter.polls
    assert polls > 200  # in the layers of the networks, not only between phases
    ends = []
    for poll in [*range(12), *range(12, polls, polls // 12)]:
        try:
            result = edit(engine, request, progress=Progress(is_cancelled=Switch(poll)))
        except Cancelled:
            ends.append("cancelled")
        else:
            ends.append("partial" if result.partial else "done")
            assert result.image.shape == picture.shape
    assert sorted(ends, key=("cancelled", "partial", "done").index) == ends
    assert {"cancelled", "partial"} <= set(ends)
    assert np.array_equal(edit(engine, request).image, whole.image)


@pytest.mark.parametrize("phase", ["Plan", "Load", "Flow", "Warp", "Encode", "Denoise", "Decode", "Detail"])
def test_cancelling_as_a_phase_begins(installed, picture, phase):
    engine, seen = installed.engine(), []
    progress = Progress(
        on_step=lambda step: seen.append(step.phase), is_cancelled=lambda: bool(seen) and seen[-1] == phase
    )
    if phase in ("Plan", "Load", "Flow", "Warp"):
        with pytest.raises(Cancelled):
            edit(engine, drag(picture), progress=progress)
    else:
        result = edit(engine, drag(picture), progress=progress)
        assert result.partial == (phase != "Detail")


def test_networks_keep_nothing_of_a_cancelled_edit(installed, picture):
    engine = installed.engine()
    with pytest.raises(Cancelled):
        edit(engine, drag(picture), progress=Progress(is_cancelled=Switch(8)))
    components = engine._open.use("instant_drag", engine.pack("instant_drag"), "cpu").components
    assert components.held_bytes
    for network in PackedNetworks(components)("few", 4).all:
        for module in network.modules():
            assert not module._forward_pre_hooks
            assert "forward" not in vars(module)


def test_of_a_pack_that_goes_nothing_is_left(installed, picture):
    engine = Engine("cpu", PackStore(installed.folder, installed.base.parent), OpenPacks(lambda device: 0))
    edit(engine, drag(picture))
    edit(engine, drag(picture), progress=Progress(is_cancelled=Switch(100), on_preview=lambda image: None))
    pack = engine.pack("instant_drag")
    parts = PackedNetworks(engine._open.use("instant_drag", pack, "cpu").components)("few", 4).all
    networks = [weakref.ref(network) for network in parts]
    del parts
    engine.edit("instant_drag", drag(picture), QUICK, str(other_pack(installed)))
    assert [network() for network in networks] == [None, None, None]


def other_pack(installed):
    """The folder of a pack of one FlowGen."""
    folder = installed.base.parent / "other"
    folder.mkdir()
    shutil.copy(installed.drag / "flowgen_config2.safetensors", folder / "flowgen.safetensors")
    (folder / "pack.toml").write_text(
        'name = "other"\ntitle = "Other"\nlicence = "CC0-1.0"\nworking_size = 128\n'
        '[components.flowgen]\nkind = "flowgen"\npath = "flowgen.safetensors"\n'
    )
    return folder


@pytest.mark.parametrize("polls", range(4))
def test_loading_can_be_cancelled_between_the_parts_and_goes_on_from_there(installed, polls, monkeypatch):
    """With its FlowGen, its two networks and the text encoder for the null prompt there are four gaps."""
    engine = installed.engine()
    opened, real = [], Components._open

    def noting(self, component, more):
        opened.append(component.role)
        return real(self, component, more)

    monkeypatch.setattr(Components, "_open", noting)
    networks = PackedNetworks(engine._open.use("p", engine.pack("instant_drag"), "cpu").components)
    switch = Switch(polls)

    def check():
        if switch():
            raise Cancelled

    with pytest.raises(Cancelled):
        networks("few", 4, check)
    order = ["flowgen", "flow_unet", "vae", "text_encoder", "tokenizer", "scheduler"]
    assert opened == order[: polls + 1]
    assert networks("few", 4).flowdiffusion is not None
    # The text encoder is never kept.
    assert opened[polls + 1 :] == order[min(polls + 1, order.index("text_encoder")) :]


def test_previews_and_handles_are_shown(installed, picture):
    shown, handles = [], []
    progress = Progress(on_preview=shown.append, on_handles=handles.append, preview_interval=0)
    mask = np.full(picture.shape[:2], 255, np.uint8)
    result = edit(installed.engine(), drag(picture, mask=mask), progress=progress)
    assert len(shown) == 4
    assert {image.shape for image in shown} == {picture.shape}
    assert all(image.dtype == np.uint8 for image in shown)
    assert handles == [result.handles]


# --- what is missing or does not fit


def refusal(installed, picture, settings=QUICK):
    with pytest.raises(ModelMissing) as caught:
        edit(installed.engine(), drag(picture), settings)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


@pytest.mark.parametrize(
    "part",
    [
        "flowgen_config2.safetensors",
        "flowdiffusion/unet",
        "flowdiffusion/vae",
        "flowdiffusion/scheduler",
        "flowdiffusion/unet/config.json",
        "flowdiffusion/vae/diffusion_pytorch_model.safetensors",
    ],
)
def test_a_missing_part_is_named(installed, picture, part):
    path = installed.drag / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert str(path) in refusal(installed, picture)


def test_a_pack_that_is_not_there_at_all(installed, picture):
    shutil.rmtree(installed.drag)
    assert refusal(installed, picture) == (
        f"The pack “InstantDrag” is not installed; its files belong in {installed.drag}. "
        "Put them there, or choose another pack."
    )


def test_the_pack_it_extends_is_not_there(installed, picture):
    shutil.rmtree(installed.base)
    assert "“Stable Diffusion 1.5” is not installed" in refusal(installed, picture)


def drop_role(installed, *roles):
    """Cut components out of the manifests."""
    for path in installed.folder.glob("*.toml"):
        blocks = path.read_text().split("\n\n")
        kept = [b for b in blocks if not any(b.startswith(f"[components.{role}]") for role in roles)]
        path.write_text("\n\n".join(kept))


def test_a_pack_with_one_flowgen(installed, picture):
    drop_role(installed, "flowgen_many")
    edit(installed.engine(), drag(picture))
    sentence = refusal(installed, picture, replace(QUICK, flowgen="many"))
    assert "has no FlowGen for many drags (flowgen_many). Set flowgen to few" in sentence


@pytest.mark.parametrize("role", ["text_encoder", "tokenizer"])
def test_without_a_null_prompt_or_what_makes_one(installed, picture, role):
    drop_role(installed, role)
    assert "needs null_prompt, or text_encoder and tokenizer" in refusal(installed, picture)


def weights(path):
    return path / "diffusion_pytorch_model.safetensors"


def test_a_network_without_one_of_its_weights(installed, picture):
    path = weights(installed.drag / "flowdiffusion" / "unet")
    tensors = load_file(path)
    del tensors["conv_in.weight"]
    save_file(tensors, path)
    sentence = refusal(installed, picture)
    assert "its flow_unet in " in sentence
    assert "conv_in.weight" in sentence


def test_a_network_that_does_not_take_the_conditions(installed, picture):
    folder = installed.drag / "flowdiffusion" / "unet"
    shutil.rmtree(folder)
    shutil.copytree(installed.base / "unet", folder)
    assert "its flow_unet takes 4 channels, and 10 are needed" in refusal(installed, picture)


def test_a_flowgen_with_a_foreign_weight(installed, picture):
    path = installed.drag / "flowgen_config2.safetensors"
    save_file(load_file(path) | {"more": torch.zeros(2)}, path)
    assert "more should be None and is (2,)" in refusal(installed, picture)


def test_a_file_that_is_no_flowgen(installed, picture):
    save_file({"w": torch.zeros(2)}, installed.drag / "flowgen_config2.safetensors")
    assert "its flowgen in " in refusal(installed, picture)


@pytest.mark.parametrize("config", [{"_class_name": "SteadyScheduler"}, {}, []], ids=str)
def test_an_unknown_scheduler(installed, picture, config):
    path = installed.drag / "flowdiffusion" / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(config))
    assert "its scheduler" in refusal(installed, picture)


def test_a_kind_that_nobody_knows(installed, picture):
    path = installed.folder / "instant_drag.toml"
    path.write_text(path.read_text().replace('kind = "autoencoder_kl"', 'kind = "wavelets"'))
    assert "its vae is of the unknown kind “wavelets”" in refusal(installed, picture)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prediction_type": "sample"}, "prediction_type is sample"),
        ({"_class_name": "DPMSolverSDEScheduler"}, "takes no seed"),
        ({"_class_name": "EDMEulerScheduler"}, "is not for Stable Diffusion"),
    ],
)
def test_a_scheduler_that_does_not_fit(installed, picture, change, words):
    path = installed.drag / "flowdiffusion" / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    sentence = refusal(installed, picture)
    assert "its scheduler cannot run 4 steps" in sentence
    assert words in sentence


def test_a_network_that_predicts_velocity_is_sampled_otherwise(installed, picture):
    usual = edit(installed.engine(), drag(picture))
    path = installed.drag / "flowdiffusion" / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"prediction_type": "v_prediction"}))
    assert not np.array_equal(edit(installed.engine(), drag(picture)).image, usual.image)


def test_text_of_another_width(installed, picture):
    save_file({"e": torch.zeros(1, 77, 5)}, installed.drag / "null.safetensors")
    add_null_prompt(installed)
    assert "reads 16 features of text, and there are 5" in refusal(installed, picture)


def test_too_little_memory_is_told(installed, picture, monkeypatch):
    engine = installed.engine()
    edit(engine, drag(picture))

    def full(*rest, **named):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")

    monkeypatch.setattr(torch.nn.functional, "conv_transpose2d", full)
    with pytest.raises(OutOfMemory, match="320 × 240"):
        edit(engine, drag(picture))


# --- the null prompt


def add_null_prompt(installed):
    path = installed.folder / "instant_drag.toml"
    lines = '\n[components.null_prompt]\nkind = "embedding"\npath = "instant_drag/null.safetensors"\n'
    path.write_text(path.read_text() + lines)


def test_the_null_prompt_is_made_once_and_kept(installed, picture, monkeypatch):
    made = []

    def embedded(*parts):
        made.append(embed(*parts))
        return made[-1]

    monkeypatch.setattr(networks, "embed", embedded)
    for _ in range(2):
        engine = installed.engine()
        edit(engine, drag(picture))
        edit(engine, drag(picture))
    assert [null.shape for null in made] == [(1, 77, 16)]
    os.utime(installed.base / "text_encoder" / "model.safetensors", ns=(1, 1))
    edit(installed.engine(), drag(picture))
    assert len(made) == 2


def test_a_null_prompt_that_cannot_be_kept_is_made_each_time(installed, picture):
    usual = edit(installed.engine(), drag(picture))
    shutil.rmtree(data_dir() / "cache")
    (data_dir() / "cache").write_bytes(b"in the way")
    assert np.array_equal(edit(installed.engine(), drag(picture)).image, usual.image)


def test_a_damaged_kept_null_prompt_is_made_again(installed, picture):
    usual = edit(installed.engine(), drag(picture))
    (kept,) = (data_dir() / "cache" / "null_prompt").iterdir()
    kept.write_bytes(b"damaged")
    assert np.array_equal(edit(installed.engine(), drag(picture)).image, usual.image)
    assert load_file(kept)


def test_a_kept_null_prompt_of_another_width_is_made_again(installed, picture):
    usual = edit(installed.engine(), drag(picture))
    (kept,) = (data_dir() / "cache" / "null_prompt").iterdir()
    sound = load_file(kept)
    save_file({"null_prompt": torch.zeros(1, 77, 5)}, kept)
    assert np.array_equal(edit(installed.engine(), drag(picture)).image, usual.image)
    assert torch.equal(load_file(kept)["null_prompt"], sound["null_prompt"])


def test_a_pack_may_bring_its_null_prompt(installed, picture):
    usual = edit(installed.engine(), drag(picture))
    (kept,) = (data_dir() / "cache" / "null_prompt").iterdir()
    (null,) = load_file(kept).values()
    save_file({"null_prompt": null[0]}, installed.drag / "null.safetensors")
    add_null_prompt(installed)
    drop_role(installed, "text_encoder", "tokenizer")
    assert np.array_equal(edit(installed.engine(), drag(picture)).image, usual.image)


def test_a_tiny_autoencoder_will_do(installed, picture):
    folder = installed.drag / "flowdiffusion" / "vae"
    shutil.rmtree(folder)
    with torch.random.fork_rng():
        fill(tiny_autoencoder(), 9).save_pretrained(folder)
    path = installed.folder / "instant_drag.toml"
    path.write_text(path.read_text().replace("autoencoder_kl", "autoencoder_tiny"))
    assert edit(installed.engine(), drag(picture)).image.shape == picture.shape


def test_the_command_line_finds_it_in_the_users_folder(written, picture, tmp_path, capsys):
    shutil.copytree(written, data_dir() / "packs")
    PIL.Image.fromarray(picture).save(tmp_path / "in.png")
    words = ["edit", "instant_drag", str(tmp_path / "in.png"), "-o", str(tmp_path / "out.png"), "--json"]
    more = ["--drag", "150,120:180,130", "--pack", "instant_drag", "--device", "cpu"]
    chosen = ["--set", "flowgen=many", "--set", "inference_steps=4"]
    assert cli.main([*words, *more, *chosen]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["method"], report["pack"], report["partial"]) == ("instant_drag", "instant_drag", False)
    with PIL.Image.open(tmp_path / "out.png") as image:
        assert image.size == (320, 240)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no NVIDIA GPU")
def test_on_a_gpu_the_same_seed_means_about_the_same_picture(installed, picture):
    store = PackStore(installed.folder, installed.base.parent)
    cpu, gpu = (edit(Engine(device=device, store=store), drag(picture, seed=3)) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu.handles, cpu.handles, atol=0.5)
    assert np.abs(gpu.image.astype(int) - cpu.image).mean() < 4
