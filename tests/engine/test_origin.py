"""An origin is checked, survives being JSON, and is believed only beside its own pixels."""

import json

import numpy as np
import PIL.Image
import pytest
from PIL.PngImagePlugin import PngInfo

from engine.edit import DragEdit, Point, PointPair, TextEdit
from engine.errors import InvalidRequest
from engine.origin import Origin
from engine.photo import open_photo
from engine.photo_writer import Photo, save_photo
from engine.recipe import KEY, read_recipe, write_recipe
from engine.region import plan

FACTS = {
    "prompt": "ein Käfer 🐞",
    "pack": "p",
    "size": (320, 240),
    "seed": 2**62,
    "steps": 12,
    "guidance": 3.5,
}


@pytest.fixture
def origin():
    return Origin(**FACTS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"prompt": " \n"}, "Write what the picture should show."),
        ({"size": (0, 64)}, "sides of 8 to 2048 pixels, not 0 × 64"),
        ({"size": (64, 4096)}, "not 64 × 4096"),
        ({"seed": -1}, "The seed must be between 0 and"),
        ({"seed": 2**63}, "The seed must be between 0 and"),
        ({"steps": 0}, "steps takes 1 to 200, not 0"),
        ({"guidance": 0.5}, "guidance takes 1 to 30, not 0.5"),
        ({"guidance": float("nan")}, "guidance takes 1 to 30, not nan"),
    ],
)
def test_what_cannot_be_generated_is_refused(changes, words):
    with pytest.raises(InvalidRequest, match=words):
        Origin(**FACTS | changes)


def test_it_survives_being_json(origin):
    assert Origin.from_json(json.loads(json.dumps(origin.as_json()))) == origin
    numpys = Origin(**FACTS | {"seed": np.int64(7), "size": (np.int32(320), np.int32(240))})
    assert Origin.from_json(json.loads(json.dumps(numpys.as_json()))) == numpys


# --- in files


@pytest.mark.parametrize("alpha", [False, True])
def test_a_png_keeps_it(origin, picture, clear_picture, tmp_path, alpha):
    pixels = clear_picture if alpha else picture
    save_photo(Photo(pixels=pixels, origin=origin), tmp_path / "a.png")
    photo = open_photo(tmp_path / "a.png")
    assert photo.origin == origin
    save_photo(photo, tmp_path / "b.png")
    assert open_photo(tmp_path / "b.png").origin == origin
    assert photo.with_pixels(pixels).origin is None


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.tif"])
def test_other_files_do_not(origin, picture, tmp_path, name):
    save_photo(Photo(pixels=picture, origin=origin), tmp_path / name)
    assert open_photo(tmp_path / name).origin is None


def test_a_picture_that_another_program_has_changed_has_none(origin, picture, tmp_path):
    save_photo(Photo(pixels=picture, origin=origin), tmp_path / "a.png")
    with PIL.Image.open(tmp_path / "a.png") as image:
        kept = PngInfo()
        kept.add_text(KEY, image.info[KEY])
        changed = image.copy()
        changed.putpixel((5, 5), (1, 2, 3))
        changed.save(tmp_path / "b.png", pnginfo=kept)
        image.save(tmp_path / "c.png", pnginfo=kept)
        image.crop((0, 0, 100, 100)).save(tmp_path / "d.png", pnginfo=kept)
    assert [open_photo(tmp_path / f"{name}.png").origin for name in "bcd"] == [None, origin, None]


def test_pictures_of_the_same_bytes_and_another_shape_differ(origin):
    pixels = np.zeros((240, 320, 4), np.uint8)
    assert read_recipe(write_recipe(origin, pixels), pixels) == origin
    assert read_recipe(write_recipe(origin, pixels), pixels.reshape(320, 240, 4)) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda values: None,
        lambda values: "[" * 100_000,
        lambda values: "{",
        lambda values: "3",
        lambda values: json.dumps({"pixels": values["pixels"]}),
        lambda values: json.dumps(values | {"size": 3}),
        lambda values: json.dumps(values | {"steps": "many"}),
        lambda values: json.dumps(values | {"seed": -5}),
        lambda values: json.dumps(values | {"seed": 1e400}),
        lambda values: json.dumps(values | {"prompt": ""}),
        lambda values: json.dumps([values]),
    ],
    ids=range(11),
)
def test_a_text_of_anybodys_tells_nothing(origin, picture, spoil):
    text = spoil(json.loads(write_recipe(origin, picture)))
    assert read_recipe(text, picture) is None


# --- in requests


def test_an_origin_of_another_size_is_refused(origin, paint):
    words = "is 100 × 80 pixels, but was generated with 320 × 240"
    with pytest.raises(InvalidRequest, match=words):
        TextEdit(image=paint(100, 80), prompt="a", origin=origin)


@pytest.mark.parametrize("masked", [False, True])
def test_a_method_is_shown_all_of_a_generated_picture(origin, picture, masked):
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[50:60, 50:70] = 255
    points = (PointPair(Point(52, 52), Point(68, 58)),)
    photo = DragEdit(image=picture, mask=mask if masked else None, points=points)
    made = DragEdit(image=picture, mask=mask if masked else None, points=points, origin=origin)
    part, whole = plan(photo), plan(made)
    assert (part.whole, whole.whole) == (False, True)
    assert part.box == whole.box
    assert np.array_equal(whole.mask[part.crop.slices], part.mask)
    assert whole.mask.sum() == part.mask.sum()
    cut = whole.cut(made)
    assert (cut.origin, cut.points, cut.size) == (origin, points, (320, 240))
