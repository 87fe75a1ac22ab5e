"""Photos that are carried to another machine are the same ones, only smaller."""

import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "packaging"))

from carry_photos import main

from engine.training.captions import captions
from engine.training.photo_source import PhotoSource, upright


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    chance = np.random.default_rng(0)
    for name, size in (("cats/a.png", (90, 60)), ("cats/b.jpg", (64, 128)), ("c.webp", (20, 24))):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 256, (size[1], size[0], 3), np.uint8)
        PIL.Image.fromarray(pixels).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def test_all_photos_arrive_small_and_known_by_where_they_came_from(tmp_path: Path, photos: Path) -> None:
    out = tmp_path / "new" / "carried.tar"
    main([str(photos), str(out), "--side", "32"])
    carried, original = PhotoSource(out), PhotoSource(photos)
    assert carried.pictures == original.pictures
    sizes = {picture.file: upright(content, "").size for picture, content in carried.read(carried.pictures)}
    assert sizes == {"cats/a.png": (48, 32), "cats/b.jpg": (32, 64), "c.webp": (20, 24)}


def test_too_large_a_file_is_refused_and_not_left(tmp_path: Path, photos: Path) -> None:
    with pytest.raises(SystemExit, match="--side"):
        main([str(photos), str(tmp_path / "carried.tar"), "--side", "32", "--megabytes", "0.001"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos"]


def test_captions_beside_the_photos_come_along(tmp_path: Path, photos: Path) -> None:
    (photos / "cats" / "a.txt").write_text("a cat, “asleep”", encoding="utf-8")
    main([str(photos), str(tmp_path / "carried.tar"), "--side", "32"])
    told = captions(PhotoSource(tmp_path / "carried.tar"))
    assert told == {"cats/a.png": "a cat, “asleep”", "cats/b.jpg": "", "c.webp": ""}
