"""Random gestures on the whole window, as real events: undo and redo must bring back every byte."""

import hashlib
import itertools

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QPointingDevice
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QToolButton

from desktop.canvas.markers import Marker
from desktop.document.compositor import flatten
from desktop.panels.edit_panel import EditPanel
from desktop.panels.layers_panel import LayersPanel
from desktop.panels.number_field import NumberField
from desktop.window import MainWindow
from engine import Engine
from tests.desktop.canvas.events import (
    KEYS,
    LEFT,
    MIDDLE,
    MOVE,
    PRESS,
    RELEASE,
    RIGHT,
    mouse,
    pen,
    stylus,
    wheel,
)

SIZE = (160, 120)
TOOLS = {"drag": "D", "editable": "M", "protected": "P", "subject": "B", "select": "W", "hand": "H"}
TABLET = {
    PRESS: QEvent.Type.TabletPress,
    MOVE: QEvent.Type.TabletMove,
    RELEASE: QEvent.Type.TabletRelease,
}
MOST_LAYERS = 5
BATCH = 50  # gestures on one picture
STEPS = {  # the steps of undo that any of the gestures can lead to
    "Add drag", "Move markers", "Nudge markers", "Delete markers", "Add pin", "Reverse drags", "Mirror drags",
    "Paint the mask", "Erase from the mask", "Clear the mask", "Select what moves", "Find what moves",
    "Keep the drag", "Move instead of bending", "Bend instead of moving", "New layer", "Duplicate layer",
    "Delete layer", "Move layer", "Layer opacity", "Show layer", "Hide layer", "Lock layer", "Unlock layer",
    "Rename layer",
}  # fmt: skip


def digest(state):
    """All that undo brings back, but for the active layer, whose choice is no step."""
    sums = hashlib.blake2b(digest_size=16)
    for layer in state.layers:
        told = layer.id, layer.name, layer.offset, layer.opacity, layer.visible, layer.locked
        sums.update(repr((told, layer.provenance)).encode())
        sums.update(layer.tiles.read(layer.tiles.box).tobytes())
    for mask in state.instruction.masks:
        sums.update(b"-" if mask is None else mask.read(mask.box).tobytes())
    sums.update(repr(state.instruction.marks).encode())
    return sums.digest()


class Hand:
    """Does on a window what a user may do, at random, and looks at what comes of it."""

    def __init__(self, window, random):
        self.window, self.random = window, random
        self.workspace, self.canvas = window.workspace, window.workspace.canvas
        self.layers, self.edit = window.findChild(LayersPanel), window.findChild(EditPanel)
        self.document, self.stack = window.document, window.document.undo_stack
        self.start = flatten(self.document.layers, SIZE).tobytes()
        self.known = {0: digest(self.document.settled)}  # by the place on the stack
        self.stack.indexChanged.connect(self.note)
        self.steps, self.done, self.walking = set(), [], False
        self.kept, self.masked = [], 0  # states before and after an edit; how many edits had a mask
        self.gestures = [
            *[self.pull] * 8, *[self.paint] * 4, *[self.edit_beside] * 4, *[self.walk] * 3,
            *[self.pin] * 2, *[self.click] * 2,
            *[self.mark] * 3, self.nudge, self.select, self.keep, self.escape, *[self.choose_tool] * 2,
            self.navigate, self.look, self.size_brush, self.clear, self.find, *[self.motion] * 2,
            self.set_method, *[self.change_layers] * 2, *[self.fade] * 2, self.choose_layer,
            *[self.switch] * 2, self.rename,
        ]  # fmt: skip

    def note(self, index):
        """Remember a new step."""
        if self.walking:
            return
        self.known = {place: known for place, known in self.known.items() if place < index}
        self.known[index] = digest(self.document.settled)
        if index:
            step = self.stack.command(index - 1)
            self.steps.add(step.text())
            if step.text() == "Keep the drag":
                self.kept.append((step.before, step.after))

    def __call__(self):
        self.do(self.gestures)
        QApplication.processEvents()
        assert self.document.state is self.document.settled, "a gesture has ended"
        while self.kept:
            self.masked += assert_masks_kept(*self.kept.pop())
        marked = self.document.instruction
        there = {Marker(kind, i) for i in range(len(marked.points)) for kind in ("handle", "target")}
        there |= {Marker("pin", i) for i in range(len(marked.pins))}
        assert self.workspace.drag_tool.selected <= there
        assert self.window.isWindowModified() == self.document.is_modified
        model = self.layers.model
        assert [model.layer(row) for row in range(model.rowCount())] == list(self.document.layers[::-1])

    def do(self, gestures):
        gesture = self.chosen(gestures)
        self.done.append(gesture.__name__)
        gesture()

    # Undo and redo.

    def undo(self):
        self.go(Qt.Key.Key_Z, KEYS.ControlModifier)

    def redo(self):
        if self.likely(0.5):
            self.go(Qt.Key.Key_Y, KEYS.ControlModifier)
        else:
            self.go(Qt.Key.Key_Z, KEYS.ControlModifier | KEYS.ShiftModifier)

    def go(self, key, keys):
        self.window.session.keeper.end()  # a key would end it too, and its step be taken for one of the walk
        self.walking = True
        self.key(key, keys)
        self.walking = False

    def walk(self):
        """Some steps back, some forward."""
        for way in (self.undo,) * self.below(4) + (self.redo,) * self.below(4):
            way()
            self.assert_known()

    def walk_all(self):
        """To the end, to the start and to the end again."""
        self.window.session.keeper.end()
        while self.stack.canRedo():
            self.redo()
            self.assert_known()
        end = digest(self.document.settled)
        for _ in range(self.stack.count()):
            self.undo()
            self.assert_known()
        assert not self.stack.canUndo()
        assert not self.document.is_modified
        assert digest(self.document.settled) == self.known[0]
        assert flatten(self.document.layers, SIZE).tobytes() == self.start
        for _ in range(self.stack.count()):
            self.redo()
            self.assert_known()
        assert not self.stack.canRedo()
        assert digest(self.document.settled) == end

    def assert_known(self):
        assert self.document.state is self.document.settled
        assert digest(self.document.settled) == self.known[self.stack.index()]

    # On the picture.

    def pull(self):
        """Drag, move markers, or whatever the tool does."""
        if self.likely(0.7):
            self.use("drag")
        self.stroke(keys=self.chosen([KEYS.NoModifier] * 4 + [KEYS.ShiftModifier, KEYS.AltModifier]))

    def paint(self):
        self.use(self.chosen(["editable", "protected", "subject"]))
        keys = self.chosen([KEYS.NoModifier] * 4 + [KEYS.ShiftModifier, KEYS.AltModifier])
        self.stroke(keys=keys, button=self.chosen([LEFT] * 3 + [RIGHT]))

    def edit_beside(self):
        """Start anew, mask a place, and keep a drag over it."""
        self.trigger("clear_editable")
        self.trigger("clear_protected")
        self.trigger("fit")
        place = self.place()
        for tool in (self.chosen(["editable", "protected"]), "drag"):
            self.use(tool)
            start, end = self.near(place), self.near(place)
            for kind, at in ((PRESS, start), (MOVE, end), (RELEASE, end)):
                mouse(self.canvas, kind, *at)
        self.keep()

    def select(self):
        self.use("select")
        self.stroke(button=self.chosen([LEFT] * 3 + [RIGHT]))

    def stroke(self, *, button=LEFT, keys=KEYS.NoModifier):
        """Press, move and release, by mouse or pen; now and then something comes between."""
        held = self.chosen(["mouse", "mouse", "pen", "eraser"])
        device = stylus(QPointingDevice.PointerType.Eraser) if held == "eraser" else stylus()

        def send(kind, place):
            if held == "mouse":
                mouse(self.canvas, kind, *place, button, keys)
            else:
                pressure = 0.0 if kind == RELEASE else float(self.random.uniform(0.1, 1))
                pen(self.canvas, device, TABLET[kind], *place, pressure=pressure, button=button, keys=keys)

        place = self.place()
        send(PRESS, place)
        for _ in range(self.below(4)):
            place = self.place() if self.likely(0.5) else self.near(place)
            send(MOVE, place)
            if self.likely(0.1):
                self.interrupt()
        send(RELEASE, place)

    def interrupt(self):
        """What a second hand may do while the first one holds a button."""
        self.do(
            [self.escape, self.escape, self.undo, self.redo, self.keep, self.choose_tool, self.look,
             self.roll, self.click, self.delete, self.nudge, self.fade, self.switch, self.motion, self.leave]
        )  # fmt: skip

    def click(self):
        """On a marker, where there is one: select, or delete."""
        self.use("drag")
        keys = self.chosen([KEYS.NoModifier, KEYS.ShiftModifier, KEYS.AltModifier])
        button, place = self.chosen([LEFT, LEFT, RIGHT]), self.place()
        mouse(self.canvas, PRESS, *place, button, keys)
        mouse(self.canvas, RELEASE, *place, button, keys)

    def pin(self):
        self.use("drag")
        place = self.place()
        for kind in (PRESS, RELEASE, QEvent.Type.MouseButtonDblClick, RELEASE):
            mouse(self.canvas, kind, *place)

    def mark(self):
        self.trigger(self.chosen(["select_markers", "reverse_drags", "mirror_drags", "delete_markers"]))

    def nudge(self):
        key = self.chosen([Qt.Key.Key_Left, Qt.Key.Key_Down, Qt.Key.Key_Tab, Qt.Key.Key_Backtab])
        self.key(key, self.chosen([KEYS.NoModifier, KEYS.ShiftModifier]))

    def delete(self):
        self.key(Qt.Key.Key_Delete)

    def keep(self):
        self.key(Qt.Key.Key_Return)

    def escape(self):
        self.key(Qt.Key.Key_Escape)

    def leave(self):
        QApplication.sendEvent(self.canvas, QEvent(QEvent.Type.Leave))

    def choose_tool(self):
        self.key(ord(self.chosen(list(TOOLS.values()))))

    def size_brush(self):
        self.key(self.chosen([Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight, Qt.Key.Key_BraceLeft]))

    def clear(self):
        self.trigger(self.chosen(["clear_editable", "clear_protected", "clear_subject", "show_masks"]))

    def find(self):
        self.trigger("find_subject")

    # The view.

    def look(self):
        self.trigger(
            self.chosen(["fit"] * 4 + ["show_pixels", "zoom_in", "zoom_out", "mirror_view", "turn_left"])
        )

    def roll(self):
        wheel(self.canvas, *self.place(), notches=int(self.random.integers(-3, 4)))

    def navigate(self):
        """Pan, turn or zoom by the hand, and now and then by the wheel."""
        if self.likely(0.4):
            self.roll()
        spaced = self.likely(0.5)
        button = LEFT if spaced else MIDDLE
        keys = self.chosen([KEYS.NoModifier, KEYS.ShiftModifier, KEYS.ControlModifier])
        if spaced:
            QTest.keyPress(self.canvas, Qt.Key.Key_Space)
        at = self.place()
        mouse(self.canvas, PRESS, *at, button, keys)
        at = self.near(at)
        mouse(self.canvas, MOVE, *at, button, keys)
        mouse(self.canvas, RELEASE, *at, button, keys)
        if spaced:
            QTest.keyRelease(self.canvas, Qt.Key.Key_Space)

    # The panels.

    def motion(self):
        bend, move = self.edit.findChildren(QToolButton)[:2]
        assert (bend.text(), move.text()) == ("Bend", "Move")
        self.chosen([bend, move]).click()

    def set_method(self):
        self.slide(self.chosen(self.edit.findChildren(NumberField)))

    def fade(self):
        self.slide(self.layers.opacity)

    def slide(self, field):
        for _ in range(1 + self.below(3)):
            QTest.keyClick(field.slider, self.chosen([Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End]))
        if self.likely(0.7):
            QTest.keyClick(field.spin_box, Qt.Key.Key_Return)  # the gesture has ended

    def change_layers(self):
        panel = self.layers
        if self.layers.model.rowCount() >= MOST_LAYERS:
            action = panel.delete_action
        else:
            kinds = "new_action", "duplicate_action", "up_action", "down_action", "delete_action"
            action = getattr(panel, self.chosen(kinds))
        action.trigger()

    def choose_layer(self):
        self.click_row(self.random_row(), 0.5)

    def switch(self):
        """The eye or the lock, by a click; what is hidden or locked is mostly taken back."""
        layers = [self.layers.model.layer(row) for row in range(self.layers.model.rowCount())]
        switched = [(row, 0) for row, layer in enumerate(layers) if not layer.visible]
        switched += [(row, 1) for row, layer in enumerate(layers) if layer.locked]
        if switched and self.likely(0.7):
            self.click_row(*self.chosen(switched))
        else:
            self.click_row(self.random_row(), self.below(2))

    def rename(self):
        self.window.session.keeper.end()  # the first key would, and another layer be the current one
        view = self.layers.view
        view.setFocus()
        self.layers.rename_action.trigger()
        editor = next(each for each in view.findChildren(QLineEdit) if each.isVisible())
        before, name = view.currentIndex().data(), self.chosen(["sky", "sea", "hill"])
        QTest.keyClicks(editor, name)
        end = self.chosen([Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab, Qt.Key.Key_Escape])
        count = self.document.undo_stack.index()
        QTest.keyClick(editor, end)
        QApplication.processEvents()  # a delegate takes Enter a little later
        renamed = end != Qt.Key.Key_Escape
        assert view.currentIndex().data() == (name if renamed else before)
        assert self.document.undo_stack.index() == count + (renamed and name != before)
        assert view.state() != view.State.EditingState
        self.canvas.setFocus()

    def random_row(self):
        return self.below(self.layers.model.rowCount())

    def click_row(self, row, across):
        """At the left end of a layer's row, in its middle, or at its right end."""
        view = self.layers.view
        view.scrollTo(view.model().index(row))
        place = view.visualRect(view.model().index(row)).adjusted(4, 0, -5, 0)
        at = place.center()
        at.setX(round(place.left() + across * place.width()))
        QTest.mouseClick(view.viewport(), LEFT, KEYS.NoModifier, at)

    # Chance.

    def below(self, most):
        return int(self.random.integers(most))

    def likely(self, chance):
        return self.random.random() < chance

    def chosen(self, choices):
        return choices[self.below(len(choices))]

    def use(self, tool):
        self.key(ord(TOOLS[tool]))

    def key(self, key, keys=KEYS.NoModifier):
        QTest.keyClick(self.canvas, Qt.Key(key), keys)

    def trigger(self, name):
        self.window.actions_[name].trigger()

    def place(self):
        """A place of the widget: of a marker, in the picture, or a little beyond it."""
        marked = self.document.instruction
        markers = [*itertools.chain(*marked.points), *marked.pins]
        if markers and self.likely(0.3):
            return self.canvas.viewport.to_widget(*self.chosen(markers))
        least, most = (-0.1, 1.1) if self.likely(0.2) else (0.0, 1.0)
        x, y = self.random.uniform(least, most, 2) * SIZE
        return self.canvas.viewport.to_widget(float(x), float(y))

    def near(self, place):
        return tuple(float(n) for n in self.random.uniform(-30, 30, 2) + place)


def assert_masks_kept(before, after):
    """What was protected, or not to be changed, looks the same with the kept layer as without; → whether
    there was such a place, and the edit changed another."""
    at = after.index(after.active)
    old, new = flatten(before.layers[:at], SIZE), flatten(after.layers[: at + 1], SIZE)
    marked = before.instruction
    fixed = np.zeros(SIZE[::-1], bool)
    if marked.protected is not None:
        fixed |= marked.protected.array() == 255
    if marked.editable is not None and not marked.editable.empty:
        fixed |= marked.editable.array() == 0
    changed = (old != new).any(-1)
    assert not (changed & fixed).any()
    return bool(changed.any() and fixed.any())


@pytest.fixture
def window(qtbot):
    shown = MainWindow(Engine())

    def settle(_):
        if shown.document is not None:
            shown.document.undo_stack.clear()

    qtbot.addWidget(shown, before_close_func=settle)
    shown.resize(760, 560)
    with qtbot.waitExposed(shown):
        shown.show()
    return shown


def run_gestures(qtbot, window, path, count, batch):
    """Random gestures on fresh pictures, each with a walk through all its steps at the end."""
    steps, masked = set(), 0
    for seed in range(count // batch):
        if window.document is not None:
            window.document.undo_stack.clear()
        with qtbot.waitSignal(window.filing.opened):
            window.filing.open_path(path)
        hand = Hand(window, np.random.default_rng(seed))
        try:
            for _ in range(batch):
                hand()
            hand.walk_all()
        except AssertionError as error:
            error.add_note(f"Seed {seed}, at last: {', '.join(hand.done[-20:])}")
            raise
        finally:
            hand.stack.indexChanged.disconnect(hand.note)  # which it also says when it goes
        steps |= hand.steps
        masked += hand.masked
    assert len(STEPS & steps) > 0.9 * len(STEPS), STEPS - steps
    assert masked > count / 50


@pytest.fixture
def path(tmp_path, paint):
    Image.fromarray(paint(*SIZE)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def test_500_random_gestures_in_the_window_undo_and_redo(qtbot, window, path):
    run_gestures(qtbot, window, path, 500, BATCH)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_10000_random_gestures_in_the_window_undo_and_redo(qtbot, window, path):
    run_gestures(qtbot, window, path, 10_000, 10 * BATCH)


def test_escape_gives_the_brush_back_and_the_next_stroke_paints(qtbot, window, path):
    with qtbot.waitSignal(window.filing.opened):
        window.filing.open_path(path)
    canvas, document = window.workspace.canvas, window.document
    window.use_tool("protected")
    start, end = (canvas.viewport.to_widget(*place) for place in ((80, 60), (110, 60)))
    mouse(canvas, PRESS, *start)
    mouse(canvas, RELEASE, *start)
    one_dab = document.instruction.protected.array()
    window.undo()
    mouse(canvas, PRESS, *start, keys=KEYS.ShiftModifier)
    mouse(canvas, MOVE, *end, keys=KEYS.ShiftModifier)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    mouse(canvas, RELEASE, *end)
    assert document.undo_stack.index() == 0
    mouse(canvas, PRESS, *start)
    mouse(canvas, RELEASE, *start)
    assert document.undo_stack.index() == 1
    assert np.array_equal(document.instruction.protected.array(), one_dab), "as large as before"
