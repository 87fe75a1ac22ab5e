"""Pictures from words: the same origin gives the same picture, and it is the one that the formulas say."""

import random

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from engine import METHODS, Engine
from engine.diffusion.text_to_image import text_to_image
from engine.edit import Box, DragEdit, EditResult, Point, PointPair
from engine.errors import InvalidRequest, ModelMissing, OutOfMemory
from engine.method import Method
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.origin import Origin
from engine.packs import PackStore
from engine.progress import Cancelled, Progress
from engine.runtime.components import Components
from engine.runtime.stable_diffusion import embed_prompts, open_latent_diffusion, open_schedule
from tests.engine.sd_pack import write_sd_pack

SIZE = (64, 48)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    user = tmp_path_factory.mktemp("user")
    write_sd_pack(user / "painter", more="[methods.generate]\nsteps = 4")
    write_sd_pack(user / "other", seed=2)
    write_sd_pack(user / "quick", tiny=True)
    write_sd_pack(user / "silent", roles=("unet", "vae", "scheduler"))
    return PackStore(user.parent / "nothing bundled", user)


@pytest.fixture(scope="module")
def engine(store):
    return Engine(device="cpu", store=store)


@pytest.fixture
def origin(engine):
    """origin(**changes) of the pack “painter”, with its four steps."""

    def of(prompt="a red flower", pack="painter", **changes):
        return engine.origin(prompt, pack, **{"size": SIZE, **changes})

    return of


def opened(store, name="painter"):
    components = Components(pack=store.open(name), device="cpu")
    return components, open_latent_diffusion(components)


def latents_of(store, origin, **options):
    components, diffusion = opened(store, origin.pack)
    schedule = open_schedule(components, origin.steps)
    words = embed_prompts(components, diffusion, ["", origin.prompt])
    with torch.inference_mode():
        return text_to_image(diffusion, origin, words, schedule, Progress(), **options)


# --- what comes out


def test_the_same_origin_gives_the_same_bytes(engine, store, origin):
    first = engine.generate(origin(seed=3)).image
    assert first.shape == (48, 64, 4)
    assert (first[..., 3] == 255).all()
    assert not first.flags.writeable
    assert first[..., :3].std() > 1
    engine.generate(origin("another", seed=4))
    assert np.array_equal(engine.generate(origin(seed=3)).image, first)
    assert np.array_equal(Engine(device="cpu", store=store).generate(origin(seed=3)).image, first)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"prompt": "a boat"},
        {"chosen": {"steps": 5}},
        {"chosen": {"guidance": 3}},
        {"pack": "other"},
    ],
    ids=str,
)
def test_another_origin_gives_another_picture(engine, origin, changes):
    if changes.get("pack"):
        changes = changes | {"chosen": {"steps": 4}}
    assert not np.array_equal(engine.generate(origin(**changes)).image, engine.generate(origin()).image)


@pytest.mark.parametrize("guidance", [1.0, 7.5])
def test_the_latents_are_those_of_ddim_with_guidance(store, origin, guidance):
    """Against diffusers' scheduler and guidance written out."""
    asked = origin(seed=11, chosen={"guidance": guidance, "steps": 5})
    components, diffusion = opened(store)
    scheduler = DDIMScheduler.from_config(components.load("scheduler", dict), clip_sample=False)
    scheduler.set_timesteps(5)
    latents = torch.randn(1, 4, 6, 8, generator=torch.Generator().manual_seed(11))
    with torch.inference_mode():
        nothing, something = (diffusion.embed([words]) for words in ("", asked.prompt))
        for t in scheduler.timesteps:
            without = diffusion.unet(latents, t, nothing).sample
            noise = without + guidance * (diffusion.unet(latents, t, something).sample - without)
            latents = scheduler.step(noise, t, latents).prev_sample
    assert torch.allclose(latents_of(store, asked), latents, atol=1e-4)


def test_the_way_there_is_the_same_for_as_far_as_it_is_gone(store, origin):
    asked = origin()
    components, diffusion = opened(store)
    schedule = open_schedule(components, 4)
    words = embed_prompts(components, diffusion, ["", asked.prompt])
    latents = latents_of(store, asked, steps=3)
    with torch.inference_mode():
        without, given = diffusion.predict_noise(
            latents.expand(2, -1, -1, -1), torch.tensor(schedule.timesteps[3]), words
        ).chunk(2)
        rest = schedule.step(without + 7.5 * (given - without), schedule.timesteps[3], latents)
    assert torch.allclose(rest, latents_of(store, asked), atol=1e-5)
    assert torch.equal(
        latents_of(store, asked, steps=0), torch.randn(1, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    )


@pytest.mark.parametrize(("guidance", "rows"), [(7.5, 2), (1.0, 1)])
def test_no_more_is_evaluated_than_is_needed(engine, origin, guidance, rows):
    done = engine.generate(origin(chosen={"guidance": guidance}))
    assert done.evaluations == {"UNet2DConditionModel": 4 * rows, "CLIPTextModel": 2}
    assert done.region == Box(0, 0, *SIZE)
    assert {"Load", "Denoise", "Decode"} <= done.timings.keys()


def test_the_global_generators_are_left_alone(engine, origin):
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    engine.generate(origin())
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]


# --- on the way


def test_a_pack_that_decodes_quickly_shows_what_it_is_coming_to(engine, origin):
    seen = []
    progress = Progress(on_preview=seen.append, preview_interval=0)
    done = engine.generate(origin(pack="quick", chosen={"steps": 3}), progress)
    assert [image.shape for image in seen] == [(48, 64, 4)] * 3
    off = [np.abs(image.astype(int) - done.image).mean() for image in seen]
    assert off[2] < 2 < off[0]  # in the end little is left to be foretold
    engine.generate(origin(), Progress(on_preview=lambda image: pytest.fail("this costs too much")))


@pytest.mark.parametrize("polls", [0, 2, 40, 200])
def test_it_can_be_cancelled_at_any_time(engine, origin, polls):
    left = iter(range(polls))
    with pytest.raises(Cancelled):
        engine.generate(origin(), Progress(is_cancelled=lambda: next(left, None) is None))
    engine.generate(origin())


# --- what is asked for


def test_packs_recommend_and_users_choose(engine, store):
    assert engine.origin("a", "painter") == Origin(prompt="a", pack="painter", size=(64, 64), steps=4)
    assert engine.origin("a", "painter", chosen={"steps": 9, "guidance": 2}).steps == 9
    assert engine.origin("a", "other") == Origin(
        prompt="a", pack="other", size=(64, 64), steps=50, guidance=7.5
    )
    with pytest.raises(InvalidRequest, match="generate has no setting “depth”; it has steps, guidance"):
        engine.origin("a", "painter", chosen={"depth": 3})


def test_a_pack_may_recommend_another_size_than_it_works_at(tmp_path):
    for name, side in (("small", "24"), ("wrong", '"24"')):
        write_sd_pack(tmp_path / name, more=f"[methods.generate]\nside = {side}")
    engine = Engine(device="cpu", store=PackStore(tmp_path / "nothing bundled", tmp_path))
    assert engine.origin("a", "small").size == (24, 24)
    assert engine.origin("a", "small", (32, 16)).size == (32, 16)
    with pytest.raises(InvalidRequest, match="“side” of generate must be a whole number, not “24”"):
        engine.origin("a", "wrong")


def test_those_packs_are_offered_that_read_words(engine):
    assert [(offer.method, offer.pack) for offer in engine.generators()] == [
        ("generate", name) for name in ("other", "painter", "quick")
    ]
    with pytest.raises(ModelMissing, match="Generating needs text_encoder and tokenizer, which the pack"):
        engine.generate(engine.origin("a", "silent"))


@pytest.mark.parametrize(("size", "near"), [((60, 48), "64 × 48"), ((63, 9), "64 × 16"), ((8, 8), "16 × 16")])
def test_a_size_that_does_not_suit_the_pack_is_told_with_one_that_does(engine, origin, size, near):
    with pytest.raises(
        InvalidRequest, match=f"multiples of 16 pixels, not {size[0]} × {size[1]}; try {near}."
    ):
        engine.generate(origin(size=size))


def test_too_little_memory_is_told_with_the_size(engine, origin, monkeypatch):
    def greedy(*_, **__):
        raise MemoryError

    monkeypatch.setattr("engine.diffusion.text_to_image.text_to_image", greedy)
    with pytest.raises(
        OutOfMemory, match="for a picture of 64 × 48 pixels; generate a smaller one, or close"
    ):
        engine.generate(origin())


def test_a_folder_anywhere_goes_by_its_name_where_that_is_free(engine, tmp_path):
    free, taken = write_sd_pack(tmp_path / "free"), write_sd_pack(tmp_path / "painter", seed=5)
    assert engine.origin("a", str(free)).pack == "free"
    assert engine.origin("a", str(taken)).pack == str(taken)
    with pytest.raises(ModelMissing):
        engine.origin("a", "nowhere")


def test_a_pack_whose_parts_do_not_fit_is_told(tmp_path):
    write_sd_pack(tmp_path / "odd")
    components, diffusion = opened(PackStore(tmp_path / "no", tmp_path), "odd")
    diffusion.unet.register_to_config(in_channels=9)
    with pytest.raises(ModelMissing, match="its unet takes 9 channels, and its vae has 4"):
        open_latent_diffusion(components)
    diffusion.unet.register_to_config(in_channels=4, cross_attention_dim=20)
    with pytest.raises(
        ModelMissing, match="its unet reads 20 features of text, and its text encoder gives 16"
    ):
        open_latent_diffusion(components)


def test_without_a_text_encoder_there_are_no_words(store):
    components, diffusion = opened(store, "silent")
    with pytest.raises(ModelMissing, match="The pack “Painter” reads no text"):
        embed_prompts(components, diffusion, ["a"])


# --- edits of what was generated


class Watcher:
    def __init__(self):
        self.seen = []

    def edit(self, request, settings, progress):
        self.seen.append(request)
        return EditResult(image=request.image, region=Box(0, 0, *request.size))


@pytest.fixture
def watcher(monkeypatch):
    made = Watcher()
    method = Method(
        name="watch",
        title="Watch",
        request=DragEdit,
        settings=FlowWarpSettings,
        roles=frozenset({"unet"}),
        build=lambda components: made,
    )
    monkeypatch.setitem(METHODS, "watch", method)
    return made


def drag(image, origin):
    mask = np.zeros(image.shape[:2], np.uint8)
    mask[20:30, 20:30] = 255
    return DragEdit(image=image, mask=mask, points=(PointPair(Point(22, 22), Point(27, 27)),), origin=origin)


def test_an_edit_sees_the_whole_picture_and_its_origin(engine, store, origin, watcher):
    image = engine.generate(origin()).image
    engine = Engine(device="cpu", store=store)
    engine.edit("watch", drag(image, origin()), pack="painter")
    engine.edit("watch", drag(image, origin()), pack="other")
    engine.edit("watch", drag(image, None), pack="painter")
    own, others, photo = watcher.seen
    assert (own.origin, others.origin, photo.origin) == (origin(), None, None)
    assert own.size == others.size == SIZE
    assert photo.size < SIZE
    assert own.mask.sum() == photo.mask.sum() == 100 * 255


def test_an_origin_whose_pack_is_gone_is_known_by_name(engine, store, origin, watcher, tmp_path):
    asked = engine.origin("a", str(write_sd_pack(tmp_path / "far")), size=SIZE)
    image = np.zeros((48, 64, 4), np.uint8)
    later = Engine(device="cpu", store=store)
    later.edit("watch", drag(image, asked), pack=str(tmp_path / "far"))
    later.edit("watch", drag(image, asked), pack="painter")
    assert [request.origin for request in watcher.seen] == [asked, None]
