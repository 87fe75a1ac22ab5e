"""The program as a user has it: a window on an X server, real X events, and what the screen then shows."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL.features
import PIL.Image
import pytest
from PIL import ImageGrab

ROOT = Path(__file__).parents[2]
PATIENCE_S = 15.0
PULL = 70  # pixels of the screen
RED, ORANGE = (200, 30, 40), (255, 176, 0)  # the thing in the picture; a handle


def lacking():
    """Why the test cannot run here, or None."""
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    if not sys.platform.startswith("linux"):
        return "X11 is looked for on Linux alone"
    if not PIL.features.check("xcb"):
        return "this Pillow cannot grab an X screen"
    import PySide6

    plugin = Path(PySide6.__file__).parent / "Qt" / "plugins" / "platforms" / "libqxcb.so"
    if not plugin.exists():
        return "this PySide6 has no xcb plugin"
    told = subprocess.run(["ldd", str(plugin)], capture_output=True, text=True, check=False).stdout
    missing = [line.split()[0] for line in told.splitlines() if "not found" in line]
    return f"the xcb plugin lacks {', '.join(missing)}" if missing else None


REASON = lacking()
pytestmark = pytest.mark.skipif(REASON is not None, reason=REASON or "")


class Place(NamedTuple):
    x: float
    y: float


class Screen:
    """One X server, what it shows, and the hand on its mouse and keyboard."""

    def __init__(self, display):
        self.display = display

    def do(self, *words):
        environment = {**os.environ, "DISPLAY": self.display}
        command = ["xdotool", *map(str, words)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=20, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def pixels(self):
        return np.asarray(ImageGrab.grab(xdisplay=self.display).convert("RGB")).astype(int)

    def near(self, colour, within=40):
        """Which pixels have about this colour."""
        return np.abs(self.pixels() - colour).max(-1) < within

    def thing(self):
        """The middle of the red thing, or None where there is none."""
        rows, columns = np.nonzero(self.near(RED))
        return Place(columns.mean(), rows.mean()) if len(rows) > 500 else None

    def until(self, what, condition):
        """Wait for something to be so; what it then is."""
        end = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            assert time.monotonic() < end, f"the screen never showed {what}"
            time.sleep(0.05)
        return found

    def at_rest(self):
        """Wait until the thing has stood still for a moment; where it stands."""
        before = None
        while (now := self.until("the thing", self.thing)) != before:
            before = now
            time.sleep(0.3)
        return now

    def moved_to(self, x):
        """Wait until the thing's middle stands about there."""
        self.until(f"the thing at {x:.0f}", lambda: (at := self.thing()) and abs(at.x - x) < 0.3 * PULL)


@pytest.fixture(scope="module")
def screen():
    """A server of our own on the first display that nobody has."""
    for number in range(91, 120):
        reading, writing = os.pipe()
        command = ["Xvfb", f":{number}", "-screen", "0", "1400x1000x24", "-nolisten", "tcp", "-displayfd"]
        server = subprocess.Popen(
            [*command, str(writing)], pass_fds=[writing], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        os.close(writing)
        with os.fdopen(reading) as ready:
            told = ready.readline().strip()
        if told:
            yield Screen(f":{told}")
            server.terminate()
            server.wait(10)
            return
        server.wait(10)
    pytest.skip("every display from 91 to 119 is taken")


@pytest.fixture
def program(screen, tmp_path):
    """The program on a grey picture with one red thing in it."""
    x, y = np.meshgrid(np.arange(900), np.arange(600))
    pixels = np.dstack([90 + x // 12 % 9, 100 + y // 12 % 9, 110 + (x + y) // 17 % 9]).astype(np.uint8)
    pixels[260:340, 400:480] = RED
    PIL.Image.fromarray(pixels).save(tmp_path / "picture.png")
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    home = tmp_path / "home"
    home.mkdir()
    (home / "window.ini").write_text("[General]\nfirst_hint_shown=true\n")  # which would lie over the picture
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("QT_", "XDG_"))}
    environment |= {
        "DISPLAY": screen.display,
        "QT_QPA_PLATFORM": "xcb",
        "PLIANT_HOME": str(home),
        "XDG_RUNTIME_DIR": str(runtime),
    }
    command = [sys.executable, "-m", "desktop", str(tmp_path / "picture.png")]
    with (tmp_path / "stderr").open("w") as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=stderr)
        yield process
        process.kill()
        process.wait()


def test_a_drag_with_real_events_follows_the_pointer_is_kept_and_taken_back(screen, program, tmp_path):
    screen.until("the picture", screen.thing)
    window = screen.do("search", "--onlyvisible", "--name", "Pliant").splitlines()[0]
    screen.do("windowfocus", "--sync", window)
    at = screen.at_rest()
    start = Place(round(at.x), round(at.y))
    area = np.s_[int(start.y) - 120 : int(start.y) + 120, int(start.x) - 160 : int(start.x) + 160]
    clean = screen.pixels()[area]

    screen.do("mousemove", start.x, start.y, "mousedown", 1)
    for part in (0.5, 1.0):
        for step in (0.25, 0.5, 0.75, 1.0):
            screen.do("mousemove", round(start.x + (part - 0.5 + 0.5 * step) * PULL), start.y)
        screen.moved_to(start.x + part * PULL)  # the button is still down
    screen.do("mouseup", 1)
    assert abs(screen.at_rest().x - start.x - PULL) < 0.3 * PULL
    assert screen.near(ORANGE)[area].sum() > 40, "the handle stays editable"

    screen.do("key", "Return")
    screen.until("no handle", lambda: screen.near(ORANGE)[area].sum() < 10)
    assert abs(screen.at_rest().x - start.x - PULL) < 0.3 * PULL
    assert "*" in screen.do("getwindowname", window)

    screen.do("key", "ctrl+z")
    screen.until("the handle again", lambda: screen.near(ORANGE)[area].sum() > 40)
    screen.do("key", "ctrl+z")
    screen.until("the picture as it was", lambda: (screen.pixels()[area] == clean).all())
    assert "*" not in screen.do("getwindowname", window)

    screen.do("key", "ctrl+q")
    assert program.wait(PATIENCE_S) == 0
    assert (tmp_path / "stderr").read_text() == ""
    assert "geometry" in (tmp_path / "home" / "window.ini").read_text()
