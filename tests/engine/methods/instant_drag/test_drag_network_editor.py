"""InstantDrag on a pack with our own drag network: with the fill in FlowDiffusion's place, and with both."""

import re
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tiny_pack import autoencoder, fill, unet, write_flowgen, write_scheduler

from engine import Engine, Offer
from engine.edit import DragEdit, Point, PointPair
from engine.errors import ModelMissing
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.networks.drag_flow import DragFlow
from engine.networks.fill import FillNet
from engine.packs import PackStore
from engine.progress import Cancelled, Progress
from engine.runtime.components import Components
from engine.runtime.loaders import LOADERS

QUICK = InstantDragSettings(inference_steps=4)
HEAD = 'name = "own"\ntitle = "Own"\nlicence = "CC0-1.0"\nworking_size = 64\n'
KINDS = {
    "flowgen": "drag_flow",
    "fill": "fill",
    "flow_unet": "unet2dcondition",
    "vae": "autoencoder_kl",
    "scheduler": "scheduler",
    "null_prompt": "embedding",
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A folder of components, none of them trained."""
    root = tmp_path_factory.mktemp("own") / "own"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        DragFlow(64, (16, 16, 16)).save(root / "flowgen")
        FillNet(64, (8, 16)).save(root / "fill")
        fill(unet(10), 3).save_pretrained(root / "flow_unet")
        fill(autoencoder(), 2).save_pretrained(root / "vae")
    write_scheduler(root, "DDIMScheduler")
    write_flowgen(root / "published.safetensors", 6)
    save_file({"e": torch.zeros(1, 77, 16)}, root / "null_prompt")
    return root


@pytest.fixture
def home(parts, tmp_path):
    """A user's packs: a copy of the components, to change at will."""
    shutil.copytree(parts, tmp_path / "home" / "own")
    (tmp_path / "none").mkdir()
    return tmp_path / "home"


@pytest.fixture
def engine(home):
    """engine(role, …, role=(kind, path)): on a pack that holds these roles alone."""

    def of(*roles, device="cpu", **changes):
        blocks = []
        for role in roles:
            kind, path = changes.get(role, (KINDS[role], role))
            blocks.append(f'[components.{role}]\nkind = "{kind}"\npath = "{path}"\n')
        (home / "own" / "pack.toml").write_text(HEAD + "\n".join(blocks))
        return Engine(device=device, store=PackStore(home.parent / "none", home))

    return of


@pytest.fixture
def thing(paint):
    """A disc on a ground of other colours, and the disc as a subject: (picture, subject)."""
    picture = paint(320, 240, seed=4) // 3
    subject = cv2.circle(np.zeros((240, 320), np.uint8), (120, 110), 40, 255, -1)
    picture[subject > 0] = paint(320, 240, seed=9)[subject > 0] // 2 + 120
    picture[..., 3] = 255
    return picture, subject


def drag(image, *ends, **changes):
    ends = ends or ((120, 110, 160, 125),)
    points = tuple(PointPair(Point(*pair[:2]), Point(*pair[2:])) for pair in ends)
    return DragEdit(**{"image": image, "points": points, **changes})


def edit(engine, request, settings=QUICK, progress=None):
    return engine.edit("instant_drag", request, settings, "own", progress)


STAND_IN = ("flowgen", "fill")
WHOLE = ("flowgen", "flow_unet", "vae", "scheduler", "null_prompt")


def test_the_kinds_are_known():
    assert {"drag_flow", "fill"} <= LOADERS.keys()


def test_the_loaders_bring_what_was_saved(parts, engine):
    pack = engine(*STAND_IN).pack("own")
    components = Components(pack=pack, device="cpu", precision="float16")
    network, filler = components.load("flowgen", DragFlow), components.load("fill", FillNet)
    for made, kind in ((network, DragFlow), (filler, FillNet)):
        saved = kind.load(parts / ("flowgen" if kind is DragFlow else "fill")).state_dict()
        assert all(torch.equal(saved[key], weight) for key, weight in made.state_dict().items())
        assert {weight.dtype for weight in made.parameters()} == {torch.float32}
        assert not made.training
        assert not any(weight.requires_grad for weight in made.parameters())


# --- what stands in


def test_what_is_bent_arrives_though_the_network_takes_it_to_rest(engine, thing):
    picture, _ = thing
    result = edit(engine(*STAND_IN), drag(picture, motion="deform"))
    assert result.handles[0] == pytest.approx((160, 125), abs=1)
    before, after = picture[105:116, 115:126].astype(int), result.image[120:131, 155:166].astype(int)
    assert np.abs(before - after).mean() < 8


@pytest.mark.parametrize("roles", [STAND_IN, ("flowgen",)], ids=["fill", "no fill"])
@pytest.mark.parametrize("motion", ["move", "deform"])
def test_a_whole_edit_without_flowdiffusion(engine, thing, roles, motion):
    picture, subject = thing
    result = edit(engine(*roles), drag(picture, subject=subject, motion=motion))
    assert set(result.timings) == {"Plan", "Load", "Flow", "Warp", "Fill"}
    assert result.handles[0] == pytest.approx((160, 125), abs=3)
    before, after = picture[90:131, 100:141].astype(int), result.image[105:146, 140:181].astype(int)
    assert np.abs(before - after).mean() < 3
    assert not result.partial


@pytest.mark.parametrize("motion", ["move", "deform"])
def test_what_does_not_move_keeps_its_very_pixels(engine, thing, motion):
    picture, subject = thing
    result = edit(engine(*STAND_IN), drag(picture, subject=subject, motion=motion))
    far = cv2.dilate(subject, np.ones((150, 150), np.uint8)) == 0
    assert far.any()
    assert np.array_equal(result.image[far], picture[far])


def test_a_bent_sheet_is_not_folded(engine, thing):
    """Along the drag, what lies before the thing comes in the same order, and all of it."""
    picture, subject = thing
    ramp = np.tile(np.linspace(0, 255, 320).astype(np.uint8)[None, :, None], (240, 1, 4))
    ramp[..., 3] = 255
    whole = np.full(picture.shape[:2], 255, np.uint8)
    request = drag(ramp, (120, 110, 150, 110), subject=subject, mask=whole)
    row = edit(engine("flowgen"), request).image[110, :, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert abs(row[150] - ramp[0, 120, 0]) <= 2


def test_a_move_leaves_no_copy_behind(engine, thing):
    picture, subject = thing
    result = edit(engine(*STAND_IN), drag(picture, (120, 110, 220, 110), subject=subject, motion="move"))
    left = result.image[95:126, 105:136, :3].astype(int)
    assert left.mean() < 100 < picture[95:126, 105:136, :3].mean()


def test_a_moved_thing_is_as_sharp_as_before(engine, thing):
    picture, subject = thing
    noise = np.random.default_rng(0).integers(0, 60, picture.shape[:2])
    picture[..., :3] = np.clip(picture[..., :3].astype(int) + noise[..., None], 0, 255)
    request = drag(picture, (120, 110, 160.5, 125.5), subject=subject, motion="move")
    result = edit(engine(*STAND_IN), request)

    def energy(image):
        grey = cv2.cvtColor(image, cv2.COLOR_RGBA2GRAY).astype(float)
        return np.square(np.diff(grey, axis=0)).mean() + np.square(np.diff(grey, axis=1)).mean()

    assert energy(result.image[105:146, 140:181]) > 0.8 * energy(picture[90:131, 100:141])


def test_the_mask_and_what_is_protected_stay(engine, thing):
    picture, subject = thing
    mask = cv2.circle(np.zeros_like(subject), (140, 115), 70, 255, -1)
    protected = np.zeros_like(subject)
    protected[:, :100] = 255
    for motion in ("move", "deform"):
        request = drag(picture, subject=subject, motion=motion, mask=mask, protected=protected)
        result = edit(engine(*STAND_IN), request)
        stays = (mask == 0) | (protected > 0)
        assert np.array_equal(result.image[stays], picture[stays])
        assert not np.array_equal(result.image, picture)


def test_a_pinned_place_stays_when_the_sheet_is_bent(engine, thing):
    picture, _ = thing
    everything = np.full(picture.shape[:2], 255, np.uint8)
    pinned = drag(picture, subject=everything, pins=(Point(250.0, 60.0),))
    result = edit(engine("flowgen"), replace(pinned, mask=everything))
    assert np.abs(result.image[58:62, 248:252].astype(int) - picture[58:62, 248:252]).max() < 25
    free = edit(engine("flowgen"), replace(pinned, mask=everything, pins=()))
    moved = np.abs(free.image.astype(int) - picture)[55:66, 245:256].mean()
    assert moved > 2 * np.abs(result.image.astype(int) - picture)[55:66, 245:256].mean()


def test_nothing_of_the_subject_may_move(engine, thing):
    """The network may find nothing at all: the picture then stays, and the handle with it."""
    picture, _ = thing
    speck = np.zeros(picture.shape[:2], np.uint8)
    speck[10, 10] = 255
    result = edit(engine("flowgen"), drag(picture, subject=speck, motion="move"))
    assert np.array_equal(result.image, picture)
    assert result.handles[0] == pytest.approx((120, 110))


@pytest.mark.parametrize("size", [(500, 90), (17, 300), (9, 5), (1, 1)], ids=str)
@pytest.mark.parametrize("motion", ["move", "deform"])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_any_size_and_any_shape(engine, paint, size, motion, alpha):
    width, height = size
    image, whole = paint(width, height, alpha=alpha), np.full((height, width), 255, np.uint8)
    ends = (0.3 * width, 0.4 * height, 0.6 * width, 0.5 * height)
    result = edit(engine(*STAND_IN), drag(image, ends, mask=whole, subject=whole, motion=motion))
    assert result.image.shape == image.shape
    assert np.isfinite(result.handles).all()


def test_the_same_bytes_again(engine, thing):
    picture, subject = thing
    one, request = engine(*STAND_IN), drag(picture, subject=subject, motion="move")
    first = edit(one, request)
    edit(one, drag(picture, (60, 60, 90, 70)))
    again, fresh = edit(one, request), edit(engine(*STAND_IN), request)
    assert first.image.tobytes() == again.image.tobytes() == fresh.image.tobytes()
    assert first.handles == again.handles == fresh.handles


@pytest.mark.parametrize("phase", ["Plan", "Load", "Flow", "Warp", "Fill"])
def test_cancelling_as_a_phase_begins(engine, thing, phase):
    picture, subject = thing
    seen = []
    progress = Progress(
        on_step=lambda step: seen.append(step.phase), is_cancelled=lambda: bool(seen) and seen[-1] == phase
    )
    request = drag(picture, subject=subject, motion="move")
    if phase in ("Plan", "Load", "Flow", "Warp"):
        with pytest.raises(Cancelled):
            edit(engine(*STAND_IN), request, progress=progress)
    else:
        assert edit(engine(*STAND_IN), request, progress=progress).partial


# --- with FlowDiffusion


@pytest.mark.parametrize("motion", ["move", "deform"])
def test_with_flowdiffusion_it_paints(engine, thing, motion):
    picture, subject = thing
    result = edit(engine(*WHOLE), drag(picture, subject=subject, motion=motion))
    assert set(result.timings) >= {"Flow", "Warp", "Encode", "Denoise", "Decode", "Detail"}
    assert result.handles[0] == pytest.approx((160, 125), abs=3)
    assert "Fill" not in result.timings


def test_the_published_flowgen_may_be_filled_too(engine, thing):
    picture, _ = thing
    made = engine("flowgen", flowgen=("flowgen", "published.safetensors"))
    assert "Fill" in edit(made, drag(picture)).timings


# --- what offers say, and what does not fit


@pytest.mark.parametrize(
    ("roles", "simplified"), [(STAND_IN, True), (("flowgen", "flow_unet"), True), (WHOLE, False)], ids=str
)
def test_an_offer_says_that_something_stands_in(engine, roles, simplified):
    offers = [offer for offer in engine(*roles).offers(DragEdit) if offer.pack == "own"]
    assert offers == [Offer("instant_drag", "own", "Own", simplified, finds_subject=True)]


def test_the_published_flowgen_finds_no_subject(engine, thing):
    made = engine("flowgen", flowgen=("flowgen", "published.safetensors"))
    assert not [offer for offer in made.offers(DragEdit) if offer.finds_subject]
    request = drag(thing[0], motion="move")
    assert made.prepare("instant_drag", request, "own") is request
    assert np.array_equal(made.find_subject(request, "instant_drag", "own"), made.find_subject(request))


def test_a_move_is_prepared_with_what_the_network_finds(engine, thing, monkeypatch):
    made, found = engine("flowgen"), np.full(thing[0].shape[:2], 200, np.uint8)
    monkeypatch.setattr("engine.methods.instant_drag.editor.find_subject", lambda *_: found)
    request = drag(thing[0], motion="move")
    assert np.array_equal(made.prepare("instant_drag", request, "own").subject, found)
    assert np.array_equal(made.find_subject(request, "instant_drag", "own"), found)
    painted = replace(request, subject=np.full_like(found, 255))
    assert made.prepare("instant_drag", painted, "own") is painted, "what is painted counts"
    bent = replace(request, motion="deform")
    assert made.prepare("instant_drag", bent, "own") is bent
    assert np.array_equal(made.find_subject(bent, "instant_drag", "own"), made.find_subject(bent))
    monkeypatch.setattr("engine.methods.instant_drag.editor.find_subject", lambda *_: None)
    assert made.prepare("instant_drag", request, "own") is request
    assert np.array_equal(made.find_subject(request, "instant_drag", "own"), made.find_subject(request))


def test_flowdiffusion_without_its_autoencoder_is_refused(engine, thing):
    with pytest.raises(ModelMissing, match="This needs vae, which the pack “Own” does not hold"):
        edit(engine("flowgen", "flow_unet"), drag(thing[0]))


def test_a_network_in_anothers_role_is_refused(engine, thing):
    with pytest.raises(ModelMissing, match="its flowgen is a fill, which does not fit there"):
        edit(engine("flowgen", flowgen=("fill", "fill")), drag(thing[0]))
    with pytest.raises(ModelMissing, match="its fill is a drag_flow, which does not fit there"):
        edit(engine("flowgen", "fill", fill=("drag_flow", "flowgen")), drag(thing[0]))


def test_a_damaged_network_is_named(engine, home, thing):
    folder = home / "own" / "flowgen"
    (folder / "config.json").write_text('{"_class_name": "FillNet"}')
    with pytest.raises(ModelMissing, match=re.escape(f"its flowgen in {folder} cannot be loaded")):
        edit(engine(*STAND_IN), drag(thing[0]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no NVIDIA GPU")
def test_on_a_gpu_it_is_about_the_same(engine, thing):
    picture, subject = thing
    engines = engine(*STAND_IN), engine(*STAND_IN, device="cuda")
    a, b = (edit(each, drag(picture, subject=subject, motion="move")) for each in engines)
    np.testing.assert_allclose(a.handles, b.handles, atol=0.1)
    assert np.abs(a.image.astype(int) - b.image).mean() < 1
