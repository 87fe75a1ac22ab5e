import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from desktop.document.boxes import enclosing, meet, moved
from desktop.document.tiles import TILE, Tiles, TilesEditor
from engine import Box

LIMIT = 5_000_000  # bytes of undo for a stroke across a 4K picture


@st.composite
def boxes(draw, width, height):
    x0, y0 = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return Box(x0, y0, draw(st.integers(x0 + 1, width)), draw(st.integers(y0 + 1, height)))


@st.composite
def histories(draw):
    """A size, a depth, whether the picture starts blank, and boxes to be painted."""
    width, height = draw(st.integers(1, 3 * TILE + 5)), draw(st.integers(1, 2 * TILE + 5))
    painted = draw(st.lists(st.tuples(boxes(width, height), st.integers(0, 255), st.booleans()), max_size=6))
    return width, height, draw(st.sampled_from([1, 4])), draw(st.booleans()), painted


def shape(width, height, channels):
    return (height, width, 4) if channels == 4 else (height, width)


def noise(width, height, channels=4, seed=0):
    return np.random.default_rng(seed).integers(1, 256, shape(width, height, channels), np.uint8)


@settings(deadline=None, max_examples=150)
@given(histories())
def test_versions_equal_plain_arrays(history):
    width, height, channels, blank, painted = history
    plain = np.zeros(shape(width, height, channels), np.uint8) if blank else noise(width, height, channels)
    tiles = Tiles.blank((width, height), channels) if blank else Tiles.from_array(plain.copy())
    versions = [(tiles, plain)]
    for box, value, by_editor in painted:
        plain = plain.copy()
        plain[box.slices] = value
        if by_editor:
            editor = TilesEditor(tiles)
            for _, view in editor.touch(box):
                view[:] = value
            tiles = editor.frozen()
        else:
            tiles = tiles.write(box, np.full_like(plain[box.slices], value))
        versions.append((tiles, plain))
    for tiles, plain in versions:
        assert tiles.size == (width, height) and tiles.channels == channels
        assert np.array_equal(tiles.array(), plain)
        assert tiles.array() is tiles.array() and not tiles.array().flags.writeable
        assert tiles.empty == (not plain.any())
        for box, *_ in painted:
            part = tiles.read(box)
            assert (
                np.array_equal(part, plain[box.slices]) and part.flags.c_contiguous and part.flags.writeable
            )
    for (tiles, plain), (later, other) in itertools.pairwise(versions):
        differing = plain != other
        differing = differing.any(-1) if channels == 4 else differing
        if differing.any():
            boxes = tiles.changed(later)
            assert boxes == later.changed(tiles)
            for box in boxes:
                differing[box.slices] = False
            assert not differing.any()


def test_a_picture_keeps_its_array():
    array = noise(300, 200)
    tiles = Tiles.from_array(array)
    assert tiles.array() is array and not array.flags.writeable
    assert tiles.unique_bytes(set()) == array.nbytes


def test_a_picture_that_is_not_contiguous_is_copied():
    array = noise(300, 200)[:, ::2]
    assert np.array_equal(Tiles.from_array(array).array(), array)
    assert array.flags.writeable


def test_blank_costs_nothing():
    tiles = Tiles.blank((30_000, 3_000), 4)
    assert tiles.unique_bytes(set()) == 0 and tiles.empty
    assert tiles.changed(Tiles.blank((30_000, 3_000), 4)) == []


def test_a_base_of_zeros_is_empty():
    assert Tiles.from_array(np.zeros((100, 100), np.uint8)).empty
    assert not Tiles.from_array(np.eye(100, dtype=np.uint8)[::-1]).empty


def test_versions_share_what_was_not_touched():
    tiles = Tiles.from_array(noise(640, 640))
    seen: set[int] = set()
    tiles.unique_bytes(seen)
    later = tiles.write(Box(70, 70, 80, 80), np.zeros((10, 10, 4), np.uint8))
    assert later.unique_bytes(set(seen)) == TILE * TILE * 4
    assert later.changed(tiles) == [Box(64, 64, 128, 128)]
    assert later.changed(later) == []


def test_pictures_of_different_origin_differ_everywhere():
    one, other = Tiles.from_array(noise(200, 100)), Tiles.from_array(noise(200, 100))
    assert one.changed(other) == [Box(0, 0, 200, 100)]


def test_what_winds_through_a_picture_changes_little_of_it():
    tiles = Tiles.blank((4000, 2000), 4)
    editor = TilesEditor(tiles)
    for t in np.linspace(0, 1, 200):
        x, y = int(100 + 3700 * t), int(1000 + 800 * np.sin(9 * t))
        for _, view in editor.touch(Box(x, y, x + 30, y + 30)):
            view[:] = 255
    boxes = tiles.changed(editor.frozen())
    assert sum(box.width * box.height for box in boxes) < 0.35 * 4000 * 2000
    assert all(meet(a, b) is None for a, b in itertools.combinations(boxes, 2))


def test_writing_all_lets_go_of_the_base():
    tiles = Tiles.from_array(noise(200, 100))
    pixels = noise(200, 100, seed=1)
    later = tiles.write(Box(0, 0, 200, 100), pixels)
    assert later.unique_bytes(set()) == pixels.nbytes and pixels.flags.writeable
    pixels[:] = 0
    assert later.array().all()


def test_editor_leaves_older_versions_alone():
    tiles = Tiles.blank((200, 200), 1)
    editor = TilesEditor(tiles)
    assert editor.frozen() is tiles
    frozen = []
    for value in (1, 2, 3):
        for _, view in editor.touch(Box(60, 60, 70, 70)):
            view[:] = value
        frozen.append(editor.frozen())
    assert editor.frozen() is frozen[-1]
    assert tiles.empty and [version.array()[65, 65] for version in frozen] == [1, 2, 3]


def test_editor_writes_in_place_between_versions():
    editor = TilesEditor(Tiles.blank((64, 64), 4))
    _, first = next(iter(editor.touch(Box(0, 0, 64, 64))))
    _, second = next(iter(editor.touch(Box(0, 0, 64, 64))))
    assert np.shares_memory(first, second)
    first[:] = 9
    assert editor.frozen().array().all()


def test_frozen_tiles_refuse_to_be_written():
    editor = TilesEditor(Tiles.blank((64, 64), 4))
    list(editor.touch(Box(0, 0, 64, 64)))
    frozen = editor.frozen()
    for tile in frozen._seen():
        with pytest.raises(ValueError, match="read-only"):
            tile[:] = 1


@pytest.mark.parametrize("box", [Box(-50, -50, 10, 10), Box(190, 90, 400, 400), Box(500, 0, 600, 9)])
def test_touch_stays_inside_the_picture(box):
    editor = TilesEditor(Tiles.blank((200, 100), 1))
    parts = [part for part, _ in editor.touch(box)]
    assert enclosing(parts) == meet(box, Box(0, 0, 200, 100))


def test_touch_covers_the_box_once():
    editor, count = TilesEditor(Tiles.blank((300, 300), 1)), np.zeros((300, 300), int)
    for part, view in editor.touch(Box(30, 50, 222, 129)):
        assert view.shape == (part.height, part.width)
        count[part.slices] += 1
    assert count.max() == 1 and count.sum() == 192 * 79


def test_forget_gives_memory_back():
    tiles = Tiles.blank((100, 100), 4)
    assert tiles.array().nbytes == tiles.unique_bytes(set())
    tiles.forget()
    assert tiles.unique_bytes(set()) == 0


def test_moved_boxes():
    assert moved(Box(1, 2, 3, 4), 10, -2) == Box(11, 0, 13, 2)
    assert enclosing([]) is None and enclosing([None, Box(1, 2, 3, 4)]) == Box(1, 2, 3, 4)
    assert meet(Box(0, 0, 5, 5), Box(5, 0, 9, 9)) is None


def stroke(width=3840, height=2160, dabs=300, side=64):
    """Boxes of the dabs of an S across a picture."""
    for t in np.linspace(0, 1, dabs):
        x = 100 + t * (width - 200)
        y = height / 2 + np.sin(2 * np.pi * t) * height * 0.35
        left, top = int(x) - side // 2, int(y) - side // 2
        yield Box(left, top, left + side, top + side)


def test_undo_of_a_stroke_across_4k():
    tiles = Tiles.from_array(noise(3840, 2160))
    seen: set[int] = set()
    tiles.unique_bytes(seen)
    editor = TilesEditor(tiles)
    for box in stroke():
        for _, view in editor.touch(box):
            view[:] = 0
    assert editor.frozen().unique_bytes(seen) <= LIMIT


def fastest(work, repeats=20):
    """Seconds, at best: what the work costs without the others on this machine."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def test_gestures_at_24_megapixels_are_quick():
    """With room for a loaded machine; the figures of a free one stand in the module."""
    tiles = Tiles.from_array(np.full((4000, 6000, 4), 7, np.uint8))
    editor = TilesEditor(tiles)
    at = iter(range(10**6))

    def dab():
        n = next(at)
        x, y = 30 + n % 40 * 130, 30 + n // 40 * 130
        for _, view in editor.touch(Box(x, y, x + 64, y + 64)):
            view[0, 0] = 1

    def freeze():
        editor.frozen()

    touching = fastest(dab)
    freezing = []
    for _ in range(20):
        dab()
        freezing.append(fastest(freeze, 1))
    comparing = fastest(lambda: editor.frozen().changed(tiles))
    foreign = Tiles.from_array(np.full((4000, 6000, 4), 7, np.uint8))
    assert touching < 0.5e-3 and min(freezing) < 1e-3 and comparing < 2e-3
    assert fastest(lambda: foreign.changed(tiles)) < 5e-3
