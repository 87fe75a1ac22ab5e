"""Engine: which settings count, what is refused, how an edit ends; equal requests give equal bytes."""

import gc
import random
import weakref
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from engine import METHODS, Engine
from engine.edit import Box, DragEdit, EditResult, Point, PointPair, TextEdit
from engine.errors import EngineError, InvalidRequest, ModelMissing, OutOfMemory
from engine.method import Method
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.packs import PackStore
from engine.progress import Cancelled, Progress
from engine.region import plan
from engine.runtime.open_packs import OpenPacks
from engine.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ActSettings(Settings):
    amount: int = setting(5, 0, 9, help="How much")


class Act:
    """An editor that does what a test tells it."""

    def __init__(self, edit):
        self._edit = edit

    def edit(self, request, settings, progress):
        return self._edit(request, settings, progress)


@pytest.fixture
def act(monkeypatch):
    """act(edit, **changes): register a method “act” that edits by a function; returns the list of builds."""

    def register(edit, **changes):
        built = []

        def build(components):
            built.append(components)
            return Act(edit)

        declared = {
            "name": "act",
            "title": "Act",
            "request": DragEdit,
            "settings": ActSettings,
            "roles": frozenset(),
            "build": build,
        }
        monkeypatch.setitem(METHODS, "act", Method(**{**declared, **changes}))
        return built

    return register


@pytest.fixture
def packs(tmp_path):
    """packs(name, role, **methods): a pack in a store of its own, with recommended settings; the store."""

    def pack(name="small", role="unet", **methods):
        folder = tmp_path / "user" / name
        (folder / role).mkdir(parents=True)
        save_file({"w": np.zeros(3, np.float32)}, folder / role / "model.safetensors")
        lines = [f'name = "{name}"', f'title = "{name.title()}"', 'licence = "CC0-1.0"', "working_size = 64"]
        lines += [f"[components.{role}]", f'kind = "{role}"', f'path = "{role}"']
        for method, values in methods.items():
            lines += [f"[methods.{method}]", *(f"{key} = {value}" for key, value in values.items())]
        (folder / "pack.toml").write_text("\n".join(lines))
        (tmp_path / "packs").mkdir(exist_ok=True)
        return PackStore(tmp_path / "packs", tmp_path / "user")

    return pack


def drag(image, *ends, **changes):
    ends = ends or ((150, 120, 180, 130),)
    points = tuple(PointPair(Point(*pair[:2]), Point(*pair[2:])) for pair in ends)
    return DragEdit(**{"image": image, "points": points, **changes})


def inverted(request, settings, progress):
    return EditResult(
        image=255 - request.image,
        region=Box(0, 0, *request.size),
        handles=tuple(pair.target for pair in request.points),
    )


# --- settings


def test_the_paper_gives_way_to_the_pack_and_the_pack_to_the_user(packs):
    engine = Engine(store=packs(flow_warp={"stiffness": 0.2, "fill": '"smooth"'}))
    paper = engine.settings("flow_warp")
    assert paper == FlowWarpSettings()
    assert engine.settings("flow_warp", "small") == FlowWarpSettings(stiffness=0.2, fill="smooth")
    chosen = engine.settings("flow_warp", "small", {"stiffness": 0.9})
    assert chosen == FlowWarpSettings(stiffness=0.9, fill="smooth")
    assert engine.settings("flow_warp", None, {"stiffness": 0.9}) == FlowWarpSettings(stiffness=0.9)


def test_an_edit_takes_the_packs_settings_where_none_are_given(act, packs, picture):
    seen = []
    act(lambda request, settings, progress: seen.append(settings) or inverted(request, settings, progress))
    engine = Engine(store=packs(act={"amount": 7}))
    engine.edit("act", drag(picture))
    engine.edit("act", drag(picture), pack="small")
    engine.edit("act", drag(picture), ActSettings(amount=1), pack="small")
    assert [settings.amount for settings in seen] == [5, 7, 1]


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"stiff": 1}, "“stiff”; it has stiffness"),
        ({"stiffness": 1.5}, "0 to 1, not 1.5"),
        ({"stiffness": "0.5"}, "stiffness takes"),
        ({"fill": "magic"}, "texture, smooth"),
    ],
)
def test_settings_that_do_not_fit_are_refused(chosen, words):
    with pytest.raises(InvalidRequest, match=words):
        Engine().settings("flow_warp", None, chosen)


@pytest.mark.parametrize("recommended", [{"stiff": 1}, {"stiffness": 7}])
def test_a_packs_settings_are_checked_too(packs, recommended):
    with pytest.raises(EngineError, match="stiff"):
        Engine(store=packs(flow_warp=recommended)).settings("flow_warp", "small")


# --- what is refused


def test_an_unknown_method_is_refused_with_the_known_ones(picture):
    with pytest.raises(InvalidRequest, match=r"“magic”.*flow_warp"):
        Engine().edit("magic", drag(picture))


def test_a_request_of_another_kind_is_refused(picture):
    with pytest.raises(InvalidRequest, match="Flow warp cannot answer a TextEdit"):
        Engine().edit("flow_warp", TextEdit(image=picture, prompt="a bird"))


def test_settings_of_another_method_are_refused(picture):
    with pytest.raises(InvalidRequest, match="FlowWarpSettings, not ActSettings"):
        Engine().edit("flow_warp", drag(picture), ActSettings())


@pytest.mark.parametrize("device", ["gpu", ""])
def test_an_unknown_device_is_refused(picture, device):
    with pytest.raises(InvalidRequest, match="no device"):
        Engine(device).edit("flow_warp", drag(picture))


def test_an_absent_pack_is_told(picture):
    with pytest.raises(ModelMissing, match="“nowhere”"):
        Engine().edit("flow_warp", drag(picture), pack="nowhere")


def test_a_method_gets_a_pack_that_fills_its_roles_or_none_runs(act, packs, picture):
    built = act(inverted, roles=frozenset({"unet"}))
    engine = Engine("cpu", packs())
    with pytest.raises(ModelMissing, match="Act runs on a pack"):
        engine.edit("act", drag(picture))
    packs("other", role="vae")
    with pytest.raises(ModelMissing, match=r"Act needs unet.*“Other”"):
        engine.edit("act", drag(picture), pack="other")
    assert built == []
    engine.edit("act", drag(picture), pack="small")
    (components,) = built
    assert components.pack is engine.pack("small")
    assert components.device == "cpu"


def test_a_pack_is_opened_once(packs, monkeypatch):
    store = packs()
    opened, real = [], store.open
    monkeypatch.setattr(store, "open", lambda name: opened.append(name) or real(name))
    engine = Engine(store=store)
    assert engine.pack("small") is engine.pack("small")
    assert opened == ["small"]


def test_a_method_that_answers_with_another_size_is_refused(act, picture):
    act(lambda request, *_: EditResult(image=request.image[1:], region=Box(0, 0, 1, 1)))
    with pytest.raises(InvalidRequest, match="for a crop of"):
        Engine().edit("act", drag(picture))


# --- editors, results


def test_editors_are_kept_by_method_and_pack(act, packs, picture):
    built = act(inverted)
    engine = Engine(store=packs())
    for pack in (None, None, "small", None, "small"):
        engine.edit("act", drag(picture), pack=pack)
    assert [components.pack and components.pack.name for components in built] == [None, "small"]
    Engine().edit("act", drag(picture))
    assert len(built) == 3


def test_an_edit_may_name_its_device_and_what_means_the_same_is_the_same(act, packs, picture, monkeypatch):
    monkeypatch.setattr(
        "engine.engine.resolve_device", lambda name, networks: {"auto": "cuda"}.get(name, name)
    )
    monkeypatch.setattr("engine.runtime.open_packs.free_cached_memory", lambda device: None)
    monkeypatch.setattr("engine.runtime.open_packs.total_memory", lambda device: 0)
    built = act(inverted, roles=frozenset({"unet"}))
    engine = Engine(store=packs())
    for device in (None, "cuda", "auto", "cpu", "cpu", "cuda"):
        engine.edit("act", drag(picture), pack="small", device=device)
        engine.find_subject(drag(picture, motion="move"))
        engine.edit("flow_warp", drag(picture), device="cpu")
    assert [components.device for components in built] == ["cuda", "cpu", "cuda"]


def test_a_result_is_in_the_pictures_coordinates(act, picture):
    act(inverted)
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[100:160, 130:220] = 255
    result = Engine().edit("act", drag(picture, mask=mask))
    assert result.region == Box(130, 100, 220, 160)
    assert result.handles == (Point(180, 130),)
    assert not result.partial
    assert np.array_equal(result.image[mask > 0], 255 - picture[mask > 0])
    assert np.array_equal(result.image[mask == 0], picture[mask == 0])


def test_a_result_is_read_only_and_the_picture_is_not_touched(picture):
    before = picture.copy()
    result = Engine().edit("flow_warp", drag(picture))
    assert not np.array_equal(result.image, picture)
    assert np.array_equal(picture, before)
    assert not np.shares_memory(result.image, picture)
    with pytest.raises(ValueError, match="read-only"):
        result.image[0, 0] = 0


def test_seconds_are_told_by_phase(picture):
    timings = Engine().edit("flow_warp", drag(picture)).timings
    assert {"Plan", "Warp", "Fill"} <= set(timings)
    assert all(seconds >= 0 for seconds in timings.values())


def test_plan_tells_what_an_edit_would_change(picture):
    request = drag(picture)
    assert Engine().plan(request).box == Engine().edit("flow_warp", request).region


# --- cancelling


class Switch:
    """Cancels after so many polls."""

    def __init__(self, polls):
        self.polls = polls

    def __call__(self):
        self.polls -= 1
        return self.polls < 0


def in_three_steps(request, settings, progress):
    def painted(grey):
        image = np.full_like(request.image, grey)
        return EditResult(image=image, region=Box(0, 0, *request.size), handles=(request.points[0].handle,))

    for step in progress.track("Work", range(3)):
        progress.checkpoint(partial(painted, 50 * (step + 1)))
    return painted(150)


@pytest.mark.parametrize("polls", [0, 1], ids=["before the plan", "before the work"])
def test_cancelled_before_a_checkpoint_there_is_nothing(act, picture, polls):
    act(in_three_steps)
    with pytest.raises(Cancelled):
        Engine().edit("act", drag(picture), progress=Progress(is_cancelled=Switch(polls)))


@pytest.mark.parametrize(("polls", "grey"), [(2, 50), (3, 100)])
def test_cancelled_after_a_checkpoint_the_result_is_partial(act, picture, polls, grey):
    act(in_three_steps)
    request = drag(picture)
    result = Engine().edit("act", request, progress=Progress(is_cancelled=Switch(polls)))
    assert result.partial
    assert (result.image[120, 150] == grey).all()
    assert result.handles == (Point(150, 120),)
    crop, box = plan(request).crop, plan(request).box
    assert result.region == box
    outside = np.ones(picture.shape[:2], bool)
    outside[crop.slices] = plan(request).mask == 0
    assert np.array_equal(result.image[outside], picture[outside])


def test_cancelled_after_the_last_step_it_is_done(act, picture):
    act(in_three_steps)
    assert not Engine().edit("act", drag(picture), progress=Progress(is_cancelled=Switch(4))).partial


@pytest.mark.parametrize("motion", ["deform", "move"])
def test_flow_warp_can_be_cancelled_at_every_phase(picture, motion):
    """After the warp there is a checkpoint: the warped picture, its gaps filled coarsely."""
    request = drag(picture, motion=motion)
    ends = []
    while "done" not in ends:
        try:
            result = Engine().edit("flow_warp", request, progress=Progress(is_cancelled=Switch(len(ends))))
        except Cancelled:
            ends.append("cancelled")
        else:
            ends.append("partial" if result.partial else "done")
            assert not np.array_equal(result.image, picture)
    assert ends == sorted(ends, key=("cancelled", "partial", "done").index)
    assert ends.count("cancelled") >= 4  # before the plan, the warp, its parts and its tile
    assert ends.count("partial") >= 1


@pytest.mark.parametrize("motion", ["deform", "move"])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_a_large_warp_is_cancelled_between_its_tiles(paint, motion, alpha):
    image = paint(1600, 1400, alpha=alpha)
    whole = np.full(image.shape[:2], 255, np.uint8)
    request = drag(image, (800, 700, 820, 710), mask=whole, subject=whole, motion=motion)
    with pytest.raises(Cancelled):  # before the second tile; of a smaller picture there would be a result
        Engine().edit("flow_warp", request, progress=Progress(is_cancelled=Switch(4)))


def test_after_a_cancelled_edit_the_next_one_is_whole(picture):
    engine, request = Engine(), drag(picture)
    expected = engine.edit("flow_warp", request).image
    engine.edit("flow_warp", request, progress=Progress(is_cancelled=Switch(4)))
    assert np.array_equal(engine.edit("flow_warp", request).image, expected)


# --- failures


def raising(error):
    def edit(request, settings, progress):
        raise error

    return edit


def opencv_error(code):
    error = cv2.error("Failed to allocate 4398046511104 bytes")
    error.code = code
    return error


@pytest.mark.parametrize("error", [MemoryError(), opencv_error(cv2.Error.StsNoMem)], ids=["Python", "OpenCV"])
def test_too_little_memory_is_told_with_the_pictures_size(act, picture, error):
    act(raising(error))
    with pytest.raises(OutOfMemory, match="320 × 240"):
        Engine().edit("act", drag(picture))


class Crowded:
    """An editor whose edits find no room while a second pack is loaded, or ever."""

    def __init__(self, components, others, always):
        components.load("unet", object, loaders={"unet": lambda *_: torch.nn.Linear(9, 9)})
        self.others, self.always, self.runs = others, always, 0
        others.append(weakref.ref(self))

    def edit(self, request, settings, progress):
        self.runs += 1
        if self.always or sum(other() is not None for other in self.others) > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        return inverted(request, settings, progress)


@pytest.mark.parametrize("always", [False, True])
def test_where_memory_does_not_suffice_other_packs_go_and_it_is_tried_once_more(act, packs, picture, always):
    editors = []
    act(
        inverted,
        roles=frozenset({"unet"}),
        build=lambda components: Crowded(components, editors, always and components.pack.name == "other"),
    )
    packs("other")
    engine = Engine("cpu", packs(), OpenPacks(room=lambda device: 2**30))
    engine.edit("act", drag(picture), pack="small")
    if always:
        with pytest.raises(OutOfMemory, match="320 × 240"):
            engine.edit("act", drag(picture), pack="other")
    else:
        result = engine.edit("act", drag(picture), pack="other")
        assert np.array_equal(result.image[120, 150], 255 - picture[120, 150])
    gc.collect()
    small, other = (editor() for editor in editors)
    assert small is None
    assert other.runs == 2
    if always:  # nothing is left to close
        with pytest.raises(OutOfMemory):
            engine.edit("act", drag(picture), pack="other")
        assert other.runs == 3


def test_too_little_memory_for_building_is_told_too(act, picture):
    def build(components):
        raise MemoryError

    act(inverted, build=build)
    with pytest.raises(OutOfMemory):
        Engine().edit("act", drag(picture))


def test_opencvs_own_refusal_to_allocate_is_recognised(act, picture, monkeypatch):
    with pytest.raises(cv2.error) as caught:
        cv2.resize(np.zeros((2, 2), np.uint8), (2**31 - 1, 2**31 - 1))
    if caught.value.code != cv2.Error.StsNoMem:
        pytest.skip("this OpenCV refuses such a size before it allocates")
    act(raising(caught.value))
    with pytest.raises(OutOfMemory):
        Engine().edit("act", drag(picture))


@pytest.mark.parametrize(
    "error", [opencv_error(cv2.Error.StsBadArg), ZeroDivisionError()], ids=["OpenCV", "Python"]
)
def test_a_bug_comes_out_as_it_is(act, picture, error):
    act(raising(error))
    with pytest.raises(type(error)) as caught:
        Engine().edit("act", drag(picture))
    assert caught.value is error


# --- determinism


REQUESTS = {
    "deform": {},
    "deform across": {"ends": ((150, 120, 180, 130), (180, 130, 150, 120), (60, 60, 60, 90))},
    "move a guessed subject": {"motion": "move"},
    "move a subject": {"motion": "move", "subject": True},
    "masked": {"mask": True, "pins": (Point(140, 140),)},
}


def request_for(name, image):
    changes = dict(REQUESTS[name])
    disc = cv2.circle(np.zeros(image.shape[:2], np.uint8), (150, 120), 40, 255, -1)
    changes.update({key: disc for key in ("subject", "mask") if changes.get(key)})
    return drag(image, *changes.pop("ends", ()), **changes)


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
def test_the_same_request_gives_the_same_bytes(name, alpha, picture, clear_picture):
    image = clear_picture if alpha else picture
    engine = Engine()
    first = engine.edit("flow_warp", request_for(name, image))
    engine.edit("flow_warp", request_for("move a guessed subject", picture[::-1].copy()))
    again = engine.edit("flow_warp", request_for(name, image.copy()))
    fresh = Engine().edit("flow_warp", request_for(name, image))
    assert first.image.tobytes() == again.image.tobytes() == fresh.image.tobytes()
    assert first.handles == again.handles == fresh.handles


@pytest.mark.parametrize("name", REQUESTS)
def test_an_edit_leaves_the_global_generators_alone(name, picture):
    np.random.seed(5)  # noqa: NPY002
    cv2.setRNGSeed(5)
    state, words = random.getstate(), np.random.get_state()  # noqa: NPY002
    Engine().edit("flow_warp", request_for(name, picture))
    assert random.getstate() == state
    after = np.random.get_state()  # noqa: NPY002
    assert words[0] == after[0]
    assert np.array_equal(words[1], after[1])
    assert words[2:] == after[2:]


def test_the_generators_state_does_not_change_an_edit(picture):
    images = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        cv2.setRNGSeed(seed)
        images.append(Engine().edit("flow_warp", request_for("move a guessed subject", picture)).image)
    assert np.array_equal(*images)


class Seeker(Act):
    """Finds everything to move, at the second attempt."""

    def __init__(self, components, runs):
        super().__init__(inverted)
        components.load("unet", object, loaders={"unet": lambda *_: torch.nn.Linear(9, 9)})
        self._runs = runs

    def find_subject(self, request, progress):
        self._runs.append(progress.timings)
        with progress.phase("Subject"):
            progress.count("FlowGen", 1)
        if len(self._runs) == 1:
            raise MemoryError
        return np.full(request.image.shape[:2], 255, np.uint8)


@pytest.mark.parametrize("ask", ["find_subject", "prepare"])
def test_a_search_for_which_memory_does_not_suffice_is_made_once_more_too(act, packs, picture, ask):
    runs = []
    act(
        inverted,
        roles=frozenset({"unet"}),
        build=lambda components: Seeker(components, runs),
        finds_subject=lambda pack: True,
    )
    packs("other")
    engine = Engine("cpu", packs(), OpenPacks(room=lambda device: 2**30))
    engine.edit("act", drag(picture), pack="other")
    progress = Progress()
    if ask == "prepare":
        found = engine.prepare("act", drag(picture), "small", progress).subject
    else:
        found = engine.find_subject(drag(picture), "act", "small", progress)
    assert (found == 255).all()
    assert runs == [{}, {}], "it begins anew"
    assert progress.evaluations == {"FlowGen": 1}
    runs.clear()
    with pytest.raises(OutOfMemory, match="320 × 240"):  # nothing is left to close
        engine.find_subject(drag(picture), "act", "small")


# --- what is worked out beforehand


class Ready(Act):
    """An editor that notes what it shall prepare for."""

    def __init__(self, noted):
        super().__init__(inverted)
        self._noted = noted

    def prepare(self, request, settings, progress):
        with progress.phase("Adapt"):
            self._noted.append((request, settings))


def test_what_is_prepared_is_what_the_edit_will_see(act, picture):
    prepared, edited = [], []

    def edit(request, settings, progress):
        edited.append((request, settings))
        return inverted(request, settings, progress)

    act(edit)
    request, engine = drag(picture, motion="move"), Engine()
    engine.edit("act", request, ActSettings(amount=7))
    act(inverted, build=lambda components: Ready(prepared))
    told = []
    engine = Engine()
    engine.warm_up("act", request, ActSettings(amount=7), progress=Progress(told.append))
    ((before, chosen),), ((after, same),) = prepared, edited
    assert chosen == same == ActSettings(amount=7)
    for name in ("image", "mask", "subject"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
    assert before.points == after.points
    assert {step.phase for step in told} == {"Plan", "Adapt"}


def test_where_nothing_can_be_prepared_the_pack_is_opened_at_least(act, packs, picture):
    built = act(inverted, roles=frozenset({"unet"}))
    engine = Engine(store=packs(act={"amount": 3}))
    engine.warm_up("act", drag(picture), pack="small")
    assert len(built) == 1
    engine.edit("act", drag(picture), pack="small")
    assert len(built) == 1, "it stays open"


def test_preparing_is_refused_as_an_edit_is_and_can_be_interrupted(act, picture):
    act(inverted, build=lambda components: Ready([]))
    with pytest.raises(InvalidRequest, match="cannot answer a TextEdit"):
        Engine().warm_up("act", TextEdit(image=picture, prompt="a bird"))
    with pytest.raises(InvalidRequest, match="takes ActSettings"):
        Engine().warm_up("act", drag(picture), FlowWarpSettings())
    with pytest.raises(Cancelled):
        Engine().warm_up("act", drag(picture), progress=Progress(is_cancelled=lambda: True))
