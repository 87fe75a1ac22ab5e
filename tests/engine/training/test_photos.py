"""Photos come at one size from folders and tar files, once, and no picture is on both sides of the split."""

import zlib

import numpy as np
import PIL.Image
import pytest

from engine.errors import InvalidRequest
from engine.training import photos as module
from engine.training.photo_source import PhotoSource, upright
from engine.training.photos import family_chances, is_held_out, open_photos, side_of
from tests.engine.training.photo_files import names, scene, write_folder, write_shards


def crops(held_out_pictures=3, training_pictures=4, of_each=2):
    """Rows of several crops of each picture."""
    paths = [*names(held_out_pictures, held_out=True), *names(training_pictures, held_out=False)]
    return [(f"{i}_{k}.png", path, "x") for i, path in enumerate(paths) for k in range(of_each)]


def test_the_split_is_by_the_hash_of_the_path():
    assert is_held_out("a/b.jpg") == (zlib.crc32(b"a/b.jpg") % 10 == 0)
    held = sum(is_held_out(f"photos/{i}.jpg") for i in range(5000))
    assert 400 < held < 600


@pytest.mark.parametrize("number", [4, 12, 40])
def test_of_a_few_pictures_enough_are_held_out(tmp_path, number):
    """Names as cameras give them, of which the hash may hold out none."""
    for i in range(number):
        PIL.Image.fromarray(scene(i, 32)[0]).save(tmp_path / f"IMG_{i:04}.png")
    source = PhotoSource(tmp_path)
    measured, trained = (side_of(source, held_out=held_out) for held_out in (True, False))
    assert sorted([*measured, *trained]) == sorted(source.pictures)
    assert min(len(measured), len(trained)) >= 2
    assert len(measured) <= max(2, number / 4)


def test_many_crops_of_one_picture_are_left_to_train_on(tmp_path):
    """Whatever the order of the hashes: two others can be held out."""
    for many in ("one", "two", "three"):
        rows = [(f"{i}.png", many, "x") for i in range(8)]
        rows += [(f"{path}.png", path, "x") for path in {"one", "two", "three"} - {many}]
        source = PhotoSource(write_shards(tmp_path / many, rows))
        assert {picture.path for picture in side_of(source, held_out=False)} == {many}


def test_crops_of_one_picture_are_not_parted_to_hold_some_out(tmp_path):
    folder = write_shards(tmp_path / "tars", [(f"{i}.png", "one", "x") for i in range(9)])
    with pytest.raises(
        InvalidRequest,
        match=r"holds 9 pictures, and 4 are the least, 2 to train on and 2 others .* crops of one",
    ):
        open_photos(folder, 48, tmp_path / "cache", held_out=False)


@pytest.mark.parametrize("mode", ["I;16", "I", "F", "1", "LA", "P"])
def test_pictures_of_any_depth_keep_their_lightness(tmp_path, mode):
    grey = np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1))
    if mode.startswith("I"):
        picture = PIL.Image.fromarray(grey.astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    else:
        picture = PIL.Image.fromarray(grey).convert(mode)
    picture.save(tmp_path / "a.tiff")
    seen = np.asarray(upright((tmp_path / "a.tiff").read_bytes(), "a"))
    assert seen.shape == (64, 64, 3)
    assert np.abs(seen.mean(axis=(0, 2))[:32] - grey[0, :32]).mean() < 30
    if mode != "1":
        assert np.array_equal(seen[..., 0], grey)


def test_what_a_system_hides_is_no_picture(tmp_path):
    folder = write_folder(tmp_path / "photos", number=2)
    (folder / "a" / "._1.png").write_bytes(b"no picture")
    (folder / ".trash").mkdir()
    (folder / ".trash" / "b.png").write_bytes(b"no picture")
    assert len(PhotoSource(folder).pictures) == 8


def test_a_folder_is_decoded_to_its_middle_square(tmp_path):
    folder = write_folder(tmp_path / "photos")
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 22:78] = 200
    path = names(1, held_out=True)[0]
    PIL.Image.fromarray(wide).save(folder / path)
    found = open_photos(folder, 32, tmp_path / "cache", held_out=True)
    assert found.pixels.shape == (len(found), 32, 32, 3)
    assert found.regions.shape == (len(found), 32, 32)
    assert found.boxes.shape == (len(found), 8, 4)
    assert found.weights.shape == (len(found), 8)
    assert found.side == 32
    assert sorted(found.families) == sorted(["a"] * 6 + ["b"] * 6 + [""])
    flat = [photo for photo in found.pixels if np.ptp(photo) == 0]
    assert len(flat) == 1
    assert flat[0][0, 0, 0] == 200


@pytest.mark.parametrize("held_out", [True, False])
def test_all_crops_of_a_picture_are_on_one_side(tmp_path, held_out):
    folder = write_shards(tmp_path / "tars", crops())
    found = open_photos(folder, 48, tmp_path / "cache", held_out=held_out)
    assert len(found) == (6 if held_out else 8)


def test_tar_files_give_the_pictures_of_the_manifest(tmp_path):
    rows = crops()
    folder = write_shards(tmp_path / "tars", rows)
    found = open_photos(folder, 96, tmp_path / "cache", held_out=True)
    expected = [scene(i)[0] for i, (_, path, _) in enumerate(rows) if is_held_out(path)]
    assert np.array_equal(np.stack(expected), found.pixels)


def test_one_tar_file_with_its_manifest_inside_will_do(tmp_path):
    folder = write_shards(tmp_path / "tars", crops(), shards=1, manifest_inside=True)
    found = open_photos(folder / "photos-0.tar", 48, tmp_path / "cache", held_out=True)
    assert len(found) == 6


def test_photos_are_prepared_once(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "photos", number=2)
    first = open_photos(folder, 48, tmp_path / "cache", held_out=True)
    monkeypatch.setattr(module, "propose", None)
    again = open_photos(folder, 48, tmp_path / "cache", held_out=True)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.weights, again.weights)
    assert isinstance(again.pixels, np.memmap)


def test_a_changed_picture_is_prepared_anew(tmp_path):
    folder = write_folder(tmp_path / "photos", number=2)
    open_photos(folder, 48, tmp_path / "cache", held_out=True)
    changed = next(
        path for path in sorted(folder.rglob("*.png")) if is_held_out(str(path.relative_to(folder)))
    )
    PIL.Image.new("RGB", (60, 60), (9, 9, 9)).save(changed)
    found = open_photos(folder, 48, tmp_path / "cache", held_out=True)
    assert (found.pixels[0] == 9).all()


def test_families_are_drawn_by_the_root_of_their_size():
    chances = family_chances(["big"] * 16 + ["small"] * 4)
    assert chances.sum() == pytest.approx(1)
    assert chances[:16].sum() == pytest.approx(2 * chances[16:].sum())
    assert np.ptp(chances[:16]) == 0


def test_the_working_side_leaves_room():
    assert module.working_side(128) == 192


def test_an_unreadable_picture_is_named_and_nothing_half_done_stays(tmp_path):
    folder = write_folder(tmp_path / "photos", number=2)
    broken = names(1, held_out=True)[0]
    (folder / broken).write_bytes(b"no picture")
    with pytest.raises(InvalidRequest, match=rf"“{broken}” cannot be read"):
        open_photos(folder, 48, tmp_path / "cache", held_out=True)
    assert not any((tmp_path / "cache").iterdir())


def test_no_photos_are_an_error(tmp_path):
    with pytest.raises(InvalidRequest, match="There are no photos at"):
        open_photos(tmp_path / "nowhere", 48, tmp_path / "cache", held_out=True)
    with pytest.raises(InvalidRequest, match="holds 0 pictures, and 4 are the least"):
        open_photos(tmp_path, 48, tmp_path / "cache", held_out=False)


def test_a_manifest_without_a_column_is_an_error(tmp_path):
    (tmp_path / "manifest.csv").write_text("file,path\na,b\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="lacks the column “family”"):
        open_photos(tmp_path, 48, tmp_path / "cache", held_out=True)


def test_a_tar_file_without_a_manifest_is_an_error(tmp_path):
    folder = write_shards(tmp_path / "tars", crops(), shards=1)
    with pytest.raises(InvalidRequest, match="holds no manifest"):
        open_photos(folder / "photos-0.tar", 48, tmp_path / "cache", held_out=True)


def test_a_missing_tar_file_is_an_error(tmp_path):
    folder = write_shards(tmp_path / "tars", crops())
    (folder / "photos-1.tar").unlink()
    with pytest.raises(InvalidRequest, match=r"\d pictures of manifest\.csv are in no tar file"):
        open_photos(folder, 48, tmp_path / "cache", held_out=True)


def test_a_damaged_tar_file_is_an_error(tmp_path):
    folder = write_shards(tmp_path / "tars", crops())
    (folder / "photos-0.tar").write_bytes(b"no tar file" * 100)
    with pytest.raises(InvalidRequest, match="holds a damaged tar file"):
        open_photos(folder, 48, tmp_path / "cache", held_out=True)


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path):
    folder = write_folder(tmp_path / "photos", number=2)
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="make room there or use another folder"):
        open_photos(folder, 48, tmp_path / "file", held_out=True)
