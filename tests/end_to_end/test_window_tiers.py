"""The window with a real engine process and InstantDrag on tiny random networks, from pull to kept layer."""

import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QProgressBar, QPushButton

from desktop.panels.run_panel import RunPanel
from desktop.window import MainWindow
from engine import Engine
from tests.desktop.hands import flat, press, pull, send, settle
from tests.engine.methods.instant_drag.tiny_pack import write_flowgen, write_packs

MANIFESTS = Path(__file__).parents[2] / "resources" / "packs"
SMALL = 64  # pixels of the working size
LOADING = 60_000  # milliseconds: torch is imported by the first job of each engine process
PATIENCE = 20_000
START, END, ELSEWHERE = (200, 180), (230, 165), (215, 200)
CONTROL = Qt.KeyboardModifier.ControlModifier
FIRST, SECOND = "InstantDrag", "InstantDrag · Second"  # a pack titled as the method needs no second word

SECOND_MANIFEST = """
name = "second"
title = "Second"
licence = "none"
working_size = 48
extends = "instant_drag"

[components.flowgen]
kind = "flowgen"
path = "other.safetensors"

[methods.instant_drag]
inference_steps = 6
"""


def install(packs):
    """The published packs as a user puts them in place, at a smaller working size; and one that extends."""
    write_packs(packs)
    manifest = (MANIFESTS / "instant_drag.toml").read_text(encoding="utf-8")
    assert "working_size = 512" in manifest
    manifest = manifest.replace("working_size = 512", f"working_size = {SMALL}")
    own = manifest.replace('path = "instant_drag/', 'path = "')  # beside the manifest
    (packs / "instant_drag" / "pack.toml").write_text(own, encoding="utf-8")
    (packs / "second").mkdir()
    (packs / "second" / "pack.toml").write_text(SECOND_MANIFEST, encoding="utf-8")
    write_flowgen(packs / "second" / "other.safetensors", seed=8)


@pytest.fixture(autouse=True, scope="module")
def pliant_home(tmp_path_factory):
    """One home for all of these tests: the engine process that they share has read it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLIANT_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")  # tiny networks lose by more
        yield home


@pytest.fixture(scope="module")
def packs(pliant_home):
    install(pliant_home / "packs")
    return pliant_home / "packs"


@pytest.fixture(scope="module")
def program(qapp, packs):
    """One window for all: every engine process imports torch, which takes seconds."""
    shown = MainWindow(Engine())
    shown.resize(1000, 700)
    shown.show()
    shown.start_engine()
    yield shown
    settle(shown)
    shown.close()
    shown.deleteLater()


@pytest.fixture
def window(qtbot, program, packs, tmp_path, paint):
    """The window on a picture nobody has touched, with the first pack chosen for both tiers."""
    PIL.Image.fromarray(paint(480, 360)[..., :3]).save(tmp_path / "picture.png")
    if program.document is not None:
        program.workspace.canvas.cancel_gesture()  # of a test that has failed
        settle(program)
    with qtbot.waitSignal(program.filing.worker.opened):
        program.filing.open_path(tmp_path / "picture.png")
    for pack in (SECOND, FIRST):  # and back to the settings that go with it
        choose(panel(program).fast.methods, pack)
        choose(panel(program).slow.methods, pack)
    panel(program).device.setCurrentIndex(0)
    program.statusBar().clearMessage()
    return program


def panel(window):
    return window.findChild(RunPanel)


def choose(box, text):
    index = box.findText(text)
    assert index >= 0, f"{text} is not offered, but {[box.itemText(i) for i in range(box.count())]}"
    box.setCurrentIndex(index)


def badge(window):
    label = window.workspace.badge
    return label.text() if label.isVisible() else ""


def told(window):
    return window.statusBar().currentMessage()


def rest(window, place):
    """Press at the start and pull to a place, without letting go."""
    send(window, QEvent.Type.MouseButtonPress, START)
    for part in (0.4, 0.8, 1):
        send(window, QEvent.Type.MouseMove, tuple(np.add(START, part * np.subtract(place, START))))


def wait_for(qtbot, window, words):
    qtbot.waitUntil(
        lambda: badge(window).startswith(words) and "preview" not in badge(window), timeout=LOADING
    )


def results(window):
    seen = []
    window.session.finished.connect(seen.append)
    return seen


def slow_down(window):
    """Let an edit on demand take as long as one can."""
    panel(window).slow._form.set_values({"inference_steps": 100})


def denoising(qtbot, window):
    """Wait until the edit on demand has told of a step in the midst of it."""
    bar = panel(window).foot.findChild(QProgressBar)
    qtbot.waitUntil(lambda: bar.isVisible() and bar.text().startswith("Denoising"), timeout=LOADING)
    return bar


def test_the_panel_offers_each_pack_by_its_title(window):
    run = panel(window)
    fast = [run.fast.methods.itemText(i) for i in range(run.fast.methods.count())]
    fast = [title for title in fast if "Starter" not in title]  # which is shipped
    assert run.isVisible()
    assert fast == ["Flow warp alone", FIRST, SECOND]
    slow = [run.slow.methods.itemText(i) for i in range(run.slow.methods.count())]
    assert [title for title in slow if title in fast] == fast[1:]
    assert {"GoodDrag · Stable Diffusion 1.5", "DragDiffusion · Stable Diffusion 1.5"} <= set(slow)
    assert run.slow.choice.settings["inference_steps"] == 20
    choose(run.slow.methods, SECOND)
    assert run.slow.choice.settings["inference_steps"] == 6, "as the pack recommends"


def test_a_rest_of_the_pointer_shows_what_enter_then_keeps(qtbot, window):
    before = flat(window).copy()
    seen = results(window)
    rest(window, END)
    assert badge(window) == "Flow warp: preview"
    wait_for(qtbot, window, "InstantDrag")
    assert window.document.undo_stack.count() == 0, "the button is still down"
    assert np.array_equal(flat(window), before), "what is shown is not the document"
    send(window, QEvent.Type.MouseButtonRelease, END)
    region = Engine().plan(window.session.request())
    press(qtbot, window, Qt.Key.Key_Return)
    after, answer = flat(window), seen[-1].image
    may = np.zeros(before.shape[:2], bool)
    may[region.crop.slices] = region.mask > 0
    assert np.array_equal(after, answer)
    assert np.array_equal(after[~may], before[~may])
    assert not np.array_equal(after[may], before[may])
    made = window.document.active_layer.provenance
    assert (made["method"], made["pack"], made["inference_steps"]) == ("instant_drag", "instant_drag", 20)
    assert badge(window) == ""
    press(qtbot, window, Qt.Key.Key_Z, CONTROL)
    assert badge(window) == "Flow warp: preview", "the drag is back, and so is what it does"
    assert np.array_equal(flat(window), before)
    assert len(window.document.instruction.points) == 1


def test_moving_on_goes_back_to_the_warp_and_a_later_rest_is_answered_anew(qtbot, window):
    rest(window, END)
    wait_for(qtbot, window, "InstantDrag")
    send(window, QEvent.Type.MouseMove, ELSEWHERE)
    assert badge(window) == "Flow warp: preview"
    seen = results(window)
    wait_for(qtbot, window, "InstantDrag")
    assert len(seen) == 1
    send(window, QEvent.Type.MouseButtonRelease, ELSEWHERE)


def test_refining_shows_how_far_it_is_and_escape_stops_it(qtbot, window):
    choose(panel(window).fast.methods, "Flow warp alone")
    slow_down(window)
    with qtbot.waitSignal(window.session.finished):
        pull(window, START, END)
    before, seen = flat(window).copy(), results(window)
    press(qtbot, window, Qt.Key.Key_Return, CONTROL)
    bar = denoising(qtbot, window)
    assert bar.maximum() == 100
    stop = next(button for button in panel(window).foot.findChildren(QPushButton) if button.text() == "Stop")
    assert stop.isVisible() and not panel(window).refine.isVisible()
    press(qtbot, window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not bar.isVisible(), timeout=PATIENCE)
    assert panel(window).refine.isVisible()
    assert seen[-1].partial
    assert "stopped early" in badge(window)
    assert window.document.instruction.points, "the drags stay"
    assert np.array_equal(flat(window), before)
    press(qtbot, window, Qt.Key.Key_Return)
    assert np.array_equal(flat(window), seen[-1].image)


def test_refining_to_the_end_shows_its_picture(qtbot, window):
    choose(panel(window).fast.methods, "Flow warp alone")
    with qtbot.waitSignal(window.session.finished):
        pull(window, START, END)
    assert badge(window).startswith("Flow warp")
    press(qtbot, window, Qt.Key.Key_Return, CONTROL)
    wait_for(qtbot, window, "InstantDrag")
    press(qtbot, window, Qt.Key.Key_Return)
    assert window.document.active_layer.provenance["method"] == "instant_drag"


def test_method_pack_and_device_change_without_a_new_process(qtbot, window):
    rest(window, END)
    wait_for(qtbot, window, "InstantDrag")
    send(window, QEvent.Type.MouseButtonRelease, END)
    pid, run, pictures = window.worker.pid, panel(window), []
    seen = results(window)

    def take(words):
        wait_for(qtbot, window, words)
        pictures.append(seen[-1].image)

    choose(run.fast.methods, SECOND)
    assert badge(window) == "Flow warp: preview", "what the first pack made is not what Enter would keep"
    take("InstantDrag")
    choose(run.fast.methods, "Flow warp alone")
    take("Flow warp")
    choose(run.fast.methods, FIRST)
    take("InstantDrag")
    run.device.setCurrentIndex(run.device.findData("cpu"))
    take("InstantDrag")
    second, warp, first, on_cpu = pictures
    assert window.worker.pid == pid
    assert not np.array_equal(second, first)
    assert not np.array_equal(warp, first)
    assert np.array_equal(first, on_cpu)


def test_a_device_that_is_not_there_is_named(qtbot, window):
    if torch.cuda.is_available():
        pytest.skip("there is an NVIDIA GPU")
    panel(window).device.setCurrentIndex(panel(window).device.findData("cuda"))
    with qtbot.waitSignal(window.session.finished):
        pull(window, START, END)
    qtbot.waitUntil(lambda: "no NVIDIA GPU" in told(window), timeout=LOADING)
    assert badge(window).startswith("Flow warp · Enter")


def test_another_picture_hears_nothing_of_an_edit_of_the_one_before(qtbot, window, tmp_path):
    slow_down(window)
    with qtbot.waitSignal(window.session.finished):
        pull(window, START, END)
    press(qtbot, window, Qt.Key.Key_Return, CONTROL)
    bar, seen = denoising(qtbot, window), results(window)
    settle(window)
    with qtbot.waitSignal(window.filing.worker.opened):
        window.filing.open_path(tmp_path / "picture.png")
    hints = []
    window.session.hint.connect(hints.append)
    assert not bar.isVisible()
    assert badge(window) == ""
    rest(window, END)
    wait_for(qtbot, window, "InstantDrag")
    assert [result.partial for result in seen] == [False]
    assert not [hint for hint in hints if "undo" in hint]
    send(window, QEvent.Type.MouseButtonRelease, END)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGKILL")
def test_a_killed_engine_costs_the_edit_and_nothing_else(qtbot, window):
    choose(panel(window).fast.methods, "Flow warp alone")
    slow_down(window)
    with qtbot.waitSignal(window.session.finished):
        pull(window, START, END)
    before, state = flat(window).copy(), window.document.settled
    press(qtbot, window, Qt.Key.Key_Return, CONTROL)
    denoising(qtbot, window)
    pid = window.worker.pid
    os.kill(pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: "Your document is untouched" in told(window), timeout=PATIENCE)
    assert badge(window).startswith("Flow warp · Enter"), "its picture on the way has gone"
    assert window.document.settled is state
    assert np.array_equal(flat(window), before)
    assert panel(window).refine.isVisible()
    choose(panel(window).fast.methods, FIRST)
    wait_for(qtbot, window, "InstantDrag")
    assert window.worker.pid not in (None, pid)


def test_weights_that_have_gone_are_named_and_the_warp_stays(qtbot, window, packs):
    choose(panel(window).fast.methods, "Flow warp alone")
    with qtbot.waitSignal(window.session.finished):
        pull(window, START, END)
    missing = packs / "instant_drag" / "flowdiffusion" / "unet" / "diffusion_pytorch_model.safetensors"
    kept = packs / "kept"
    shutil.move(missing, kept)
    try:
        window.worker.restart()  # what is loaded already would do without its file
        choose(panel(window).fast.methods, FIRST)
        qtbot.waitUntil(lambda: str(missing) in told(window), timeout=LOADING)
        assert told(window).startswith("The pack “InstantDrag” cannot be used")
        assert badge(window).startswith("Flow warp · Enter")
    finally:
        shutil.move(kept, missing)
    press(qtbot, window, Qt.Key.Key_Return)
    assert window.document.active_layer.provenance["method"] == "flow_warp"
