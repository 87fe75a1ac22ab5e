"""Enter before the picture is made: the window stays alive, and the layer comes whatever is done then."""

import threading
import time

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton

from desktop.engine_tier import Choice
from desktop.keeping import Finished
from desktop.warp_tier import WarpTier
from engine import Engine, InvalidRequest, open_photo
from tests.desktop.hands import BY_NAME, flat, pull, send

START, END = (800, 300), (800, 240)
CONTROL = Qt.KeyboardModifier.ControlModifier


class Gate:
    """Holds up the making of finished pictures until it is opened."""

    def __init__(self, monkeypatch):
        self.free, self.calls, real = threading.Event(), 0, WarpTier.make

        def make(tier, state, request, progress):
            self.calls += 1
            assert self.free.wait(30)
            return real(tier, state, request, progress)

        monkeypatch.setattr(WarpTier, "make", make)

    def open_soon(self):
        """While the window waits."""
        threading.Timer(0.05, self.free.set).start()


@pytest.fixture
def gate(opened, monkeypatch):
    return Gate(monkeypatch)


@pytest.fixture
def keeping(qtbot, opened, gate):
    """The window after a pull and Enter, before there is a picture."""
    pull(opened, START, END)
    key(qtbot, opened, Qt.Key.Key_Return)
    return opened


def key(qtbot, window, which, modifiers=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(window.workspace.canvas, which, modifiers)


def layers(window):
    return [layer.name for layer in window.document.layers]


def keep_button(window):
    return next(b for b in window.findChildren(QPushButton) if b.text().startswith("Keep"))


def awaits(window):
    return window.session.keeper.awaited is not None


def test_it_says_so_at_once_and_the_layer_comes_with_the_picture(qtbot, keeping, gate):
    assert layers(keeping) == ["Background"] and awaits(keeping)
    assert keeping.workspace.badge.text() == "Flow warp: keeping…"
    button = keep_button(keeping)
    assert button.text() == "Keeping…" and not button.isEnabled()
    request = keeping.session.request()
    gate.free.set()
    qtbot.waitUntil(lambda: layers(keeping) == ["Background", "Drag"])
    assert np.array_equal(flat(keeping), Engine().edit("flow_warp", request).image)
    assert gate.calls == 1, "it is the picture that was being made already"
    assert not awaits(keeping) and keep_button(keeping).text() == "Keep as a layer"
    assert not keeping.workspace.badge.isVisible()
    assert keeping.document.instruction.points == ()


def test_looking_around_does_not_wait(qtbot, keeping, gate):
    canvas, none = keeping.workspace.canvas, Qt.MouseButton.NoButton
    middle = QPointF(canvas.rect().center())
    hover = QMouseEvent(QEvent.Type.MouseMove, middle, middle, none, none, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(canvas, hover)
    keeping.workspace.canvas.zoom_by_steps(1)
    qtbot.wait(20)
    assert awaits(keeping)
    gate.free.set()
    qtbot.waitUntil(lambda: not awaits(keeping))


def test_undo_takes_back_the_layer_and_redo_brings_it(qtbot, keeping, gate):
    gate.open_soon()
    key(qtbot, keeping, Qt.Key.Key_Z, CONTROL)
    assert layers(keeping) == ["Background"]
    assert len(keeping.document.instruction.points) == 1, "the drag is back"
    assert [keeping.document.undo_stack.text(i) for i in range(2)] == ["Add drag", "Keep the drag"]
    key(qtbot, keeping, Qt.Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert layers(keeping) == ["Background", "Drag"]


@pytest.mark.parametrize("name", ["undo", "redo"])
def test_commands_that_no_key_calls_wait_too(keeping, gate, name):
    gate.open_soon()
    getattr(keeping, name)()
    assert keeping.document.undo_stack.count() == 2


def test_the_next_drag_is_one_on_the_kept_layer(keeping, gate):
    gate.open_soon()
    send(keeping, QEvent.Type.MouseButtonPress, (400, 300))
    assert layers(keeping) == ["Background", "Drag"]
    send(keeping, QEvent.Type.MouseMove, (430, 320))
    send(keeping, QEvent.Type.MouseButtonRelease, (430, 320))
    assert len(keeping.document.instruction.points) == 1
    assert keeping.document.active_layer.name == "Drag"


def test_a_second_enter_keeps_nothing_twice(qtbot, keeping, gate):
    gate.open_soon()
    key(qtbot, keeping, Qt.Key.Key_Return)
    assert layers(keeping) == ["Background", "Drag"] and not awaits(keeping)


def test_a_save_writes_what_is_kept(qtbot, keeping, gate, tmp_path):
    gate.open_soon()
    with qtbot.waitSignal(keeping.filing.saved):
        keeping.filing.save_path(tmp_path / "out.png")
    assert layers(keeping) == ["Background", "Drag"]
    assert np.array_equal(open_photo(tmp_path / "out.png").pixels, flat(keeping))


def test_closing_asks_about_a_sample_whose_drag_is_being_kept(qtbot, opened, gate):
    opened.filing.open_sample(BY_NAME["osprey"])
    assert not opened.document.is_modified
    opened.keep()
    assert awaits(opened)
    gate.open_soon()
    opened.filing.leave(lambda: pytest.fail("it is lost"))
    (box,) = opened.findChildren(QMessageBox)
    assert layers(opened) == ["Background", "Drag"]
    box.close()


def test_the_window_closes_with_it_kept(qtbot, keeping, gate):
    gate.open_soon()
    assert not keeping.close()
    assert layers(keeping) == ["Background", "Drag"]
    (box,) = [box for box in keeping.findChildren(QMessageBox) if box.isVisible()]
    box.close()


def test_enter_in_the_middle_of_the_next_gesture_keeps_what_is_settled(qtbot, opened, gate):
    pull(opened, START, END)
    send(opened, QEvent.Type.MouseButtonPress, (400, 300))
    send(opened, QEvent.Type.MouseMove, (430, 320))
    gate.open_soon()
    key(qtbot, opened, Qt.Key.Key_Return)
    assert layers(opened) == ["Background", "Drag"]
    send(opened, QEvent.Type.MouseButtonRelease, (430, 320))
    assert opened.document.instruction.points == (), "that gesture began from another state"


def test_what_cannot_be_made_is_told_and_the_drag_stays(qtbot, opened, monkeypatch):
    def fail(*_):
        raise InvalidRequest("Nothing may change there.")

    monkeypatch.setattr(WarpTier, "make", fail)
    pull(opened, START, END)
    key(qtbot, opened, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not awaits(opened))
    assert "Nothing may change there." in opened.statusBar().currentMessage()
    assert layers(opened) == ["Background"] and len(opened.document.instruction.points) == 1
    assert keep_button(opened).isEnabled()


def test_a_fault_of_ours_leaves_nobody_waiting(qtbot, opened, monkeypatch):
    monkeypatch.setattr(WarpTier, "make", lambda *_: None)
    pull(opened, START, END)
    key(qtbot, opened, Qt.Key.Key_Return)
    key(qtbot, opened, Qt.Key.Key_Shift)
    assert not awaits(opened) and layers(opened) == ["Background"]


def test_a_document_changed_by_nobodys_hand_keeps_its_drag(opened, keeping, gate):
    keeping.document.set_layer(keeping.document.active_layer.id, "Hide", opacity=0.5)
    gate.free.set()
    assert not awaits(keeping)
    assert layers(keeping) == ["Background"] and len(keeping.document.instruction.points) == 1
    assert keeping.statusBar().currentMessage() == "The drag was not kept; press Enter again."


def test_no_other_method_runs_for_what_is_being_kept(keeping, gate):
    submitted = []
    keeping.worker.submit = lambda job: submitted.append(job) or len(submitted)
    keeping.session.engine_tier.choose_fast(Choice(method="instant_drag", pack="tiny"))
    keeping.session.engine_tier.paused.emit()
    gate.free.set()
    assert awaits(keeping) and not submitted


def test_what_was_made_on_demand_does_not_take_the_place_of_what_is_being_kept(qtbot, keeping, gate):
    """The refined picture comes after Enter, and a wheel turns over “Run on”."""
    session = keeping.session
    state, request = session._state(), session.request()
    made = Engine().edit("flow_warp", request)
    session._take(
        Finished(state=state, request=request, result=made, provenance={}, title="Slow", tier="refined")
    )
    keeping.worker.submit = lambda job: 1
    session.choose_fast(Choice(method="instant_drag", pack="tiny", device="cpu"))
    session.set_settings({"stiffness": 0.9})
    assert awaits(keeping)
    gate.free.set()
    qtbot.waitUntil(lambda: layers(keeping) == ["Background", "Drag"])
    assert gate.calls == 1 and not awaits(keeping)


def test_an_obsolete_picture_holds_up_no_keep(qtbot, opened, monkeypatch):
    """Of two drags the first is still being made; Enter, and a key that waits for the layer."""
    calls, real = [], Engine.edit

    def edit(self, method, request, *given, progress):
        calls.append(len(request.points))
        if len(calls) == 1:
            for _ in range(2000):
                progress.check()
                time.sleep(0.01)
        return real(self, method, request, *given, progress=progress)

    monkeypatch.setattr(Engine, "edit", edit)
    pull(opened, START, END)
    qtbot.waitUntil(lambda: calls == [1])
    pull(opened, (400, 300), (400, 340))
    key(qtbot, opened, Qt.Key.Key_Return)
    key(qtbot, opened, Qt.Key.Key_Shift)
    assert calls == [1, 2] and layers(opened) == ["Background", "Drag"]
