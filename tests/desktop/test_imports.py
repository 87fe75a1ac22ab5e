"""The window's process never loads a network library, whatever is done in it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BEGIN = """
import sys
from pathlib import Path
from PySide6.QtCore import QPointF
from desktop import __main__, app, bench, hand

def check(when):
    loaded = sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[2].split()))
    sys.stdout.write(f"{when}: {' '.join(loaded)}\\n")

"""
WORK = """
with bench._window() as working:
    check("shown")
    working.open(Path(sys.argv[1]))
    check("opened")
    working.press(QPointF(800, 300))
    for step in range(1, 4):
        working.move(QPointF(800, 300 - 20 * step))
    working.release(QPointF(800, 240))
    working.rest()
    check("dragged")
    assert working.window.session.keep()
    check("kept")
    working.document.mark(type(working.document.instruction)(motion="move"), "Move")
    working.press(QPointF(800, 300))
    working.move(QPointF(700, 300))
    working.release(QPointF(700, 300))
    working.rest()
    check("moved")
    working.document.activate(working.document.layers[0].id)
    working.window.workspace.find_subject()
    check("found")
check("closed")
"""
FORBIDDEN = "torch torchvision diffusers transformers peft accelerate"


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_windows_process_loads_no_networks():
    picture = ROOT / "resources" / "samples" / "mountain_lake.jpg"
    told = run(BEGIN + WORK, str(picture), FORBIDDEN)
    assert told == [
        f"{when}: " for when in ("shown", "opened", "dragged", "kept", "moved", "found", "closed")
    ]


@pytest.mark.parametrize("name", ["diffusers", "torch"])
def test_a_loaded_network_library_would_be_noticed(name):
    told = run(BEGIN + "sys.modules[sys.argv[1] + '.nn'] = sys\ncheck('now')", name, FORBIDDEN)
    assert told == [f"now: {name}"]
