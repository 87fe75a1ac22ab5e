import time

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PySide6.QtGui import QImage

from desktop.document.compositor import composite, flatten
from desktop.document.layer import Layer
from desktop.document.tiles import Tiles, TilesEditor
from engine import Box

SIZE = (170, 140)
WHOLE = Box(0, 0, *SIZE)

pytestmark = pytest.mark.usefixtures("qapp")


def noise(seed=0, width=SIZE[0], height=SIZE[1], *, alpha="any"):
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 4), np.uint8)
    if alpha == "opaque":
        pixels[..., 3] = 255
    elif alpha == "patchy":  # the values that must stay exact, and some between
        pixels[..., 3] = random.choice(np.array([0, 0, 255, 255, 128], np.uint8), (height, width))
    return pixels


def layer(pixels, number=1, **fields):
    return Layer(id=number, name="", tiles=Tiles.from_array(pixels), **fields)


def painted(tiles, box, value):
    editor = TilesEditor(tiles)
    for _, view in editor.touch(box):
        view[:] = value
    return editor.frozen()


def rgba(out):
    """(h, w, 4) premultiplied RGBA of a buffer in B, G, R, A."""
    return out[..., [2, 1, 0, 3]].astype(np.float64)


def shown(layers, box=WHOLE):
    out = np.random.default_rng(9).integers(0, 256, (box.height, box.width, 4), np.uint8)
    composite(layers, box, out)
    return rgba(out)


@st.composite
def stacks(draw):
    """Layers of every kind, and how many of them are translucent."""
    layers = []
    for number in range(draw(st.integers(0, 4))):
        seed, alpha = draw(st.integers(0, 99)), draw(st.sampled_from(["any", "opaque", "patchy", "blank"]))
        opacity = draw(st.sampled_from([1.0, 1.0, 0.5, 0.23, 0.9, 0.0]))
        if draw(st.booleans()):
            offset, size = (0, 0), SIZE
        else:
            offset = draw(st.tuples(st.integers(-60, 190), st.integers(-60, 150)))
            size = draw(st.tuples(st.integers(1, 200), st.integers(1, 150)))
        tiles = (
            Tiles.blank(size, 4) if alpha == "blank" else Tiles.from_array(noise(seed, *size, alpha=alpha))
        )
        if draw(st.booleans()):
            tiles = painted(tiles, Box(20, 30, 90, 70), (200, 100, 50, draw(st.sampled_from([0, 90, 255]))))
        visible = draw(st.booleans()) or draw(st.booleans())
        layers.append(Layer(id=number, name="", tiles=tiles, offset=offset, opacity=opacity, visible=visible))
    return layers


@settings(deadline=None, max_examples=80)
@given(stacks(), st.sampled_from([WHOLE, Box(13, 20, 77, 130), Box(100, 60, 101, 61)]))
def test_composite_equals_its_definition(oracle, layers, box):
    soft = sum(layer.shown for layer in layers)
    difference = np.abs(shown(layers, box) - np.rint(oracle(layers, SIZE)[box.slices]))
    assert difference.max() <= max(soft, 1)


@pytest.mark.parametrize("opacity", [1.0, 0.9, 0.5, 0.3, 0.1])
def test_one_translucent_layer_comes_within_a_level(oracle, opacity):
    layers = [layer(noise(0, alpha="opaque")), layer(noise(1), 2, opacity=opacity)]
    assert np.abs(shown(layers) - np.rint(oracle(layers, SIZE))).max() <= 1


@settings(deadline=None, max_examples=80)
@given(stacks())
def test_flattened_equals_its_definition(oracle, layers):
    flat = flatten(layers, SIZE).astype(np.float64)
    expected = oracle(layers, SIZE)
    alpha = flat[..., 3:]
    assert np.abs(alpha - expected[..., 3:]).max() <= 0.5001
    straight = expected[..., :3] / np.maximum(expected[..., 3:], 1e-9) * 255
    seen = expected[..., 3] > 0.5
    assert np.abs(flat[..., :3] - straight)[seen].max(initial=0) <= 0.51


def test_an_opaque_layer_shows_its_own_bytes():
    pixels = noise(alpha="opaque")
    assert np.array_equal(shown([layer(pixels)]), pixels)
    edited = painted(Tiles.from_array(pixels), Box(3, 3, 99, 99), (1, 2, 3, 255))
    assert np.array_equal(shown([Layer(id=1, name="", tiles=edited)]), edited.array())


def test_nothing_visible_is_transparent():
    assert not shown([]).any()
    assert not shown([layer(noise(), visible=False), layer(noise(), 2, opacity=0.0)]).any()


def test_an_image_and_part_of_a_larger_buffer_serve_as_well():
    pixels = noise(alpha="opaque")
    image = QImage(40, 30, QImage.Format.Format_ARGB32_Premultiplied)
    composite([layer(pixels)], Box(10, 20, 50, 50), image)
    bits = np.frombuffer(image.constBits(), np.uint8).reshape(30, 40, 4)
    assert np.array_equal(rgba(bits), pixels[20:50, 10:50])
    cache = np.full((140, 170, 4), 77, np.uint8)
    part = Box(10, 20, 50, 50)
    composite([layer(pixels)], part, cache[part.slices])
    assert np.array_equal(rgba(cache[part.slices]), pixels[part.slices])
    cache[part.slices] = 77
    assert (cache == 77).all()


def test_painting_leaves_the_layer_alone():
    pixels = noise()
    faded = layer(pixels, opacity=0.3)
    shown([faded])
    assert np.array_equal(pixels, noise())


def test_a_layer_alone_is_not_copied():
    pixels = noise(alpha="patchy")
    hidden = layer(noise(1), 2, visible=False)
    assert flatten([layer(pixels), hidden], SIZE) is pixels


def test_a_blank_layer_above_changes_no_byte():
    pixels = noise(alpha="patchy")
    layers = [layer(pixels), Layer(id=2, name="", tiles=Tiles.blank(SIZE, 4))]
    assert np.array_equal(flatten(layers, SIZE), pixels)


def test_transparent_pixels_above_change_no_byte():
    pixels, above = noise(alpha="any"), noise(1, alpha="patchy")
    flat = flatten([layer(pixels), layer(above, 2)], SIZE)
    assert np.array_equal(flat[above[..., 3] == 0], pixels[above[..., 3] == 0])
    assert np.array_equal(flat[above[..., 3] == 255], above[above[..., 3] == 255])


def test_colours_under_transparency_stay_where_one_layer_covers_them():
    pixels = noise(0, 100, 90, alpha="patchy")
    flat = flatten([layer(pixels, offset=(30, 20))], SIZE)
    assert np.array_equal(flat[20:110, 30:130], pixels)
    assert not flat[:20].any() and not flat.flags.writeable


def fastest(work, repeats=10):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def test_a_dab_is_composited_within_a_frame():
    """Eight layers under a dab of 64 px, with room for a loaded machine."""
    layers = [layer(noise(n), n) for n in range(8)]
    out = np.zeros((64, 64, 4), np.uint8)
    assert fastest(lambda: composite(layers, Box(30, 30, 94, 94), out)) < 4e-3


def test_colours_of_a_wholly_transparent_layer_stay():
    pixels = noise(0, 100, 90)
    pixels[..., 3] = 0
    flat = flatten([layer(pixels, offset=(30, 20)), layer(np.zeros((140, 170, 4), np.uint8), 2)], SIZE)
    assert np.array_equal(flat[20:110, 30:130], pixels)
