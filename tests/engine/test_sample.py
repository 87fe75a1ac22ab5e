"""Every sample opens, says whose it is, and its ready drag does what its title promises."""

import numpy as np
import pytest

from engine import Engine, open_photo, samples
from engine.errors import EngineError
from engine.paths import resource_dir

ALL = samples()
FREE = {"CC0-1.0", "Public domain", "CC-BY-4.0"}


def test_there_are_enough_and_of_every_kind():
    assert 10 <= len(ALL) <= 12
    assert {sample.kind for sample in ALL} == {"move", "rotate", "scale", "remove", "create"}


def test_every_picture_shipped_is_a_sample_with_a_free_licence():
    pictures = {path.name for path in (resource_dir() / "samples").glob("*.jpg")}
    assert {sample.picture.name for sample in ALL} == pictures
    for sample in ALL:
        assert sample.licence in FREE
        assert sample.author
        assert sample.source


@pytest.mark.parametrize("sample", ALL, ids=lambda sample: sample.name)
def test_the_ready_drag_works(sample):
    request = sample.request(open_photo(sample.picture))
    if request.subject is not None:
        for handle, _ in request.points:
            assert request.subject[int(handle.y), int(handle.x)] > 127, "the handle stands on what moves"
    engine = Engine()
    answer = engine.edit("flow_warp", request)
    plan = engine.plan(request)
    allowed = np.zeros(request.image.shape[:2], bool)
    allowed[plan.crop.slices] = plan.mask > 0
    changed = (answer.image != request.image).any(-1)
    assert not changed[~allowed].any()
    assert changed.sum() > 500
    for handle, (_, target) in zip(answer.handles, request.points, strict=True):
        assert np.hypot(handle.x - target.x, handle.y - target.y) < 3


def test_without_resources_there_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("engine.paths.__file__", str(tmp_path / "engine" / "paths.py"))
    with pytest.raises(EngineError, match="install Pliant again"):
        samples()


@pytest.mark.parametrize("damage", ["no table", "no row", "no column", "no drag", "no text"])
def test_incomplete_samples_are_told_in_a_sentence(monkeypatch, tmp_path, damage):
    folder = tmp_path / "samples"
    folder.mkdir()
    for path in (resource_dir() / "samples").glob("[Lm]*.[cj]s*"):
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr("engine.sample.resource_dir", lambda: tmp_path)
    assert len(samples()) == 3
    table, drag = folder / "LICENSES.csv", folder / "mona_lisa.json"
    if damage == "no table":
        table.unlink()
    elif damage == "no row":
        table.write_text("".join(table.read_text("utf-8").splitlines(keepends=True)[:2]), "utf-8")
    elif damage == "no column":
        table.write_text(table.read_text("utf-8").replace("licence", "x", 1), "utf-8")
    else:
        drag.write_bytes(b"\xff" if damage == "no text" else b"{}")
    with pytest.raises(EngineError, match=r"incomplete\. Please install Pliant again\.$"):
        samples()
