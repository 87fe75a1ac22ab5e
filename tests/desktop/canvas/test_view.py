"""The canvas with real events of mouse, pen, wheel, touchpad and keys."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QRectF, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QPointingDevice,
)
from PySide6.QtWidgets import QApplication

from desktop.canvas.input import CanvasInput
from engine import Box
from tests.desktop.canvas.events import (
    KEYS,
    LEFT,
    MIDDLE,
    MOVE,
    NONE,
    PRESS,
    RELEASE,
    RIGHT,
    gesture,
    key,
    mouse,
    pen,
    stylus,
    wheel,
)
from tests.desktop.canvas.pictures import Fake, flat, numbered, read


class FakeTool:
    cursor = Qt.CursorShape.CrossCursor

    def __init__(self):
        self.heard = []
        self.pointers = []

    def __getattr__(self, name):
        if name not in ("press", "move", "release", "hover"):
            raise AttributeError(name)

        def hear(pointer):
            self.heard.append(name)
            self.pointers.append(pointer)

        return hear

    def leave(self):
        self.heard.append("leave")

    def cancel(self):
        self.heard.append("cancel")
        return True

    def key(self, key, modifiers):
        self.heard.append("key")
        return key == Qt.Key.Key_A

    def paint_overlay(self, painter, view):
        pass


@pytest.fixture
def canvas(qtbot):
    shown = CanvasInput()
    qtbot.addWidget(shown)
    shown.resize(400, 300)
    with qtbot.waitExposed(shown):
        shown.show()
    shown.set_source(Fake(numbered(900, 700)))
    shown.show_pixels()
    QApplication.processEvents()
    return shown


@pytest.fixture
def tool(canvas):
    tool = FakeTool()
    canvas.set_tool(tool)
    return tool


def grab(canvas):
    return read(canvas.grab().toImage())


def test_events_reach_the_tool_in_picture_coordinates(canvas, tool):
    u, v = canvas.viewport.to_picture(100.25, 80.5)
    mouse(canvas, MOVE, 100.25, 80.5, NONE)
    mouse(canvas, PRESS, 100.25, 80.5, keys=KEYS.ShiftModifier)
    mouse(canvas, MOVE, 140, 90)
    mouse(canvas, RELEASE, 150, 95)
    assert tool.heard == ["hover", "press", "move", "release"]
    assert tool.pointers[1].at == pytest.approx((u, v))
    assert tool.pointers[1].holds(KEYS.ShiftModifier)
    assert {(p.device, p.pressure, p.secondary) for p in tool.pointers} == {("mouse", 1.0, False)}
    assert canvas.cursor().shape() == tool.cursor


def test_the_right_button_is_the_second_and_no_other_joins_a_gesture(canvas, tool):
    mouse(canvas, PRESS, 50, 50, RIGHT)
    mouse(canvas, PRESS, 50, 50, LEFT)
    mouse(canvas, RELEASE, 60, 50, LEFT)
    mouse(canvas, RELEASE, 60, 50, RIGHT)
    assert tool.heard == ["press", "release"]
    assert all(pointer.secondary for pointer in tool.pointers)


def test_a_double_click_is_told(canvas, tool):
    mouse(canvas, QEvent.Type.MouseButtonDblClick, 50, 50)
    assert tool.pointers[0].double


def test_hovering_tells_the_place(canvas, qtbot):
    with qtbot.waitSignal(canvas.hovered) as told:
        mouse(canvas, MOVE, 30, 40, NONE)
    assert told.args[0] == pytest.approx(canvas.viewport.to_picture(30, 40))


def test_escape_takes_a_gesture_back_before_any_menu_hears_of_it(canvas, tool):
    mouse(canvas, PRESS, 50, 50)
    override = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, KEYS.NoModifier)
    override.ignore()
    QApplication.sendEvent(canvas, override)
    assert override.isAccepted()
    key(canvas, Qt.Key.Key_Escape)
    mouse(canvas, RELEASE, 60, 60)
    assert tool.heard == ["press", "cancel"]


def test_another_tool_ends_the_gesture_of_the_one_before(canvas, tool):
    mouse(canvas, PRESS, 50, 50)
    canvas.set_tool(None)
    mouse(canvas, RELEASE, 60, 60)
    assert tool.heard == ["press", "cancel", "leave"]


def test_a_pen_brings_pressure_and_its_mouse_events_are_dropped(canvas, tool):
    device = stylus()
    event = pen(canvas, device, QEvent.Type.TabletPress, 40, 40, pressure=0.25)
    assert event.isAccepted()
    mouse(canvas, PRESS, 40, 40)
    pen(canvas, device, QEvent.Type.TabletMove, 60.5, 40, pressure=0.75)
    mouse(canvas, MOVE, 60, 40)
    assert pen(canvas, device, QEvent.Type.TabletRelease, 70, 40, pressure=0).isAccepted()
    mouse(canvas, RELEASE, 70, 40, device=device)
    mouse(canvas, PRESS, 70, 40, device=device)
    assert tool.heard == ["press", "move", "release"]
    assert [p.pressure for p in tool.pointers] == pytest.approx([0.25, 0.75, 0], abs=0.01)
    assert tool.pointers[1].at.x == pytest.approx(canvas.viewport.to_picture(60.5, 40)[0])
    assert {(p.device, p.eraser, p.secondary) for p in tool.pointers} == {("pen", False, False)}


def test_the_eraser_end_is_told(canvas, tool):
    device = stylus(QPointingDevice.PointerType.Eraser)
    pen(canvas, device, QEvent.Type.TabletPress, 40, 40)
    pen(canvas, device, QEvent.Type.TabletRelease, 40, 40)
    assert all(pointer.eraser and pointer.secondary for pointer in tool.pointers)


def test_a_hovering_pen_hovers(canvas, tool):
    pen(canvas, stylus(), QEvent.Type.TabletMove, 40, 40, button=NONE, pressure=0)
    assert tool.heard == ["hover"]


@pytest.mark.parametrize("held", ["middle", "space"])
def test_panning_moves_the_picture_with_the_pointer(canvas, tool, held):
    at = canvas.viewport.to_picture(100, 100)
    button = MIDDLE if held == "middle" else LEFT
    if held == "space":
        key(canvas, Qt.Key.Key_Space)
        assert canvas.cursor().shape() == Qt.CursorShape.OpenHandCursor
    mouse(canvas, PRESS, 100, 100, button)
    mouse(canvas, MOVE, 130, 85, button)
    assert canvas.cursor().shape() == Qt.CursorShape.ClosedHandCursor
    mouse(canvas, RELEASE, 130, 85, button)
    key(canvas, Qt.Key.Key_Space, down=False)
    assert canvas.viewport.to_widget(*at) == pytest.approx((130, 85))
    assert tool.heard == []
    assert canvas.cursor().shape() == tool.cursor
    mouse(canvas, MOVE, 200, 200, NONE)
    assert tool.heard == ["hover"]


def test_space_with_a_pen_pans_too(canvas, tool):
    at, device = canvas.viewport.to_picture(100, 100), stylus()
    key(canvas, Qt.Key.Key_Space)
    pen(canvas, device, QEvent.Type.TabletPress, 100, 100)
    pen(canvas, device, QEvent.Type.TabletMove, 120, 100)
    pen(canvas, device, QEvent.Type.TabletRelease, 120, 100)
    assert canvas.viewport.to_widget(*at) == pytest.approx((120, 100))
    assert tool.heard == []


def test_shift_and_space_turn_and_control_snaps(canvas):
    at = canvas.viewport.to_picture(100, 100)
    key(canvas, Qt.Key.Key_Space)
    mouse(canvas, PRESS, 100, 100, keys=KEYS.ShiftModifier)
    mouse(canvas, MOVE, 145, 100, keys=KEYS.ShiftModifier)
    assert math.degrees(canvas.viewport.angle) == pytest.approx(22.5)
    assert canvas.viewport.to_widget(*at) == pytest.approx((100, 100))
    mouse(canvas, MOVE, 144, 100, keys=KEYS.ShiftModifier | KEYS.ControlModifier)
    assert math.degrees(canvas.viewport.angle) == pytest.approx(15)


def test_space_is_forgotten_when_the_focus_goes(canvas, tool):
    key(canvas, Qt.Key.Key_Space)
    QApplication.sendEvent(canvas, QFocusEvent(QEvent.Type.FocusOut))
    mouse(canvas, PRESS, 100, 100)
    assert tool.heard == ["press"]


@pytest.mark.parametrize("keys", [KEYS.NoModifier, KEYS.ControlModifier])
def test_the_wheel_zooms_at_the_pointer(canvas, keys):
    at, zoom = canvas.viewport.to_picture(90, 70), canvas.viewport.zoom
    wheel(canvas, 90, 70, notches=2, keys=keys)
    assert canvas.viewport.zoom == pytest.approx(zoom * 1.25**2)
    assert canvas.viewport.to_widget(*at) == pytest.approx((90, 70), abs=0.51)


def test_zooming_in_and_out_again_comes_back(canvas):
    before = canvas.viewport
    for step in (1, 1, 1, -1, -1, -1) * 20:
        wheel(canvas, 90, 70, notches=step)
    assert canvas.viewport.zoom == pytest.approx(before.zoom)
    assert (canvas.viewport.x, canvas.viewport.y) == pytest.approx((before.x, before.y), abs=0.01)


def test_two_fingers_pan_and_with_control_zoom(canvas):
    at, zoom = canvas.viewport.to_picture(90, 70), canvas.viewport.zoom
    wheel(canvas, 90, 70, pixels=(12, -7))
    assert canvas.viewport.to_widget(*at) == pytest.approx((102, 63))
    assert canvas.viewport.zoom == zoom
    wheel(canvas, 90, 70, pixels=(0, 30), keys=KEYS.ControlModifier)
    assert canvas.viewport.zoom > zoom


def test_pinching_zooms_and_turns_about_the_fingers(canvas):
    at, zoom = canvas.viewport.to_picture(90, 70), canvas.viewport.zoom
    gesture(canvas, Qt.NativeGestureType.ZoomNativeGesture, 0.1, 90, 70)
    gesture(canvas, Qt.NativeGestureType.RotateNativeGesture, 20, 90, 70)
    assert canvas.viewport.zoom == pytest.approx(zoom * 1.1)
    assert math.degrees(canvas.viewport.angle) == pytest.approx(20)
    assert canvas.viewport.to_widget(*at) == pytest.approx((90, 70), abs=0.51)


def test_fit_follows_the_window_until_the_user_zooms(canvas, qtbot):
    canvas.fit()
    with qtbot.waitSignal(canvas.view_changed):
        canvas.resize(500, 420)
        QApplication.processEvents()
    zoom = canvas.viewport.zoom
    assert zoom == pytest.approx((500 - 24) / 900)
    wheel(canvas, 90, 70, notches=1)
    canvas.resize(400, 300)
    QApplication.processEvents()
    assert canvas.viewport.zoom == pytest.approx(zoom * 1.25)


def test_view_keys(canvas):
    canvas.zoom_by_steps(1)
    assert canvas.viewport.zoom * canvas.devicePixelRatioF() == 1.5
    canvas.rotate(90)
    canvas.mirror()
    assert canvas.viewport.mirrored
    canvas.reset_rotation()
    assert canvas.viewport.angle == 0


def count(canvas, monkeypatch):
    calls, real = [], canvas.projection.paint

    def paint(painter, viewport, exposed, dpr):
        calls.append(QRectF(exposed))
        real(painter, viewport, exposed, dpr)

    monkeypatch.setattr(canvas.projection, "paint", paint)
    return calls


def test_overlays_repaint_without_a_pixel_of_the_picture(canvas, monkeypatch):
    seen = []

    class Dot:
        def paint(self, painter, viewport, exposed):
            seen.append(exposed)
            painter.fillRect(10, 10, 4, 4, Qt.GlobalColor.yellow)

    canvas.overlays.append(Dot())
    calls = count(canvas, monkeypatch)
    canvas.update_overlay([QRectF(5, 5, 20, 20)])
    QApplication.processEvents()
    canvas.update_overlay()
    QApplication.processEvents()
    assert (seen[0].width(), seen[0].height()) == (20, 20)
    assert calls == []
    assert tuple(grab(canvas)[12, 12]) == (255, 255, 0)


def test_a_change_repaints_its_own_rectangle(canvas, monkeypatch):
    calls = count(canvas, monkeypatch)
    box = Box(
        *(round(n) for n in (*canvas.viewport.to_picture(100, 80), *canvas.viewport.to_picture(140, 120)))
    )
    canvas.projection._source.pixels[box.slices] = 255
    canvas.invalidate([box])
    QApplication.processEvents()
    assert calls
    assert max(rect.width() for rect in calls) <= 46
    assert (grab(canvas)[82:118, 102:138] == 255).all()
    calls.clear()
    canvas.invalidate([Box(0, 0, 1, 1)])  # out of sight
    QApplication.processEvents()
    assert calls == []


def test_a_preview_is_shown_over_the_picture_and_goes_again(canvas, monkeypatch):
    before = grab(canvas)
    u, v = (round(n) for n in canvas.viewport.to_picture(100, 80))
    box = Box(u, v, u + 50, v + 40)
    calls = count(canvas, monkeypatch)
    canvas.show_preview(flat(50, 40, (1, 2, 3, 255)), box)
    QApplication.processEvents()
    assert max(rect.width() * rect.height() for rect in calls) <= 56 * 46
    now = grab(canvas)
    assert (now[80:120, 100:150] == (1, 2, 3)).all()
    assert np.array_equal(now[:80], before[:80])
    assert np.array_equal(now[:, 150:], before[:, 150:])
    canvas.set_preview_hidden(True)
    assert np.array_equal(grab(canvas), before)
    canvas.set_preview_hidden(False)
    assert np.array_equal(grab(canvas), now)
    canvas.show_preview(flat(50, 40, (9, 9, 9, 255)), Box(u + 60, v, u + 110, v + 40))
    moved = grab(canvas)
    assert np.array_equal(moved[80:120, 100:150], before[80:120, 100:150])
    canvas.clear_preview()
    assert np.array_equal(grab(canvas), before)


def test_what_is_out_of_sight_is_made_while_nothing_else_is_done(canvas, qtbot):
    qtbot.waitUntil(lambda: canvas.projection.pyramid.complete, timeout=5000)


def test_an_empty_canvas_takes_every_event(qtbot):
    empty = CanvasInput()
    qtbot.addWidget(empty)
    empty.show()
    mouse(empty, PRESS, 50, 50)
    mouse(empty, MOVE, 60, 50)
    mouse(empty, RELEASE, 60, 50)
    wheel(empty, 50, 50, notches=1)
    pen(empty, stylus(), QEvent.Type.TabletMove, 50, 50)
    key(empty, Qt.Key.Key_A)
    gesture(empty, Qt.NativeGestureType.ZoomNativeGesture, 0.1, 50, 50)
    assert empty.accessibleName()


SCALED = """
import numpy as np, sys
from PySide6.QtWidgets import QApplication
from desktop.canvas.input import CanvasInput
from tests.desktop.canvas.pictures import Fake, numbered, read
app = QApplication([])
source = Fake(numbered(900, 700))
canvas = CanvasInput()
canvas.resize(401, 301)
canvas.show()
canvas.set_source(source)
canvas.show_pixels()
canvas.set_viewport(canvas.exact_viewport.panned(0.31, 0.77))
app.processEvents()
dpr, view = canvas.devicePixelRatioF(), canvas.viewport
got = read(canvas.grab().toImage())[:448, :600]
x, y = round(-view.x * dpr), round(-view.y * dpr)
assert dpr == float(sys.argv[1]), dpr
assert view.zoom * dpr == 1
assert np.array_equal(got, source.pixels[y : y + got.shape[0], x : x + got.shape[1], :3])
assert not {"torch", "diffusers"} & set(sys.modules)
"""


def run_apart(program, scale="1"):
    """A program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program, scale],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "QT_SCALE_FACTOR": scale, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("scale", ["1.25", "1.5", "2"])
def test_in_a_scaled_window_100_percent_is_exact(scale):
    done = run_apart(SCALED, scale)
    assert done.returncode == 0, done.stderr


FAILING = """
import sys
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from desktop.canvas.input import CanvasInput
from tests.desktop.canvas.pictures import Fake, numbered

class Tool:
    cursor = Qt.CursorShape.CrossCursor
    def press(self, pointer):
        1 / 0
    def paint_overlay(self, painter, view):
        pass

sys.excepthook = lambda kind, *_: sys.stdout.write(kind.__name__)
application = QApplication([])
canvas = CanvasInput()
canvas.show()
canvas.set_source(Fake(numbered(90, 70)))
canvas.set_tool(Tool())
at, left = QPointF(50, 50), Qt.MouseButton.LeftButton
press = QMouseEvent(QEvent.Type.MouseButtonPress, at, at, left, left, Qt.KeyboardModifier.NoModifier)
QCoreApplication.postEvent(canvas, press)
QTimer.singleShot(300, application.quit)
application.exec()
"""


def test_a_tool_that_fails_does_not_take_the_window_along():
    done = run_apart(FAILING)
    assert (done.returncode, done.stdout) == (0, "ZeroDivisionError"), done.stderr
