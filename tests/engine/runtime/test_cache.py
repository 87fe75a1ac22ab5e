"""A cache spares work and never fails."""

import os

import pytest
import torch
from safetensors.torch import save_file

from engine.paths import data_dir
from engine.runtime import cache


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a").write_bytes(b"12")
    return folder


def cached(name, sources, make, fits=lambda tensor: tensor.shape == (2, 3)):
    return cache.cached(name, sources, make, fits)


class Maker:
    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return torch.full((2, 3), float(self.count), requires_grad=True) * 1


def test_it_is_made_once(source):
    make = Maker()
    first, again = cached("thing", [source], make), cached("thing", [source], make)
    assert torch.equal(first, again)
    assert not first.requires_grad
    assert make.count == 1
    assert cached("other", [source], make).max() == 2


def test_it_is_made_again_when_a_file_changes(source):
    make = Maker()
    cached("thing", [source], make)
    os.utime(source / "deep" / "a", ns=(5, 5))
    assert cached("thing", [source], make).max() == 2
    (source / "b").write_bytes(b"")
    assert cached("thing", [source], make).max() == 3
    assert cached("thing", [source], make).max() == 3


def kept_files():
    return sorted(path.suffix for path in (data_dir() / "cache" / "thing").iterdir())


def test_no_unfinished_file_stays(source):
    cached("thing", [source], Maker())
    assert kept_files() == [".safetensors"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_what_could_not_be_written_whole_is_removed(source, monkeypatch, error):
    make = Maker()

    def half(tensors, path):
        path.write_bytes(b"half")
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(cache, "save_file", half)
        if isinstance(error, OSError):
            assert cached("thing", [source], make).max() == 1
        else:
            with pytest.raises(KeyboardInterrupt):
                cached("thing", [source], make)
    assert kept_files() == []
    assert cached("thing", [source], make).max() == 2
    assert cached("thing", [source], make).max() == 2


def test_what_a_killed_process_left_is_removed(source):
    folder = data_dir() / "cache" / "thing"
    folder.mkdir(parents=True)
    (folder / "0123.99999.part").write_bytes(b"half")
    cached("thing", [source], Maker())
    assert kept_files() == [".safetensors"]


@pytest.mark.parametrize(
    "kept", [{"thing": torch.zeros(3, 2)}, {"thing": torch.tensor(1.0)}, {"other": torch.zeros(2, 3)}]
)
def test_what_does_not_fit_is_made_anew(source, kept):
    make = Maker()
    cached("thing", [source], make)
    (path,) = (data_dir() / "cache" / "thing").iterdir()
    save_file(kept, path)
    assert cached("thing", [source], make).max() == 2
    assert cached("thing", [source], make).max() == 2


@pytest.mark.parametrize("damage", [b"", b"xxxxxxxxxxxxxxxxxxx"])
def test_a_damaged_cache_is_made_anew(source, damage):
    make = Maker()
    cached("thing", [source], make)
    (kept,) = (data_dir() / "cache" / "thing").iterdir()
    kept.write_bytes(damage)
    assert cached("thing", [source], make).max() == 2
    assert cached("thing", [source], make).max() == 2


def test_where_nothing_can_be_written_it_is_made_each_time(source):
    make = Maker()
    data_dir().mkdir(exist_ok=True)
    (data_dir() / "cache").write_bytes(b"in the way")
    assert cached("thing", [source], make).max() == 1
    assert cached("thing", [source], make).max() == 2
