"""The window while its engine process is killed, runs out of memory, fails or hangs: no work is lost.

Each test edits with the real window and a real process. Where a process has to be replaced often, one without
torch stands in (`faulty_engine --light`), as each would load it for seconds.
"""

import os
import random
import signal
import statistics
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from PySide6.QtCore import QEvent, Qt

from desktop.engine_process import Command
from desktop.limits import Limits
from desktop.window import MainWindow
from desktop.worker import EngineWorker
from engine import Engine
from tests.desktop.hands import flat, press, pull, send, settle
from tests.end_to_end.faulty_engine import ask_for, ask_for_nothing
from tests.end_to_end.test_window_tiers import FIRST, badge, choose, install, panel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc, sends signals, limits memory")

ROOT = Path(__file__).parents[2]
HOST = (sys.executable, "-m", "tests.end_to_end.faulty_engine")
PATIENCE = 60_000  # milliseconds: torch is imported by the first job of each process
KEPT, START, END = ((120, 90), (140, 80)), (200, 180), (230, 165)
BESIDE = (330, 250), (345, 240)
CONTROL = Qt.KeyboardModifier.ControlModifier
SLOW, SHORT, QUICK = 100, 10, 4  # denoising steps
KILLED = "The system ended the engine"
UNHURT = "Your document is untouched"


@pytest.fixture(autouse=True, scope="module")
def pliant_home(tmp_path_factory):
    """One home for all: the processes have read it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLIANT_HOME", str(home))
        patch.setenv("OMP_NUM_THREADS", "1")  # tiny networks lose by more
        install(home / "packs")
        yield home


class Program:
    """A window on an engine process that can be made to fail, and what it has said."""

    def __init__(self, *words, **limits):
        self.worker = EngineWorker(Command((*HOST, *words), ROOT), Limits(**limits))
        self.window = window = MainWindow(Engine(), self.worker)
        window.resize(1000, 700)
        window.show()
        self.qtbot = None  # of the test that runs
        self.said, self.shown, self.steps, self.calls = [], [], [], []
        self.killed_at = 0.0
        window.statusBar().messageChanged.connect(self.said.append)
        window.session.shown.connect(lambda *told: self.shown.append(told))
        window.session.stepped.connect(lambda step, _: self.steps.append(step))
        self.worker.ready.connect(lambda _: self.calls.append(time.monotonic()))

    @property
    def document(self):
        return self.window.document

    @property
    def tier(self):
        return self.window.session.engine_tier

    def close(self):
        settle(self.window)
        self.window.close()

    def wait(self, happens):
        self.qtbot.waitUntil(lambda: bool(happens()), timeout=PATIENCE)

    def has_said(self, words):
        return any(words in sentence for sentence in self.said)

    def key(self, key, modifiers=Qt.KeyboardModifier.NoModifier):
        press(self.qtbot, self.window, key, modifiers)

    def open(self, picture):
        """Open it, and keep a first edit."""
        ask_for_nothing()
        self.window.activateWindow()  # keys are for the window that was used last
        self.wait(self.window.isActiveWindow)
        if self.document is not None:
            self.window.workspace.canvas.cancel_gesture()  # of a test that has failed
            settle(self.window)
        with self.qtbot.waitSignal(self.window.filing.worker.opened):
            self.window.filing.open_path(picture)
        self.set_up("refine", QUICK)
        pull(self.window, *KEPT)
        self.wait(lambda: badge(self.window).startswith("Flow warp · Enter"))
        self.key(Qt.Key.Key_Return)
        assert len(self.document.layers) == 2

    def set_up(self, tier, steps):
        """Let the next edit run on a tier, and for so many steps."""
        run = panel(self.window)
        choose(run.fast.methods, FIRST if tier == "fast" else "Flow warp alone")
        choose(run.slow.methods, FIRST)
        form = (run.fast if tier == "fast" else run.slow)._form
        form.set_values({**form.values, "inference_steps": steps})
        form.changed.emit(form.values)

    def begin(self, tier):
        """Make a drag, and begin an edit of it."""
        for told in (self.said, self.shown, self.steps, self.calls):
            told.clear()
        pull(self.window, START, END)
        if tier == "refine":
            self.key(Qt.Key.Key_Return, CONTROL)

    @property
    def idle(self):
        return self.tier._refining is None and self.tier._quick is None

    def kill(self):
        os.kill(self.worker.pid, signal.SIGKILL)
        self.killed_at = time.monotonic()

    @property
    def content(self):
        """All that the document is, byte for byte, and its history."""
        state, stack = self.document.settled, self.document.undo_stack
        layers = [
            (layer.id, layer.name, layer.shown, layer.offset, layer.tiles.array().tobytes())
            for layer in state.layers
        ]
        texts = [stack.text(i) for i in range(stack.count())]
        return layers, state.active, state.instruction, flat(self.window).tobytes(), texts, stack.index()

    def is_as_it_was(self, before):
        """The document is untouched, the warp is shown, and it follows the pointer."""
        assert self.content == before
        assert badge(self.window).startswith("Flow warp"), "what the engine had so far has gone"
        assert panel(self.window).refine.isVisible() and panel(self.window).refine.isEnabled()
        seen = len(self.shown)
        send(self.window, QEvent.Type.MouseButtonPress, BESIDE[0])
        send(self.window, QEvent.Type.MouseMove, BESIDE[1])
        assert badge(self.window) == "Flow warp: preview"
        assert len(self.shown) > seen
        self.window.workspace.canvas.cancel_gesture()
        assert self.content == before

    def edits(self, tier, is_right):
        """The next edit of the same drag works; it is kept, and taken back together with the drag."""
        self.set_up(tier, QUICK)
        if tier == "refine":
            self.key(Qt.Key.Key_Return, CONTROL)
        self.wait(lambda: self.idle and badge(self.window) == f"{FIRST} · Enter keeps it as a layer")
        before, request = self.content, self.window.session.request()
        shown = flat(self.window).copy()
        self.key(Qt.Key.Key_Return)
        assert len(self.document.layers) == 3
        is_right(request, shown, flat(self.window))
        self.key(Qt.Key.Key_Z, CONTROL)
        assert self.content[:4] == before[:4]
        self.key(Qt.Key.Key_Z, CONTROL)
        assert not self.document.instruction.points


def is_negative(request, before, after):
    """What the light engine makes."""
    region = Engine().plan(request)
    whole, none = np.zeros(before.shape[:2], bool), np.ones(before.shape[:2], bool)
    whole[region.crop.slices] = region.mask == 255
    none[region.crop.slices] = region.mask == 0
    assert whole.any()
    assert np.array_equal(after[whole][:, :3], 255 - before[whole][:, :3])
    assert np.array_equal(after[none], before[none])


@pytest.fixture(scope="module")
def light_program(qapp, pliant_home):
    program = Program("--light", silence=1.5, opening=3, cancel=0.5, stuck=0.7)
    yield program
    program.close()


@pytest.fixture(scope="module")
def real_program(qapp, pliant_home):
    program = Program(cancel=0.5, stuck=1.5)
    yield program
    program.close()


@pytest.fixture
def picture(tmp_path, paint):
    PIL.Image.fromarray(paint(480, 360)[..., :3]).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.fixture
def light(qtbot, light_program, picture):
    light_program.qtbot = qtbot
    light_program.open(picture)
    return light_program


@pytest.fixture
def real(qtbot, real_program, picture):
    real_program.qtbot = qtbot
    real_program.open(picture)
    return real_program


# --- killed


STAGES = {"starting": 3, "loading": 3, "computing": 7, "transfer": 4, "idle": 3}  # how often each


class Kills:
    """Moments of a job at which its process is killed; each begins the job.

    Args:
        chance: draws the moment within its stage.
    """

    def __init__(self, program, chance):
        self._program, self._chance = program, chance

    def starting(self, tier):
        """Before the process has called, or just after."""
        program, pid = self._program, self._program.worker.pid
        program.kill()
        program.wait(lambda: program.worker.pid not in (None, pid))
        program.begin(tier)
        program.qtbot.wait(self._chance.randrange(250))
        program.kill()

    def loading(self, tier):
        program = self._program
        program.begin(tier)
        program.wait(lambda: any(step.phase == "Load" for step in program.steps))
        program.qtbot.wait(self._chance.randrange(90))
        program.kill()

    def computing(self, tier):
        program, after = self._program, self._chance.randrange(40)
        program.begin(tier)
        program.wait(lambda: any(step.phase == "Denoise" and step.done >= after for step in program.steps))
        program.kill()

    def transfer(self, tier):
        """Amid a picture that the process writes: a preview of a job on demand, or the answer."""
        ask_for("tear", self._chance.choice(("Load", "Denoise", "End")))
        self._program.begin(tier)

    def idle(self, tier):
        """Nothing runs, and the window does not know yet."""
        self._program.kill()
        self._program.begin(tier)


def test_killed_at_20_random_moments_the_document_is_intact_and_the_next_edit_works(light, record_property):
    chance, times, first = random.Random(20), [], light.content
    stages = [stage for stage, count in STAGES.items() for _ in range(count)]
    chance.shuffle(stages)
    light.begin("refine")
    light.edits("refine", is_negative)
    for stage in stages:
        tier, begun = chance.choice(("fast", "refine")), stage in ("loading", "computing", "transfer")
        light.set_up(tier, SLOW if stage in ("loading", "computing") else SHORT)
        getattr(Kills(light, chance), stage)(tier)
        before = light.content
        light.wait(lambda: light.has_said(KILLED) and light.has_said(UNHURT) and light.idle)
        if begun:
            light.is_as_it_was(before)
        assert light.content == before
        light.edits(tier, is_negative)
        if stage != "transfer":  # the process knows when it was
            times.append(light.calls[-1] - light.killed_at)
        assert light.content[:4] == first[:4], stage
    record_property("seconds from kill to a process that has called", statistics.median(times))
    walk_history(light, first)


def walk_history(program, kept):
    """Undo takes back the first edit too, and redo brings it again."""
    stack = program.document.undo_stack
    while stack.canUndo():
        stack.undo()
    assert len(program.document.layers) == 1
    while stack.index() < kept[-1]:
        stack.redo()
    assert program.content[:4] == kept[:4]


def engines():
    """The ids of the engine processes of this one that live."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            words = (path.parent / "cmdline").read_bytes()
            if state != "Z" and int(parent) == os.getpid() and b"faulty_engine" in words:
                found.add(int(path.parent.name))
    return found


@pytest.mark.parametrize(("tier", "wait"), [("refine", 0), ("fast", 3), ("refine", 40), ("fast", 300)])
def test_a_window_closed_as_its_engine_is_killed_leaves_no_process_and_no_files(qtbot, picture, tier, wait):
    others = engines()
    program = Program("--light")
    program.qtbot = qtbot
    program.open(picture)
    program.set_up(tier, SLOW)
    program.begin(tier)
    program.wait(lambda: program.steps)
    folder = program.worker._supervisor.folder.path
    assert len(engines() - others) == 1 and folder.exists()
    program.kill()
    if wait:  # the next process may be starting, or have called
        qtbot.wait(wait)
    program.close()
    assert not program.window.isVisible()
    program.wait(lambda: engines() <= others)
    assert not folder.exists()
    qtbot.wait(100)
    assert engines() <= others, "one that was being started"
    program.window.deleteLater()


# --- hung


@pytest.mark.parametrize(("at", "fault"), [("Denoise", "spin"), ("Load", "sleep")])
def test_an_edit_on_demand_that_hangs_is_told_and_can_be_stopped(light, at, fault):
    ask_for(fault, at)
    light.begin("refine")
    light.wait(lambda: light.has_said("made no progress"))
    before, pid = light.content, light.worker.pid
    light.key(Qt.Key.Key_Escape)
    light.wait(lambda: light.has_said("did not stop within") and light.idle)
    light.is_as_it_was(before)
    light.edits("refine", is_negative)
    assert light.worker.pid != pid


def test_a_fast_edit_that_hangs_is_told_and_gives_way_to_the_next(light):
    light.set_up("fast", QUICK)
    ask_for("spin", "Denoise")
    light.begin("fast")
    light.wait(lambda: light.has_said("made no progress"))
    light.is_as_it_was(light.content)
    light.edits("fast", is_negative)


@pytest.mark.parametrize(
    ("tier", "fault", "words"), [("fast", "deaf", "gave no sign"), ("refine", "device", "graphics device")]
)
def test_a_process_that_serves_no_more_is_replaced(light, tier, fault, words):
    light.set_up(tier, SHORT)
    ask_for(fault, "Denoise")
    light.begin(tier)
    before, pid = light.content, light.worker.pid
    light.wait(lambda: light.has_said(words) and light.has_said(UNHURT) and light.idle)
    light.is_as_it_was(before)
    light.edits(tier, is_negative)
    assert light.worker.pid != pid


# --- failures inside of the real networks


@pytest.fixture(scope="module")
def is_right(pliant_home):
    """Whether a kept edit is what the engine makes in this process."""
    engine, made = Engine(), []
    settings = engine.settings("instant_drag", "instant_drag", {"inference_steps": QUICK})

    def check(request, before, after):
        if not made:
            made.append((request.image, engine.edit("instant_drag", request, settings, "instant_drag").image))
        assert np.array_equal(request.image, made[0][0])
        assert np.abs(after.astype(int) - made[0][1]).max() <= 1
        assert not np.array_equal(after, before)

    return check


NO_MEMORY, UNEXPECTED = "Memory did not suffice", "Something unexpected failed"
FAULTS = [
    ("fast", "FlowGen", 0, "memory", NO_MEMORY),
    ("refine", "UNet2DConditionModel", 2, "gpu_memory", NO_MEMORY),
    ("fast", "UNet2DConditionModel", 1, "cpu_memory", NO_MEMORY),
    ("refine", "UNet2DConditionModel", 3, "bug", UNEXPECTED),
    ("fast", "Encoder", 0, "bug", UNEXPECTED),
    ("refine", "Decoder", 0, "memory", NO_MEMORY),
    ("refine", "UNet2DConditionModel", 1, "eat_tensors", NO_MEMORY),
    ("fast", "Decoder", 0, "eat_arrays", NO_MEMORY),
    ("refine", "FlowGen", 0, "eat_pictures", NO_MEMORY),
]


@pytest.mark.parametrize(("tier", "at", "after", "fault", "words"), FAULTS)
def test_a_network_that_fails_costs_the_edit_and_nothing_else(
    real, pliant_home, is_right, tier, at, after, fault, words
):
    real.set_up(tier, SHORT)
    ask_for(fault, at, after)
    real.begin(tier)
    before = real.content
    real.wait(lambda: real.has_said(words))
    assert real.idle
    real.is_as_it_was(before)
    pid = real.worker.pid
    real.edits(tier, is_right)
    assert real.worker.pid == pid, "nothing has to be loaded anew"
    if words == UNEXPECTED:
        assert "the bug of the test" in (pliant_home / "logs" / "engine.log").read_text()


def test_a_network_that_hangs_costs_the_process(real, is_right):
    ask_for("sleep", "UNet2DConditionModel", 2)
    real.begin("refine")
    real.wait(lambda: any(step.phase == "Denoise" for step in real.steps))
    real.said.clear()  # of loading
    real.wait(lambda: real.has_said("made no progress"))
    before, pid = real.content, real.worker.pid
    real.key(Qt.Key.Key_Escape)
    real.wait(lambda: real.has_said("did not stop within") and real.idle)
    real.is_as_it_was(before)
    real.edits("refine", is_right)
    assert real.worker.pid != pid
