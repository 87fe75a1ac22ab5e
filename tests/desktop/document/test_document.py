import gc
import hashlib
import itertools
import weakref
from dataclasses import replace

import numpy as np
import pytest

from desktop.document import Document, Instruction, Layer, State, Tiles, TilesEditor
from desktop.document.boxes import enclosing
from desktop.document.commands import Change
from engine import Box, Photo, Point, PointPair

SIZE = (150, 130)
DRAG = PointPair(Point(10, 20), Point(40, 50))


def noise(width=SIZE[0], height=SIZE[1], seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)
    pixels[..., 3] = np.maximum(pixels[..., 3], 1)
    return pixels


@pytest.fixture
def document(qapp):
    return Document.from_photo(Photo(pixels=noise(), profile=b"icc", exif=b"MM"), None)


class Heard:
    """What a document signalled since `clear`."""

    def __init__(self, document):
        self.said = []
        document.layers_changed.connect(lambda: self.said.append(("layers", None)))
        document.instruction_changed.connect(lambda: self.said.append(("instruction", None)))
        document.pixels_changed.connect(self._note_pixels)
        document.masks_changed.connect(lambda box: self.said.append(("masks", box)))

    def _note_pixels(self, boxes):
        self.boxes = boxes  # of the last time
        self.said.append(("pixels", enclosing(boxes)))

    def take(self):
        said, self.said = dict(self.said), self._none_twice()
        return said

    def _none_twice(self):
        assert len({name for name, _ in self.said}) == len(self.said), self.said
        return []


@pytest.fixture
def heard(document):
    return Heard(document)


def dab(tiles, x, y, side, value):
    editor = TilesEditor(tiles)
    for _, view in editor.touch(Box(x, y, x + side, y + side)):
        view[:] = value
    return editor.frozen()


def test_a_photo_becomes_a_layer_and_keeps_what_its_file_said(document):
    assert [layer.name for layer in document.layers] == ["Background"]
    assert document.size == SIZE and document.profile == b"icc" and not document.is_modified
    assert document.active_layer is document.layers[0]
    assert np.array_equal(document.active_layer.tiles.array(), noise())
    assert document.photo.exif == b"MM"


def test_the_file_s_pixels_are_let_go(qapp):
    pixels = noise()
    document = Document.from_photo(Photo(pixels=pixels), None)
    document.change(
        replace(document.state, layers=(Layer(id=1, name="", tiles=Tiles.blank(SIZE, 4)),)), "New"
    )
    document.undo_stack.clear()
    ref = weakref.ref(pixels)
    del pixels
    gc.collect()
    assert ref() is None
    assert document.photo.pixels.shape == (130, 150, 4)


def test_every_signal_comes_once_and_only_where_it_applies(document, heard):
    document.add_layer(Layer(id=document.new_id(), name="Paint", tiles=Tiles.blank(SIZE, 4)), "Add")
    assert heard.take() == {"layers": None}
    layer = document.active_layer
    document.paint_layer(layer.id, dab(layer.tiles, 10, 10, 8, 200))
    assert heard.take() == {"pixels": Box(0, 0, 64, 64)}
    document.commit("Paint")
    assert heard.take() == {}
    document.set_layer(layer.id, "Name", name="Other")
    assert heard.take() == {"layers": None}
    document.set_layer(layer.id, "Move", offset=(5, 7))
    assert heard.take() == {"layers": None, "pixels": Box(0, 0, 69, 71)}
    document.set_layer(layer.id, "Hide", visible=False)
    assert heard.take() == {"layers": None, "pixels": Box(5, 7, 69, 71)}
    document.set_layer(layer.id, "Move", offset=(9, 9))
    assert heard.take() == {"layers": None}
    document.mark(replace(document.instruction, points=(DRAG,)), "Drag")
    assert heard.take() == {"instruction": None}
    document.paint_mask("protected", dab(Tiles.blank(SIZE, 1), 60, 0, 9, 255))
    document.commit("Protect")
    assert heard.take() == {"masks": Box(0, 0, 128, 64)}
    document.activate(1)
    assert heard.take() == {"layers": None}
    document.undo_stack.setIndex(0)
    document.undo_stack.redo()
    heard.said.clear()
    document.undo_stack.undo()
    assert heard.take() == {"layers": None}


def test_reordering_repaints_only_where_layers_overlap(document, heard):
    small = Layer(id=document.new_id(), name="", tiles=Tiles.from_array(noise(20, 10)), offset=(140, 50))
    document.add_layer(small, "Add")
    heard.take()
    document.move_layer(small.id, 0, "Lower")
    assert heard.take() == {"layers": None, "pixels": Box(140, 50, 150, 60)}
    assert [layer.id for layer in document.layers] == [small.id, 1]


def test_layers_outside_the_picture_repaint_nothing(document, heard):
    far = Layer(id=document.new_id(), name="", tiles=Tiles.from_array(noise(20, 10)), offset=(-20, 0))
    document.add_layer(far, "Add")
    assert heard.take() == {"layers": None}


def test_a_gesture_leaves_one_step(document, heard):
    before = document.state
    for x in range(0, 60, 5):
        document.paint_layer(1, dab(document.active_layer.tiles, x, 3, 4, 0))
    assert document.undo_stack.count() == 0 and document.settled is before
    document.commit("Paint")
    after = document.state
    assert document.undo_stack.count() == 1 and document.undo_stack.undoText() == "Paint"
    heard.said.clear()
    document.undo_stack.undo()
    assert document.state is before and heard.take() == {"pixels": Box(0, 0, 64, 64)}
    document.undo_stack.redo()
    assert document.state is after and heard.take() == {"pixels": Box(0, 0, 64, 64)}


def test_a_reverted_gesture_leaves_none(document, heard):
    before = document.state
    document.paint_layer(1, dab(document.active_layer.tiles, 0, 0, 4, 0))
    document.revert()
    assert document.state is before and document.undo_stack.count() == 0 and not document.is_modified


def test_undo_during_a_gesture_drops_it(document):
    document.set_layer(1, "Name", name="Other")
    document.paint_layer(1, dab(document.active_layer.tiles, 0, 0, 4, 0))
    document.undo_stack.undo()
    assert document.active_layer.name == "Background"
    assert np.array_equal(document.active_layer.tiles.array(), noise())


def test_what_changes_nothing_is_no_step_and_keeps_what_can_be_redone(document):
    document.set_layer(1, "Name", name="Other")
    document.undo_stack.undo()
    document.set_layer(1, "Name", name="Background")
    document.commit("Nothing")
    assert document.undo_stack.count() == 1 and document.undo_stack.canRedo()


def test_nudges_merge_into_one_step(document):
    document.mark(Instruction(points=(DRAG,)), "Drag")
    for x in range(1, 4):
        moved = PointPair(Point(10 + x, 20), Point(40, 50))
        document.mark(replace(document.instruction, points=(moved,)), "Nudge", merge=("nudge", 0))
    assert document.undo_stack.count() == 2
    document.mark(replace(document.instruction, points=()), "Nudge", merge=("nudge", 1))
    assert document.undo_stack.count() == 3
    document.undo_stack.undo()
    document.undo_stack.undo()
    assert document.instruction.points == (DRAG,)


def test_merged_steps_that_come_to_nothing_vanish(document):
    document.set_layer(1, "Fade", merge="fade", opacity=0.5)
    document.set_layer(1, "Fade", merge="fade", opacity=1.0)
    gc.collect()
    assert document.undo_stack.count() == 0 and not document.is_modified


def test_exemplars_compare_by_identity(document):
    one, other = noise(5, 5), noise(5, 5)
    document.mark(Instruction(exemplar=one), "Exemplar")
    document.mark(Instruction(exemplar=one), "Exemplar")
    assert document.undo_stack.count() == 1
    document.mark(Instruction(exemplar=other), "Exemplar")
    assert document.undo_stack.count() == 2


def test_layers_come_and_go(document):
    top = Layer(id=document.new_id(), name="Top", tiles=Tiles.blank(SIZE, 4))
    document.add_layer(top, "Add")
    copy = document.duplicate_layer(1, "Copy", "Duplicate")
    assert [layer.name for layer in document.layers] == ["Background", "Copy", "Top"]
    assert document.active_layer.id == copy and document.layers[1].tiles is document.layers[0].tiles
    document.remove_layer(copy, "Remove")
    assert document.active_layer.id == 1
    document.remove_layer(1, "Remove")
    assert document.layers == (top,) and document.active_layer is top
    assert document.new_id() > copy


def test_activating_is_no_step(document):
    document.add_layer(Layer(id=document.new_id(), name="Top", tiles=Tiles.blank(SIZE, 4)), "Add")
    document.activate(1)
    document.set_layer(1, "Name", name="Other")
    document.undo_stack.undo()
    assert document.active_layer.id == 1 and document.undo_stack.count() == 2


def test_what_is_shown_is_what_is_settled_but_for_a_gesture(document):
    def resting():
        return document.state is document.settled

    document.add_layer(Layer(id=document.new_id(), name="Top", tiles=Tiles.blank(SIZE, 4)), "Add")
    document.activate(1)
    assert resting()
    for opacity in (0.5, 1.0):
        document.set_layer(1, "Fade", merge="fade", opacity=opacity)
        assert resting()
    document.paint_layer(1, dab(document.active_layer.tiles, 0, 0, 4, 0))
    document.activate(2)
    assert not resting() and document.active_layer.id == 2
    document.commit("Paint")
    assert resting()
    document.preview_state(replace(document.state, active=document.state.active))
    document.commit("Nothing")
    assert resting() and document.undo_stack.count() == 2


def test_a_merged_step_is_announced_by_the_stack(document):
    heard = []
    document.undo_stack.indexChanged.connect(heard.append)
    for opacity in (0.5, 0.4):
        document.set_layer(1, "Fade", merge="fade", opacity=opacity)
    assert heard == [1, 1]


def test_saving_is_remembered(document, tmp_path):
    document.set_layer(1, "Name", name="Other")
    saved = document.state
    document.mark_saved(saved, tmp_path / "a.png")
    assert not document.is_modified and document.path == tmp_path / "a.png"
    document.set_layer(1, "Name", name="Third")
    assert document.is_modified
    document.mark_saved(saved, tmp_path / "a.png")
    assert document.is_modified
    document.undo_stack.undo()
    document.mark_saved(saved, tmp_path / "a.png")
    assert not document.is_modified


def test_commands_survive_the_garbage_collector(document):
    for n in range(50):
        document.set_layer(1, f"Name {n}", name=f"{n}")
    gc.collect()
    steps = [document.undo_stack.command(n) for n in range(50)]
    assert all(isinstance(step, Change) for step in steps)
    del steps
    gc.collect()
    document.undo_stack.setIndex(0)
    assert document.active_layer.name == "Background"
    gc.collect()
    document.undo_stack.setIndex(50)
    assert document.active_layer.name == "49"


def test_commands_go_with_the_stack(document):
    document.set_layer(1, "Name", name="Other")
    ref = weakref.ref(document.undo_stack.command(0))
    document.undo_stack.undo()
    document.set_layer(1, "Name", name="Third")
    gc.collect()
    assert ref() is None


def test_a_closed_document_gives_its_pixels_back(qapp):
    document = Document.from_photo(Photo(pixels=noise()), None)
    document.paint_layer(1, dab(document.active_layer.tiles, 0, 0, 4, 0))
    document.commit("Paint")
    tiles = weakref.ref(document.active_layer.tiles)
    del document
    gc.collect()
    assert tiles() is None


def test_history_holds_what_a_stroke_touched(qapp):
    """300 dabs, 64 px wide, across 4K; and undoing it stays as cheap."""
    pixels = np.full((2160, 3840, 4), 255, np.uint8)
    document = Document.from_photo(Photo(pixels=pixels), None)
    editor = TilesEditor(document.active_layer.tiles)
    for t in np.linspace(0, 1, 300):
        x, y = round(100 + t * 3640) - 32, round(1080 + np.sin(2 * np.pi * t) * 756) - 32
        for _, view in editor.touch(Box(x, y, x + 64, y + 64)):
            view[:] = 0
        document.paint_layer(1, editor.frozen())
    document.commit("Paint")
    held = document.history_bytes()
    assert pixels.nbytes > 5_000_000 and held == 0  # what was before the stroke, the base still shows
    document.undo_stack.undo()
    assert 0 < document.history_bytes() <= 5_000_000
    document.undo_stack.redo()
    assert document.history_bytes() == 0
    for _, view in editor.touch(Box(0, 1000, 200, 1200)):
        view[:] = 1
    document.paint_layer(1, editor.frozen())
    document.commit("Paint")
    assert document.history_bytes() <= 64 * 64 * 4 * 25


def test_assembled_pictures_are_let_go_with_their_state(document):
    document.paint_layer(1, dab(document.active_layer.tiles, 0, 0, 4, 0))
    document.commit("Paint")
    painted = document.active_layer.tiles
    painted.array()
    document.set_layer(1, "Name", name="Other")
    assert painted._whole is not None
    document.undo_stack.setIndex(0)
    assert painted._whole is None


# --- random gestures ---------------------------------------------------------------------------------


def digest(state: State):
    """All that undo must bring back, but for the active layer, whose choice is no step."""
    sums = hashlib.blake2b(digest_size=16)
    for layer in state.layers:
        sums.update(repr((layer.id, layer.name, layer.offset, layer.opacity, layer.visible)).encode())
        sums.update(np.ascontiguousarray(layer.tiles.read(layer.tiles.box)).tobytes())
    for mask in state.instruction.masks:
        sums.update(b"-" if mask is None else mask.read(mask.box).tobytes())
    sums.update(repr(state.instruction.marks[:4]).encode())
    return sums.digest()


class Gestures:
    """Random gestures on a document, each checked for what it signalled."""

    def __init__(self, document, oracle, seed):
        self.document, self.oracle, self.random = document, oracle, np.random.default_rng(seed)
        self.heard = Heard(document)
        self.digests = {0: digest(document.state)}
        self.seen = self.look()
        self.gestures = [
            self.add, self.add, self.remove, self.move, self.duplicate, self.set_property, self.set_property,
            self.paint, self.paint, self.paint, self.paint_mask, self.paint_mask, self.point, self.nudge,
            self.walk, self.abandon,
        ]  # fmt: skip

    def look(self):
        document = self.document
        masks = [mask.read(mask.box) if mask else None for mask in document.instruction.masks]
        return self.oracle(document.layers, document.size), masks

    def check(self):
        """Whether all that now looks different lies in what was signalled."""
        said, (picture, masks) = self.heard.take(), self.look()
        before, old_masks = self.seen
        self.seen = picture, masks
        differing = (picture != before).any(-1)
        for box in self.heard.boxes if "pixels" in said else ():
            differing[box.slices] = False
        assert not differing.any()
        for old, new in zip(old_masks, masks, strict=True):
            blank = np.zeros(SIZE[::-1], np.uint8)
            assert covers(
                said.get("masks"), (blank if old is None else old) != (blank if new is None else new)
            )

    def __call__(self):
        self.random.choice(np.array(self.gestures, object))()
        self.check()
        index = self.document.undo_stack.index()
        self.digests[index] = digest(self.document.state)
        self.digests = {i: d for i, d in self.digests.items() if i <= self.document.undo_stack.count()}

    def layer(self):
        return self.document.layers[self.random.integers(len(self.document.layers))]

    def add(self):
        if len(self.document.layers) > 5:
            return self.remove()
        width, height = (int(n) for n in self.random.integers(1, 200, 2))
        kind = self.random.integers(3)
        pixels = noise(width, height, int(self.random.integers(1000)))
        tiles = Tiles.blank(SIZE, 4) if kind == 0 else Tiles.from_array(pixels)
        offset = (0, 0) if kind == 0 else tuple(int(n) for n in self.random.integers(-60, 120, 2))
        layer = Layer(id=self.document.new_id(), name="New", tiles=tiles, offset=offset)
        return self.document.add_layer(layer, "Add", above=self.layer().id)

    def remove(self):
        if len(self.document.layers) > 1:
            self.document.remove_layer(self.layer().id, "Remove")

    def move(self):
        self.document.move_layer(
            self.layer().id, int(self.random.integers(len(self.document.layers))), "Order"
        )

    def duplicate(self):
        if len(self.document.layers) < 6:
            self.document.duplicate_layer(self.layer().id, "Copy", "Duplicate")

    def set_property(self):
        layer, kind = self.layer(), self.random.integers(4)
        x, y = (int(n) for n in self.random.integers(-60, 120, 2))
        opacity = float(self.random.choice([0, 0.3, 1]))
        change = [{"opacity": opacity}, {"offset": (x, y)}, {"visible": not layer.visible}, {"name": str(x)}]
        merge = ("fade", layer.id) if kind == 0 else None
        self.document.set_layer(layer.id, "Property", merge=merge, **change[kind])

    def dabs(self, tiles, show):
        editor = TilesEditor(tiles)
        for _ in range(self.random.integers(1, 4)):
            x, y = (int(n) for n in self.random.integers(-20, 150, 2))
            value = int(self.random.integers(256))
            for _, view in editor.touch(Box(x, y, x + 30, y + 30)):
                view[:] = value
            show(editor.frozen())
            self.check()

    def paint(self):
        layer = self.layer()
        self.dabs(layer.tiles, lambda tiles: self.document.paint_layer(layer.id, tiles))
        self.document.commit("Paint")

    def paint_mask(self):
        name = str(self.random.choice(["editable", "protected", "subject"]))
        mask = getattr(self.document.instruction, name)
        if mask is not None and self.random.random() < 0.2:
            self.document.paint_mask(name, None)
        else:
            self.dabs(mask or Tiles.blank(SIZE, 1), lambda tiles: self.document.paint_mask(name, tiles))
        self.document.commit("Mask")

    def point(self):
        marked = self.document.instruction
        numbers = [float(n) for n in self.random.uniform(0, 100, 4)]
        points = (*marked.points[-3:], PointPair(Point(*numbers[:2]), Point(*numbers[2:])))
        self.document.mark(replace(marked, points=points), "Drag")

    def nudge(self):
        marked = self.document.instruction
        pins = (*marked.pins[:-1], Point(float(self.random.integers(100)), 0.0))
        self.document.mark(replace(marked, pins=pins), "Nudge", merge="nudge")

    def walk(self):
        """Some steps back, some forward."""
        for _ in range(self.random.integers(1, 4)):
            self.step(self.document.undo_stack.undo)
        for _ in range(self.random.integers(0, 4)):
            self.step(self.document.undo_stack.redo)

    def abandon(self):
        layer = self.layer()
        self.dabs(layer.tiles, lambda tiles: self.document.paint_layer(layer.id, tiles))
        self.document.revert()

    def step(self, way):
        way()
        self.check()
        assert digest(self.document.state) == self.digests[self.document.undo_stack.index()]


def covers(box, differing):
    """Whether all that differs lies in `box`."""
    outside = differing.copy()
    if box is not None:
        assert Box(0, 0, *SIZE) == Box(*np.minimum(box[:2], 0), *np.maximum(box[2:], SIZE))
        outside[box.slices] = False
    return not outside.any()


def run_gestures(document, oracle, count, seed):
    gestures = Gestures(document, oracle, seed)
    stack, start = document.undo_stack, digest(document.state)
    for n in range(count):
        gestures()
        if n % 100 == 0:
            gc.collect()
    end, final = digest(document.state), stack.index()
    assert stack.count() > count / 10
    for _ in range(final):
        gestures.step(stack.undo)
    assert not stack.canUndo() and digest(document.state) == start
    for _ in range(final):
        gestures.step(stack.redo)
    assert digest(document.state) == end
    states = [stack.command(i) for i in range(stack.count())]
    for one, next_one in itertools.pairwise(states):
        old = {id(tiles) for tiles in one.before.all_tiles}
        assert (
            one.after.layers == next_one.before.layers
            and one.after.instruction == next_one.before.instruction
        )
        assert sum(id(tiles) not in old for tiles in one.after.all_tiles) <= 1


def test_500_random_gestures_undo_and_redo(document, oracle):
    run_gestures(document, oracle, 500, seed=0)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_10000_random_gestures_undo_and_redo(document, oracle):
    run_gestures(document, oracle, 10_000, seed=1)
