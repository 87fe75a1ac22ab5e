"""The program's start: a window for each picture, or a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QProcess

from desktop import app

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(monkeypatch):
    """Where each process would have been started, in place of starting it."""
    seen = []
    monkeypatch.setattr(QProcess, "startDetached", lambda *words: (seen.append(words), (True, 7))[1])
    return seen


def test_each_further_picture_gets_a_process_of_its_own(started, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    app.open_apart(["b.jpg", "edit", "-x.png"])
    assert started == [
        (sys.executable, ["-m", "desktop", str(tmp_path / name)], str(ROOT))
        for name in ("b.jpg", "edit", "-x.png")
    ]


def test_a_frozen_program_starts_itself(started, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    app.open_apart(["/a/b.jpg"])
    assert started == [(sys.executable, [str(Path("/a/b.jpg").absolute())], "")]


def test_a_window_that_cannot_be_started_is_told(monkeypatch, capsys):
    monkeypatch.setattr(QProcess, "startDetached", lambda *_: (False, 0))
    app.open_apart(["b.jpg"])
    assert capsys.readouterr().err == "No window could be opened for b.jpg; open it from this one.\n"


def python(code, *words):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


RUN = """
import sys
from pathlib import Path
from PySide6.QtCore import QProcess, QTimer
from PySide6.QtWidgets import QApplication
from desktop import app
from desktop.filing import Filing
def start(program, words, folder):
    sys.stdout.write(f"apart {Path(words[-1]).name}\\n")
    return True, 7
QProcess.startDetached = start
Filing.open_path = lambda self, path: sys.stdout.write(f"here {path}\\n")
QApplication.exec = lambda *_: 0
sys.exit(app.run(sys.argv[1:]))
"""


def test_the_first_picture_opens_here_and_the_others_apart():
    status, out, _ = python(RUN, "a.jpg", "b.jpg", "c.jpg")
    assert (status, out) == (0, "here a.jpg\napart b.jpg\napart c.jpg\n")


def test_a_folder_full_of_pictures_is_refused():
    status, out, err = python(RUN, *(f"{number}.jpg" for number in range(21)))
    assert (status, out) == (2, "")
    assert err == "Each picture gets a window of its own; open at most 20 at a time.\n"


def test_without_resources_there_is_a_sentence(tmp_path):
    code = "import sys, engine.paths; engine.paths.__file__ = sys.argv.pop(); from desktop import app; "
    status, _, err = python(code + "sys.exit(app.run([]))", tmp_path / "engine" / "paths.py")
    assert status == 3
    assert err.endswith("Pliant's resources folder is missing. Please install Pliant again.\n")
    assert "Traceback" not in err


def test_the_programs_door_is_light():
    code = "import sys, desktop.__main__; sys.exit(bool({'engine', 'numpy', 'PySide6'} & set(sys.modules)))"
    assert python(code) == (0, "", "")


REPLACED = """
import sys, weakref
from PySide6.QtCore import QTimer
from desktop import app
from desktop.filing import Filing
from engine import samples
photos, paths = [], [sample.picture for sample in samples()[:2]]
def opened(document):
    photos.append(weakref.ref(document.photo))
    if len(photos) == 1:
        filing.open_path(paths[1])
def look():
    if len(photos) == 2 and photos[0]() is None:
        end("gone")
def end(word):
    filing.looks.stop()
    sys.stdout.write(word)
    filing.parent().close()
class Heard(Filing):
    def __init__(self, *words):
        global filing
        super().__init__(*words)
        filing = self
        self.opened.connect(opened)
        self.looks = QTimer(self, interval=50)
        self.looks.timeout.connect(look)
        self.looks.start()
        QTimer.singleShot(30_000, lambda: end("held"))
import desktop.window
desktop.window.Filing = Heard
sys.exit(app.run([str(paths[0])]))
"""


def test_a_replaced_picture_leaves_the_memory_in_time():
    assert python(REPLACED)[:2] == (0, "gone")
