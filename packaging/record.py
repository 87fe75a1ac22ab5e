"""Makes the pictures of the window in docs/: the recording, and the three stills of the guide.

    .venv/bin/python packaging/record.py [FOLDER]

The window is the real one, worked by events as a user's hands send them, on a platform without a screen
unless QT_QPA_PLATFORM names another. Pointer and keys are drawn on top: no platform grabs those.
"""

import itertools
import os
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # before anything imports Qt

import numpy as np
import PIL.Image
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from desktop.hand import Hand  # noqa: E402
from desktop.theme import apply_theme  # noqa: E402
from desktop.window import MainWindow  # noqa: E402
from engine import Engine, Sample, samples  # noqa: E402

FILM, STILL = (900, 660), (1300, 900)  # pixels of the window
FRAME_S = 0.06
LONGEST_S, LARGEST = 12.0, 3_000_000
QUALITY = 78  # of the recording, as WebP counts; 88 of the stills, as JPEG does

SUMMIT = QPointF(745, 270)  # of the mountain in the sample that is filmed
_ARROW = ((0, 0), (0, 17), (4, 13.2), (6.6, 19.2), (9.4, 18), (6.8, 12.2), (12, 12))
_KEY = QColor(28, 28, 28, 225)


class Film:
    """What the window shows, frame by frame, with a pointer.

    Args:
        hand: works the window.
    """

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self._frames: list[PIL.Image.Image] = []
        self._milliseconds: list[int] = []
        self._key = ""
        self.at = SUMMIT + QPointF(60, 250)  # of the pointer, in the picture's pixels

    def glide(self, place: QPointF, seconds: float) -> None:
        """Move the pointer there, as a hand does: slowly at first and at last."""
        start, steps = self.at, max(1, round(seconds / FRAME_S))
        for step in range(1, steps + 1):
            part = step / steps
            self.at = start + (place - start) * (part * part * (3 - 2 * part))
            self._hand.move(self.at)
            self._take()

    def press(self) -> None:
        self._hand.press(self.at)
        self._take()

    def release(self) -> None:
        self._hand.release(self.at)
        self._take()

    def key(self, key: Qt.Key, name: str, modifiers: Qt.KeyboardModifier) -> None:
        """Press a key, and show which."""
        self._key = name
        self.rest(0.3)
        QTest.keyClick(self._hand.canvas, key, modifiers)
        self.rest(0.9)
        self._key = ""

    def rest(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME_S)):
            self._take()

    def save(self, path: Path) -> None:
        """Write an animated WebP that runs for ever; it is an error where it is too long or too large."""
        first, *others = self._frames
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self._milliseconds,
            loop=0,
            quality=QUALITY,
            method=6,
        )
        seconds, size = sum(self._milliseconds) / 1000, path.stat().st_size
        print(f"{path}: {len(self._frames)} frames, {seconds:.1f} s, {size / 1e6:.2f} MB")
        assert seconds <= LONGEST_S and size <= LARGEST

    def _take(self) -> None:
        """Let the window live for the time of a frame, and take what it shows."""
        live(FRAME_S)
        frame = grab(self._hand.window)
        painter = QPainter(frame)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        canvas, window = self._hand.canvas, self._hand.window
        inside = QPointF(*canvas.viewport.to_widget(self.at.x(), self.at.y()))
        draw_pointer(painter, QPointF(canvas.mapTo(window, inside)))
        if self._key:
            draw_key(painter, self._key, QPointF(canvas.mapTo(window, QPointF(canvas.rect().topLeft()))))
        painter.end()
        picture = as_pil(frame)
        if self._frames and picture.tobytes() == self._frames[-1].tobytes():
            self._milliseconds[-1] += round(FRAME_S * 1000)
        else:
            self._frames.append(picture)
            self._milliseconds.append(round(FRAME_S * 1000))


def live(seconds: float) -> None:
    """Handle events for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.002)


def grab(window: QWidget) -> QImage:
    return window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)


def as_pil(image: QImage) -> PIL.Image.Image:
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return PIL.Image.fromarray(rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy())


def draw_pointer(painter: QPainter, tip: QPointF) -> None:
    painter.setPen(QPen(QColor("white"), 1.4))
    painter.setBrush(QColor("black"))
    painter.drawPolygon(QPolygonF([tip + QPointF(x, y) * 1.15 for x, y in _ARROW]))


def draw_key(painter: QPainter, name: str, corner: QPointF) -> None:
    """A key cap near the canvas's upper left corner."""
    font = QFont(painter.font())
    font.setPixelSize(20)
    font.setBold(True)
    painter.setFont(font)
    width = painter.fontMetrics().horizontalAdvance(name) + 32
    cap = QRectF(corner + QPointF(16, 16), corner + QPointF(16 + width, 56))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_KEY)
    painter.drawRoundedRect(cap, 8, 8)
    painter.setPen(QColor("white"))
    painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, name)


def record(folder: Path) -> None:
    """Pull, pause, preview, keep, undo."""
    with window(FILM) as hand:
        hand.open(chosen("mountain_lake").picture)
        hand.turn_wheel(QPointF(*hand.canvas.viewport.to_widget(SUMMIT.x(), 1.3 * SUMMIT.y())), 3)
        hand.rest()
        film = Film(hand)
        film.rest(0.4)
        film.glide(SUMMIT, 0.7)
        film.press()
        film.glide(SUMMIT + QPointF(70, -60), 1.1)
        film.glide(SUMMIT + QPointF(-20, -130), 1.1)
        film.rest(0.9)
        film.release()
        film.rest(1.2)
        film.key(Qt.Key.Key_Return, "Enter", Qt.KeyboardModifier.NoModifier)
        film.glide(SUMMIT + QPointF(170, 40), 0.5)
        film.rest(0.4)
        for _ in range(2):  # the layer, the drag
            film.key(Qt.Key.Key_Z, "Ctrl + Z", Qt.KeyboardModifier.ControlModifier)
        film.rest(0.6)
        film.save(folder / "recording.webp")


def photograph(folder: Path) -> None:
    """The start page, a drag under way, and masks."""
    with window(STILL) as hand:
        live(1.0)
        save_still(hand, folder / "start.jpg")
        hand.open(chosen("mountain_lake").picture)
        hand.rest()
        start, end = QPointF(800, 300), QPointF(930, 205)
        hand.press(start)
        for part in np.linspace(0.1, 1, 12):
            hand.move(start + (end - start) * float(part))
            live(0.05)
        save_still(hand, folder / "window.jpg", pointer=end)
        hand.release(end)
    with window(STILL) as hand:
        hand.open(chosen("otters").picture)
        hand.window.use_tool("select")
        stroke(hand, [QPointF(700, 300), QPointF(800, 420), QPointF(1000, 560), QPointF(1200, 600)])
        hand.window.use_tool("editable")
        stroke(hand, [QPointF(480, 130), QPointF(900, 150), QPointF(1350, 330)])
        hand.window.use_tool("protected")
        stroke(hand, [QPointF(60, 560), QPointF(240, 470), QPointF(420, 430)])
        live(0.5)
        save_still(hand, folder / "masks.jpg")


def stroke(hand: Hand, places: list[QPointF]) -> None:
    hand.press(places[0])
    for before, after in itertools.pairwise(places):
        for part in np.linspace(0, 1, 12):
            hand.move(before + (after - before) * float(part))
            live(0.01)
    hand.release(places[-1])
    hand.rest()


def save_still(hand: Hand, path: Path, pointer: QPointF | None = None) -> None:
    frame = grab(hand.window)
    if pointer is not None:
        painter = QPainter(frame)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inside = QPointF(*hand.canvas.viewport.to_widget(pointer.x(), pointer.y()))
        draw_pointer(painter, QPointF(hand.canvas.mapTo(hand.window, inside)))
        painter.end()
    as_pil(frame).save(path, quality=88, optimize=True)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def chosen(name: str) -> Sample:
    return next(sample for sample in samples() if sample.name == name)


@contextmanager
def window(size: tuple[int, int]) -> Generator[Hand]:
    """The window as it first opens, in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["PLIANT_HOME"] = home
        shown = MainWindow(Engine())
        shown.resize(*size)
        shown.show()
        shown.activateWindow()
        live(0.3)
        hand = Hand(shown)
        yield hand
        hand.close()


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "docs"
    application = QApplication(["pliant"])
    apply_theme(application, "light")
    record(folder)
    photograph(folder)


if __name__ == "__main__":
    main()
