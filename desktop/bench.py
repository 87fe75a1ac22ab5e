"""The window's part of `pliant bench speed`: real events on the real window, to the end of their painting."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from desktop.canvas.viewport import ZOOM_STEPS
from desktop.collector import Collector
from desktop.document import Tiles, TilesEditor
from desktop.engine_bench import computing, time_restart
from desktop.hand import Hand
from desktop.window import MainWindow
from engine import Box, Engine, Point, PointPair, open_photo, samples
from engine.cli import Row

_WINDOW = 1920, 1080
_PHOTO, _LARGE, _WIDE = (4000, 3000), (6000, 4000), (3840, 2160)
_REGION = 1024  # pixels along a side
_MOVES, _DABS, _UNDOS = 120, 120, 24
_FRAMES = 24  # at each zoom
_SWEEPS = 5  # through all zooms, there and back
_STARTS, _OPENINGS, _EDITS = 5, 5, 10
_STATUS = Path("/proc/self/status")  # where Linux tells how much memory a process took

_BUSY = "while True: pass"
# The window says when it is there; all else is the program as it always starts.
_START = """
import sys
from PySide6.QtCore import QTimer
from desktop import __main__, window

def show_event(shown, event):
    def tell():
        if not shown.windowHandle().isExposed():
            QTimer.singleShot(1, tell)
            return
        sys.stdout.write("usable\\n")
        sys.stdout.flush()
        shown.close()
    QTimer.singleShot(0, tell)

window.MainWindow.showEvent = show_event
sys.exit(__main__.main([]))
"""
_MEMORY = "import sys; from desktop.bench import edit_often; edit_often(sys.argv[1], int(sys.argv[2]))"


def run() -> list[Row]:
    """Measure offscreen and in a home of its own; takes about two minutes and needs 2 GB."""
    with _surroundings() as folder:
        photo, large, wide = (folder / f"{size[0]}.jpg" for size in (_PHOTO, _LARGE, _WIDE))
        for path, size in ((photo, _PHOTO), (large, _LARGE), (wide, _WIDE)):
            path.write_bytes(_jpeg(size))
        rows = [_start()]
        with _window() as hand:
            rows += [_opening(hand, large), *_editing(hand, photo), *_undoing(hand, wide)]
        return [*rows, time_restart(), *_remembering(large)]


def edit_often(path: str, edits: int) -> None:
    """Make edits on a picture and keep each as a layer; tell on stdout how many MB it took at the most."""
    with _window() as hand:
        hand.open(Path(path))
        document = hand.document
        width, height = document.size
        for i in range(edits):
            document.activate(document.layers[0].id)
            start = QPointF(width * (0.2 + 0.06 * i), height * (0.3 + 0.04 * i))
            pull = QPointF(width, height) * 0.04
            hand.press(start)
            for step in range(1, 6):
                hand.time(lambda at=start + pull * step / 5: hand.move(at))
            hand.release(start + pull)
            hand.rest()
            hand.window.keep()
            hand.rest()
        assert len(document.layers) == edits + 1
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    sys.stdout.write(f"{int(line.split()[1]) * 1024 / 1e6}\n")


def _start() -> Row:
    def started() -> float:
        begun = time.perf_counter()
        with subprocess.Popen([sys.executable, "-c", _START], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "usable\n"
            return (time.perf_counter() - begun) * 1e3

    started()  # files come from the disk
    return Row.of("process start → usable window", [started() for _ in range(_STARTS)], 1000)


def _opening(hand: Hand, path: Path) -> Row:
    spent: list[float] = []
    for _ in range(_OPENINGS):
        begun = time.perf_counter()
        hand.open(path)
        spent.append((time.perf_counter() - begun) * 1e3)
        hand.rest()
    return Row.of(f"open a JPEG of {_megapixels(_LARGE)} → first paint", spent, 700)


def _editing(hand: Hand, path: Path) -> list[Row]:
    hand.open(path)
    cold = _zooming(hand, 1, f"zoom frame, {_megapixels(_PHOTO)}, just opened", None)
    hand.rest()
    zoomed = _zooming(hand, _SWEEPS, f"zoom frame, {_megapixels(_PHOTO)}", 16)
    return [*_warping(hand), _dabbing(hand), _panning(hand), zoomed, cold]


def _warping(hand: Hand) -> list[Row]:
    """Six pairs in a round mask; the sixth follows the mouse."""
    document, (width, height) = hand.document, _PHOTO
    left, top = (width - _REGION) / 2, (height - _REGION) / 2
    mask = np.zeros((height, width), np.uint8)
    cv2.circle(mask, (width // 2, height // 2), _REGION // 2, 255, -1)

    def at(x: float, y: float) -> Point:  # of a region of 1024 pixels a side
        return Point(left + x * _REGION / 1024, top + y * _REGION / 1024)

    pairs = tuple(
        PointPair(at(200 + 110 * i, 300 + 60 * i), at(240 + 110 * i, 340 + 40 * i)) for i in range(5)
    )
    document.mark(replace(document.instruction, points=pairs, editable=Tiles.from_array(mask)), "Mark")
    start = QPointF(*at(400, 700))
    name = f"mouse move → warp painted, {_REGION}² of {_megapixels(_PHOTO)}, 6 pairs"
    hand.canvas.fit()
    rows = [Row.of(f"{name}, fitted", _pull(hand, start), 16)]
    hand.canvas.show_pixels()
    rows.append(Row.of(f"{name}, at 100 %", _pull(hand, start), 16))
    hand.canvas.fit()
    with subprocess.Popen([sys.executable, "-c", _BUSY]) as busy:
        rows.append(Row.of(f"{name}, busy core", _pull(hand, start), 33))
        busy.kill()
    with computing(hand):
        rows.append(Row.of(f"{name}, engine computing", _pull(hand, start), 33))
    hand.window.undo()
    return rows


def _pull(hand: Hand, start: QPointF) -> list[float]:
    """Press on the picture and move the mouse around there; the milliseconds of the moves."""
    hand.window.use_tool("drag")
    hand.rest()
    hand.press(start)
    spent: list[float] = []
    for i in range(_MOVES + 5):
        around = QPointF(np.cos(i / 7), np.sin(i / 7)) * (40 + 0.3 * i) * (_REGION / 1024)
        spent.append(hand.time(lambda at=start + around: hand.move(at)))
    assert len(hand.document.instruction.points) == 6
    hand.window.walk_back()
    hand.release(start)
    hand.rest()
    return spent[5:]


def _dabbing(hand: Hand) -> Row:
    """Each move of the brush paints about one dab."""
    hand.window.use_tool("editable")
    hand.canvas.fit()
    hand.rest()
    width, height = _PHOTO
    i = np.arange(_DABS + 1)
    places = [
        QPointF(x, y)
        for x, y in zip(width * (0.1 + 0.8 * i / _DABS), height * (0.5 + 0.03 * np.sin(i / 9)), strict=True)
    ]
    hand.press(places[0])
    spent = [hand.time(lambda at=at: hand.move(at)) for at in places[1:]]
    hand.release(places[-1])
    hand.window.undo()
    hand.window.use_tool("drag")
    return Row.of(f"dab of a mask brush → painted, {_megapixels(_PHOTO)}", spent, 4)


def _panning(hand: Hand) -> Row:
    """Of the slowest of all zooms."""
    canvas, rows = hand.canvas, list[Row]()
    middle = QPointF(canvas.width() / 2, canvas.height() / 2)
    hand.canvas.fit()
    fitted = canvas.exact_viewport
    for zoom in ZOOM_STEPS:
        canvas.set_viewport(fitted.at_zoom(zoom / canvas.devicePixelRatioF(), middle.x(), middle.y()))
        hand.rest()
        hand.press_at(middle, Qt.MouseButton.MiddleButton)
        places = [middle + QPointF(7 * i, 5 * i) for i in range(1, _FRAMES + 1)]
        spent = [hand.time(lambda at=at: hand.move_at(at)) for at in places]
        hand.release_at(middle)
        name = f"pan frame, {_megapixels(_PHOTO)}, slowest of {len(ZOOM_STEPS)} zooms ({zoom:.3g})"
        rows.append(Row.of(name, spent, 16))
    hand.canvas.fit()
    return max(rows, key=lambda row: row.p95)


def _zooming(hand: Hand, sweeps: int, name: str, aim: float | None) -> Row:
    """Of the slowest notch, while the wheel is turned from the farthest view to the nearest and back."""
    canvas = hand.canvas
    middle = QPointF(canvas.width() / 2, canvas.height() / 2)
    canvas.set_viewport(canvas.exact_viewport.at_zoom(ZOOM_STEPS[0], middle.x(), middle.y()))
    spent: dict[float, list[float]] = {}
    notches = int(np.log(ZOOM_STEPS[-1] / ZOOM_STEPS[0]) / np.log(1.25))
    for notch in ([1] * notches + [-1] * notches) * sweeps:
        taken = hand.time(lambda notch=notch: hand.turn_wheel(middle, notch))
        spent.setdefault(float(f"{canvas.viewport.zoom:.3g}"), []).append(taken)
    hand.canvas.fit()
    rows = [
        Row.of(f"{name}, slowest of {len(spent)} zooms ({zoom})", taken, aim) for zoom, taken in spent.items()
    ]
    return max(rows, key=lambda row: row.p95)


def _undoing(hand: Hand, path: Path) -> list[Row]:
    """300 dabs, 64 pixels wide on a 4K picture, from its left to its right edge."""
    hand.open(path)
    hand.rest()
    document, (width, height) = hand.document, _WIDE
    editor = TilesEditor(document.active_layer.tiles)
    radius = max(width // 120, 1)
    for t in np.linspace(0, 1, 300):
        x, y = int(t * width), int(height * (0.5 + 0.4 * np.sin(6 * t)))
        for _, pixels in editor.touch(Box(x - radius, y - radius, x + radius, y + radius)):
            pixels[..., :3] = 255 - pixels[..., :3]
    document.paint_layer(document.active_layer.id, editor.frozen())
    document.commit("Paint")
    hand.rest()
    spent = [hand.time(act) for _ in range(_UNDOS) for act in (hand.window.undo, hand.window.redo)]
    hand.window.undo()  # now the stroke's own tiles are history alone
    stroke = f"stroke across {width} × {height}"
    return [
        Row.of(f"undo or redo a {stroke} → painted", spent, 16),
        Row.of(f"what undo of a {stroke} holds", [document.history_bytes() / 1e6], 5, "MB"),
    ]


def _remembering(path: Path) -> list[Row]:
    if not _STATUS.exists():
        return []
    command = [sys.executable, "-c", _MEMORY, str(path), str(_EDITS)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [Row.of(f"memory after {_EDITS} edits on {_megapixels(_LARGE)}", [float(told)], 1500, "MB")]


@contextmanager
def _surroundings() -> Generator[Path]:
    """A folder, and a home in it; no screen."""
    with tempfile.TemporaryDirectory() as folder:
        changed = {
            "PLIANT_HOME": str(Path(folder) / "home"),
            "QT_QPA_PLATFORM": "offscreen",
            "QT_LOGGING_RULES": "default.warning=false",  # offscreen complains that it has no size hints
        }
        before = {name: os.environ.get(name) for name in changed}
        os.environ.update(changed)
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@contextmanager
def _window() -> Generator[Hand]:
    application = QApplication.instance() or QApplication(["pliant"])
    window = MainWindow(Engine())
    Collector(window)
    window.resize(*_WINDOW)
    window.show()
    application.processEvents()
    hand = Hand(window)
    yield hand
    hand.close()


def _jpeg(size: tuple[int, int]) -> bytes:
    """A sample beside its mirror images, until the picture is full: details as photos have them."""
    pixels = open_photo(next(sample.picture for sample in samples() if sample.name == "spices")).pixels
    beyond = [(0, max(n - m, 0)) for n, m in zip(size[::-1], pixels.shape, strict=False)]
    large = np.pad(pixels, (*beyond, (0, 0)), mode="symmetric")[: size[1], : size[0], 2::-1]
    return cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def _megapixels(size: tuple[int, int]) -> str:
    return f"{size[0] * size[1] / 1e6:.0f} MP"
