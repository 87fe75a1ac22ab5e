"""The intermediate pictures of an edit as files."""

import numpy as np
import PIL.Image
import pytest

from engine.edit import Box, DragEdit, Point, PointPair
from engine.errors import EngineError, InvalidRequest
from engine.frames import ANIMATION, LONGEST, Frames


def request_of(image, profile=None):
    return DragEdit(image=image, profile=profile, points=(PointPair(Point(5, 5), Point(9, 9)),))


def test_stills_and_an_animation_of_the_part_that_a_method_sees(tmp_path, paint):
    image, crop = paint(60, 40), Box(10, 5, 50, 35)
    frames = Frames(tmp_path / "some" / "frames")
    frames.begin(request_of(image), crop)
    between = [paint(40, 30, seed=seed) for seed in (1, 2)]
    for picture in between:
        frames.add(picture)
    last = image.copy()
    last[crop.slices] = between[1] // 2
    last[..., 3] = 255
    frames.end(last)
    frames.write()
    stills = sorted((tmp_path / "some" / "frames").glob("*.png"))
    expected = [image[crop.slices], *between, last[crop.slices]]
    assert [still.name for still in stills] == [f"{number:04d}.png" for number in range(4)]
    for still, picture in zip(stills, expected, strict=True):
        assert np.array_equal(np.asarray(PIL.Image.open(still)), picture)
    with PIL.Image.open(tmp_path / "some" / "frames" / ANIMATION) as animation:
        assert animation.n_frames == 4
        assert animation.size == (40, 30)
        durations = []
        for number in range(4):
            animation.seek(number)
            animation.load()
            durations.append(animation.info["duration"])
            shown = np.asarray(animation.convert("RGB"), np.float64)
            assert np.abs(shown - expected[number][..., :3]).mean() < 25  # noise, and lossy
    assert durations[0] == durations[3] > 5 * durations[1]


def test_large_pictures_are_kept_small(tmp_path, paint):
    image = paint(1500, 300)
    frames = Frames(tmp_path)
    frames.begin(request_of(image), Box(0, 0, 1500, 300))
    frames.write()
    with PIL.Image.open(tmp_path / "0000.png") as still:
        assert still.size == (LONGEST, LONGEST // 5)


def test_colours_of_another_profile_are_shown_as_they_look(tmp_path, paint, display_p3):
    image = paint(20, 20)
    frames = Frames(tmp_path)
    frames.begin(request_of(image, display_p3), Box(0, 0, 20, 20))
    frames.write()
    assert not np.array_equal(np.asarray(PIL.Image.open(tmp_path / "0000.png"))[..., :3], image[..., :3])


def test_a_filled_folder_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InvalidRequest, match="empty folder"):
        Frames(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidRequest, match="choose another folder"):
        Frames(tmp_path / "file")


def test_a_full_disk_is_told(tmp_path, paint, monkeypatch):
    frames = Frames(tmp_path)
    frames.begin(request_of(paint(20, 20)), Box(0, 0, 20, 20))

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PIL.Image.Image, "save", full)
    with pytest.raises(EngineError, match=r"1 frames could not be written.*No space left"):
        frames.write()
