"""GoodDrag from request to result, on a tiny random Stable Diffusion."""

import random
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from engine import Engine
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.edit import DragEdit, Point, PointPair
from engine.errors import InvalidRequest, ModelMissing
from engine.methods.good_drag import METHOD
from engine.methods.good_drag.settings import GoodDragSettings
from engine.packs import PackStore
from engine.progress import Cancelled, Progress
from engine.region import plan
from engine.runtime.components import Components
from engine.runtime.memo import Memo
from engine.runtime.stable_diffusion import open_latent_diffusion
from tests.engine.methods.instant_drag.tiny_pack import scheduler_config
from tests.engine.sd_pack import write_sd_pack

QUICK = GoodDragSettings(
    inference_steps=6,
    inversion_strength=0.7,
    drag_steps=2,
    trackings=2,
    updates=2,
    patch_radius=1,
    tracking_radius=3,
    feature_block=2,
    lora_steps=2,
    lora_batch=2,
    lora_rank=2,
)
BRIEF = replace(QUICK, lora_steps=1, lora_batch=1, trackings=1, updates=1)
PLAIN = replace(QUICK, lora_steps=0)
PHASES = {"Load": 1, "Encode": 1, "Adapt": 2, "Invert": 4, "Drag": 4, "Denoise": 2, "Decode": 1}
WHEN = [(phase, done) for phase, steps in PHASES.items() for done in sorted({0, steps - 1})]
UNET = "UNet2DConditionModel"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    user = tmp_path_factory.mktemp("user")
    write_sd_pack(user / "painter")
    write_sd_pack(user / "silent", roles=("unet", "vae", "scheduler"))
    write_sd_pack(user / "small", tiny=True)
    return PackStore(user.parent / "nothing bundled", user)


@pytest.fixture(scope="module")
def networks(store):
    """What the pack's networks are once they are open; no test changes them."""
    components = Components(pack=store.open("painter"), device="cpu")
    unet = open_latent_diffusion(components).unet
    components.load("scheduler", dict)
    return SimpleNamespace(loaded=components._loaded, unet=unet)


@pytest.fixture
def components(store, networks, tmp_path):
    """The pack opened anew, remembering nothing, with the networks of all tests."""
    fresh = Components(pack=store.open("painter"), device="cpu")
    fresh._loaded.update(networks.loaded)
    vars(fresh)["memo"] = Memo("", tmp_path)
    return fresh


@pytest.fixture
def edit(components):
    """edit(request, settings, progress): as the engine does it, but for the paste."""

    def edited(request, settings=QUICK, progress=None):
        cut = plan(request).cut(request)
        return METHOD.build(components).edit(cut, settings, progress or Progress())

    return edited


@pytest.fixture
def forgetful(components, edit):
    """As `edit`, and nothing is remembered from one to the next."""
    vars(components)["memo"] = Memo("", memory=0, disk=0)
    return edit


def drag(image, *ends, **changes):
    ends = ends or ((150, 120, 190, 130),)
    points = tuple(PointPair(Point(*pair[:2]), Point(*pair[2:])) for pair in ends)
    return DragEdit(**{"image": image, "points": points, **changes})


def everywhere(image):
    return np.full(image.shape[:2], 255, np.uint8)


def disc(image, radius=70):
    return cv2.circle(np.zeros(image.shape[:2], np.uint8), (160, 120), radius, 255, -1)


# --- from request to result


def test_an_edit_by_the_engine(store, picture):
    mask = disc(picture)
    request = drag(picture, mask=mask)
    result = Engine(device="cpu", store=store).edit("good_drag", request, QUICK, "painter")
    assert set(result.timings) == {"Plan", *PHASES}
    assert not result.partial
    assert np.array_equal(result.image[mask == 0], picture[mask == 0])
    assert not np.array_equal(result.image[mask > 0], picture[mask > 0])
    assert np.array_equal(result.image[..., 3], picture[..., 3])


def test_packs_that_hold_less_or_other_networks(store, picture):
    engine = Engine(device="cpu", store=store)
    assert {"painter", "small"} <= {o.pack for o in engine.offers(DragEdit) if o.method == "good_drag"}
    assert not engine.edit("good_drag", drag(picture), PLAIN, "small").partial
    with pytest.raises(ModelMissing, match="reads no text"):
        engine.edit("good_drag", drag(picture, prompt="a cat"), QUICK, "silent")


def test_the_network_runs_no_more_often_than_it_must(edit, picture):
    first, second = Progress(), Progress()
    edit(drag(picture), progress=first)
    edit(drag(picture), progress=second)
    adapt, invert, reference, updates, steps, denoise = 2 * 2, 4, 2, 2 * 2 * 2, 2, 2 * 2
    whole = adapt + invert + reference + updates + steps + denoise
    assert first.evaluations[UNET] == whole
    assert second.evaluations[UNET] == updates + steps + denoise
    assert not {"Adapt", "Invert"} & set(second.timings)


def test_nothing_is_run_behind_the_features_where_nothing_must_stay(forgetful, networks, picture):
    ends = []
    hook = networks.unet.conv_out.register_forward_hook(lambda *_: ends.append(None))
    try:
        forgetful(drag(picture, mask=disc(picture)), PLAIN)
        guarded = len(ends)
        for request, settings in (
            (drag(picture, mask=everywhere(picture)), PLAIN),
            (drag(picture, mask=disc(picture)), replace(PLAIN, mask_weight=0.0)),
        ):
            ends.clear()
            forgetful(request, settings)
            assert guarded - len(ends) == 2 * 2 * 2
    finally:
        hook.remove()


def test_what_was_prepared_is_not_made_again(components, edit, picture):
    request, progress = drag(picture), Progress()
    METHOD.build(components).prepare(plan(request).cut(request), QUICK, progress)
    assert progress.evaluations[UNET] == 2 * 2 + 4
    after = Progress()
    edit(request, progress=after)
    assert not {"Adapt", "Invert"} & set(after.timings)


def test_a_preparation_that_gave_way_goes_on_in_the_edit(components, edit, picture):
    request, steps, counts = drag(picture), [], []
    settings = replace(QUICK, lora_steps=3)
    stopped = Progress(on_step=steps.append, is_cancelled=lambda: steps[-1:] == [("Adapt", 2, 3)])
    with pytest.raises(Cancelled):
        METHOD.build(components).prepare(plan(request).cut(request), settings, stopped)
    taken_up = edit(request, settings, Progress(on_step=counts.append))
    assert [step for step in counts if step.phase == "Adapt"] == [("Adapt", 0, 1), ("Adapt", 1, 1)]
    vars(components)["memo"] = Memo("", memory=0, disk=0)
    assert edit(request, settings).image.tobytes() == taken_up.image.tobytes()


def test_works_are_found_by_the_picture_not_by_what_networks_make_of_it(edit, monkeypatch, picture):
    """An encoding's last bits depend on how many threads there are."""
    edit(drag(picture), BRIEF)
    encode = LatentDiffusion.encode
    monkeypatch.setattr(LatentDiffusion, "encode", lambda *given: encode(*given) * (1 + 1e-6))
    again = Progress()
    edit(drag(picture), BRIEF, again)
    assert not {"Adapt", "Invert"} & set(again.timings)


def test_another_drag_of_the_same_region_needs_no_new_work_on_the_picture(edit, picture):
    mask = everywhere(picture)
    edit(drag(picture, mask=mask), BRIEF)
    progress = Progress()
    edit(drag(picture, (100, 60, 150, 90), mask=mask), BRIEF, progress)
    assert not {"Adapt", "Invert"} & set(progress.timings)
    assert progress.evaluations[UNET] == 2 + 2 + 4


def test_what_is_remembered_gives_the_same_picture(edit, forgetful, picture):
    request = drag(picture, mask=everywhere(picture))
    kept = [edit(request, BRIEF) for _ in range(2)]
    fresh = forgetful(request, BRIEF)
    assert kept[0].image.tobytes() == kept[1].image.tobytes() == fresh.image.tobytes()
    assert kept[0].handles == kept[1].handles == fresh.handles


def test_handles_and_pictures_are_shown_on_the_way(forgetful, picture):
    handles, pictures, steps = [], [], []
    progress = Progress(
        on_step=steps.append, on_handles=handles.append, on_preview=pictures.append, preview_interval=0
    )
    result = forgetful(drag(picture, mask=everywhere(picture)), progress=progress)
    trackings, denoising = 4, 2
    assert len(handles) == len(pictures) == trackings + denoising
    assert result.handles == handles[-1]
    assert handles[-1] != (Point(150, 120),)
    assert all(shown.shape == picture.shape for shown in pictures)
    assert [step.done for step in steps if step.phase == "Drag"] == [0, 1, 2, 3, 4]


def test_handles_that_are_there_are_not_dragged(forgetful, picture):
    """Nearer than two pixels of the features' grid."""
    steps = []
    progress = Progress(on_step=steps.append)
    result = forgetful(drag(picture, (150, 120, 152, 121), mask=everywhere(picture)), PLAIN, progress)
    assert np.array_equal(result.image, picture)
    assert result.handles == (Point(150, 120),)
    assert [step.done for step in steps if step.phase == "Drag"] == [0, 1, 2, 3, 4]
    invert, reference, look, step, denoise = 4, 1, 1, 1, 3 * 2
    assert progress.evaluations[UNET] == invert + reference + look + step + denoise


def test_dragging_ends_when_handles_no_longer_move(forgetful, picture):
    request, progress = drag(picture, mask=everywhere(picture)), Progress()
    forgetful(request, replace(PLAIN, learning_rate=0.001, early_stop=1, tracking_radius=1), progress)
    still = Progress()
    forgetful(request, replace(PLAIN, learning_rate=0.001, tracking_radius=1), still)
    assert progress.evaluations[UNET] < still.evaluations[UNET]


# --- repeatable


def test_the_same_request_gives_the_same_bytes_whatever_came_between(forgetful, picture):
    states = torch.random.get_rng_state(), random.getstate()
    words = np.random.get_state()[1].copy()  # noqa: NPY002
    a, b = drag(picture, mask=everywhere(picture)), drag(picture, (100, 60, 150, 90), seed=5)
    first, _, again = forgetful(a, BRIEF), forgetful(b, PLAIN), forgetful(a, BRIEF)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.handles == again.handles
    assert torch.equal(torch.random.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert np.array_equal(np.random.get_state()[1], words)  # noqa: NPY002


def test_the_seed_is_that_of_the_adaptation(forgetful, picture):
    mask = everywhere(picture)
    one, two = (forgetful(drag(picture, mask=mask, seed=seed), BRIEF).image for seed in (1, 2))
    assert not np.array_equal(one, two)
    one, two = (forgetful(drag(picture, mask=mask, seed=seed), PLAIN).image for seed in (1, 2))
    assert np.array_equal(one, two)


# --- settings


@pytest.fixture(scope="module")
def usual():
    """What comes of the settings that ablations change, once it is known."""
    return []


@pytest.mark.parametrize(
    "changes",
    [
        {"alternating": False},
        {"information_preserving": False},
        {"inversion_strength": 1.0},
        {"inversion_strength": 0.2},
        {"lora_steps": 3},
        {"feature_block": 1},
        {"mask_weight": 2.0},
        {"learning_rate": 0.05},
        {"drag_steps": 50},
        {"stride": 1.0},
    ],
    ids=str,
)
def test_every_ablation_runs_and_matters(edit, picture, usual, changes):
    request = drag(picture, mask=disc(picture))
    if not usual:
        usual.append(edit(request, PLAIN).image)
    assert not np.array_equal(edit(request, replace(PLAIN, **changes)).image, usual[0])


@pytest.mark.parametrize(("drag_steps", "depth"), [(2, 4), (50, 4)])
def test_not_alternating_all_drags_come_first(forgetful, picture, drag_steps, depth):
    """As many updates, and no denoising step between them."""
    progress = Progress()
    settings = replace(PLAIN, drag_steps=drag_steps, alternating=False)
    forgetful(drag(picture), settings, progress)
    updates = min(drag_steps, depth) * 2 * 2
    assert progress.evaluations[UNET] == depth + 1 + updates + 1 + 2 * (depth - 1)


def test_defaults_are_those_of_the_published_script():
    settings = GoodDragSettings()
    assert (settings.inference_steps, settings.inversion_strength, settings.drag_steps) == (50, 0.75, 7)
    assert (settings.trackings, settings.updates, settings.early_stop) == (10, 3, 5)
    assert (settings.learning_rate, settings.mask_weight, settings.stride) == (0.02, 0.1, 4)
    assert (settings.patch_radius, settings.tracking_radius, settings.feature_block) == (4, 12, 3)
    assert (settings.lora_steps, settings.lora_learning_rate) == (70, 5e-4)
    assert (settings.lora_batch, settings.lora_rank) == (4, 16)
    assert settings.alternating
    assert settings.information_preserving


def test_a_block_that_is_not_there_is_named(edit, picture):
    with pytest.raises(InvalidRequest, match="blocks 0 to 2; set feature_block to one of them, not 3"):
        edit(drag(picture), replace(QUICK, feature_block=3))


def test_the_prompt_is_read(edit, picture):
    mask = everywhere(picture)
    one, two = (edit(drag(picture, mask=mask, prompt=text), PLAIN).image for text in ("", "a red cat"))
    assert not np.array_equal(one, two)


def test_a_network_that_tells_the_velocity(components, edit, picture):
    """As those of Stable Diffusion 2 do."""
    request = drag(picture, mask=everywhere(picture))
    usual = edit(request, PLAIN).image
    told = {**scheduler_config("DDIMScheduler"), "prediction_type": "v_prediction"}
    components._loaded["scheduler"] = told
    vars(components)["memo"] = Memo("", memory=0, disk=0)
    shown = []
    result = edit(request, BRIEF, Progress(on_preview=shown.append, preview_interval=0))
    assert not np.array_equal(result.image, usual)
    assert np.isfinite(result.handles).all()
    assert shown


# --- hard cases


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (500, 90), (17, 300), (9, 5), (1, 1)], ids=str)
def test_any_size_and_any_shape(forgetful, paint, size):
    width, height = size
    image = paint(width, height, alpha=width > height)
    request = drag(image, (0.3 * width, 0.4 * height, 0.7 * width, 0.5 * height), mask=everywhere(image))
    result = forgetful(request, PLAIN)
    assert result.image.shape == image.shape
    assert np.array_equal(result.image[..., 3], image[..., 3])
    assert np.isfinite(result.handles).all()


CORNERS = ((0, 0), (320, 0), (0, 240), (320, 240))


@pytest.mark.parametrize(
    "ends",
    [
        *[((*corner, 160, 120),) for corner in CORNERS],
        *[((160, 120, *corner),) for corner in CORNERS],
        ((160, 0, 160, 60), (0, 120, 60, 120), (320, 120, 260, 120), (160, 240, 160, 180)),
        ((319.9, 239.9, 0.1, 0.1),),
        ((100, 100, 220, 140), (220, 100, 100, 140)),  # across each other
        ((100, 100, 220, 100), (220, 100, 100, 100)),  # in each other's place
        ((100, 100, 100.001, 100), (200, 100, 150, 100)),  # one is there
        tuple((10 + 10 * i, 20 + 3 * i, 300 - 8 * i, 230 - 6 * i) for i in range(30)),
    ],
    ids=lambda ends: f"{len(ends)} from {ends[0]}",
)
def test_drags_from_and_to_anywhere(forgetful, picture, ends):
    request = drag(picture, *ends, mask=everywhere(picture))
    # The papers' radii: windows are larger than the whole grid.
    settings = replace(PLAIN, learning_rate=0.1, patch_radius=4, tracking_radius=12)
    result = forgetful(request, settings)
    assert len(result.handles) == len(ends)
    places = np.array(result.handles)
    assert (places >= -10).all()
    assert (places <= (330, 250)).all()
    assert result.image.shape == picture.shape


def test_a_target_outside_of_the_picture_is_refused(picture):
    with pytest.raises(InvalidRequest, match=r"target of drag 1 at .* outside the picture"):
        drag(picture, (100, 100, 400, 100))


def test_a_handle_where_nothing_may_change_is_named(edit, picture):
    mask = cv2.circle(np.zeros(picture.shape[:2], np.uint8), (60, 60), 30, 255, -1)
    with pytest.raises(InvalidRequest, match="where nothing may change"):
        edit(drag(picture, mask=mask))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_comes_near_to_the_whole(components, forgetful, picture, precision):
    """LoRA included, which has to learn the same."""
    settings, mask = replace(QUICK, lora_steps=8, lora_learning_rate=0.02), everywhere(picture)
    lower = replace(components, precision=precision)
    vars(lower)["memo"] = Memo("", memory=0, disk=0)
    assert lower.load("unet", torch.nn.Module).dtype == getattr(torch, precision)
    request = plan(drag(picture, mask=mask)).cut(drag(picture, mask=mask))
    result = METHOD.build(lower).edit(request, settings, Progress())
    whole = forgetful(drag(picture, mask=mask), settings)
    unlearnt = forgetful(drag(picture, mask=mask), replace(settings, lora_steps=0))

    def away(image):
        return np.abs(image.astype(float) - whole.image).mean()

    assert away(result.image) < 0.8 * away(unlearnt.image)
    assert np.isfinite(result.handles).all()


# --- cancelling and failing


@pytest.mark.parametrize(("phase", "done"), WHEN, ids=str)
def test_cancelling_at_any_step_leaves_no_trace(forgetful, networks, everything_of, picture, phase, done):
    before, steps = everything_of(networks.unet), []
    progress = Progress(
        on_step=steps.append, is_cancelled=lambda: bool(steps) and steps[-1][:2] == (phase, done)
    )
    with pytest.raises(Cancelled):
        forgetful(drag(picture), progress=progress)
    assert everything_of(networks.unet) == before
    shown = progress.partial()
    assert (shown is not None) == (phase in ("Denoise", "Decode") or (phase == "Drag" and done > 0))
    assert shown is None or (np.isfinite(shown.handles).all() and shown.image.shape[2] == 4)


@pytest.mark.parametrize("phase", PHASES)
def test_an_exception_in_any_phase_leaves_no_trace(forgetful, networks, everything_of, picture, phase):
    before = everything_of(networks.unet)

    def fail(step):
        if step.phase == phase and step.done == step.total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forgetful(drag(picture), progress=Progress(on_step=fail))
    assert everything_of(networks.unet) == before


@pytest.mark.parametrize("evaluation", [3, 9, 14])
def test_an_exception_inside_the_network_leaves_no_trace(
    forgetful, networks, everything_of, picture, evaluation
):
    asked = []

    def fail(*_):
        asked.append(None)
        if len(asked) > evaluation:
            raise KeyboardInterrupt

    hook = networks.unet.up_blocks[1].register_forward_hook(fail)
    before = everything_of(networks.unet)
    try:
        with pytest.raises(KeyboardInterrupt):
            forgetful(drag(picture))
        assert everything_of(networks.unet) == before
    finally:
        hook.remove()


def test_an_exception_while_gradients_are_taken_leaves_no_trace(
    forgetful, networks, everything_of, picture, monkeypatch
):
    before = everything_of(networks.unet)

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.optim.Adam, "step", fail)
    with pytest.raises(KeyboardInterrupt):
        forgetful(drag(picture), PLAIN)
    assert everything_of(networks.unet) == before


@pytest.mark.parametrize("step", [("Drag", 2, 4), ("Denoise", 1, 2)], ids=str)
def test_a_cancelled_drag_is_a_partial_result(store, picture, step):
    steps, mask = [], disc(picture)
    progress = Progress(on_step=steps.append, is_cancelled=lambda: steps[-1:] == [step])
    engine = Engine(device="cpu", store=store)
    result = engine.edit("good_drag", drag(picture, mask=mask), QUICK, "painter", progress)
    assert result.partial
    assert len(result.handles) == 1
    assert np.array_equal(result.image[mask == 0], picture[mask == 0])
    assert not np.array_equal(result.image, picture)


def test_what_was_cancelled_is_not_remembered(edit, picture):
    steps = []
    progress = Progress(on_step=steps.append, is_cancelled=lambda: steps[-1:] == [("Invert", 2, 4)])
    with pytest.raises(Cancelled):
        edit(drag(picture), progress=progress)
    again = Progress()
    edit(drag(picture), progress=again)
    assert "Adapt" not in again.timings
    assert "Invert" in again.timings
