"""Pictures in the folder of a session: private, written once, mapped, freed; those of the dead go."""

import errno
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from engine.errors import EngineError
from engine.pictures import PictureRef, SentPictures, SessionFolder


@pytest.fixture
def base(tmp_path_factory, monkeypatch):
    """Where temporary files go."""
    path = tmp_path_factory.mktemp("b")
    monkeypatch.setattr(tempfile, "tempdir", str(path))
    return path


@pytest.fixture
def folder(base):
    created = SessionFolder.create()
    yield created
    created.remove()


def names(folder):
    return {path.name for path in folder.path.iterdir()} - {"lock"}


def test_the_folder_is_this_users_alone(folder, base):
    assert folder.path.parent == base
    if os.name == "posix":
        assert folder.path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("shape", [(240, 320, 4), (7, 5), (11,)])
def test_what_is_written_is_read(folder, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    ref = folder.write(array)
    found = SessionFolder(folder.path).read(ref)
    assert np.array_equal(found, array)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1
    assert names(folder) == {ref.name}


def test_a_part_of_a_picture_is_written_as_it_is_seen(folder, picture):
    assert np.array_equal(folder.read(folder.write(picture[10:90:2, 5:60])), picture[10:90:2, 5:60])


def test_what_is_taken_is_nobody_elses(folder, picture):
    array = folder.take(folder.write(picture))
    assert np.array_equal(array, picture)
    del array
    assert names(folder) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_map_goes_with_its_array(folder, picture):
    ref = folder.write(picture)
    maps = [folder.read(ref)[5:9] for _ in range(10)]
    held = Path("/proc/self/maps").read_text().count(ref.name)
    assert held >= 1
    del maps
    gc.collect()
    assert ref.name not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize("name", ["../lock", "lock", "/etc/hosts", "1-99", "", "1-1/../../x"])
def test_no_other_file_is_a_picture(folder, name):
    with pytest.raises(ValueError, match=r"picture"):
        folder.read(PictureRef(name, (1,)))


def test_a_picture_of_another_size_is_refused(folder, picture):
    ref = folder.write(picture)
    with pytest.raises(ValueError, match="reshape"):
        folder.read(PictureRef(ref.name, (999, 999, 4)))


def test_a_full_disk_is_told_and_nothing_stays(folder, picture, monkeypatch):
    def full(self, *arguments):
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(EngineError, match=r"0 MB does not fit.*No space left.*free some space"):
        folder.write(picture)
    monkeypatch.undo()
    assert names(folder) == set()


def test_when_the_session_closes_writing_is_given_up(folder, picture):
    folder.closing = True
    with pytest.raises(EngineError):
        folder.write(picture)
    assert names(folder) == set()


def test_a_file_that_the_system_keeps_is_removed_later(folder, picture, monkeypatch):
    first, real = folder.write(picture), Path.unlink

    def kept(self, *arguments, **options):
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", kept)
    folder.free(first.name)
    assert names(folder) == {first.name}
    monkeypatch.setattr(Path, "unlink", real)
    second = folder.write(picture)
    assert names(folder) == {second.name}


def test_what_a_process_left_is_freed(folder, picture):
    mine = folder.write(picture)
    (folder.path / "77-1").touch()
    (folder.path / "7-1").touch()
    folder.free_all_of(77)
    assert names(folder) == {mine.name, "7-1"}


# --- folders of the dead


def test_only_folders_of_dead_sessions_are_cleared_away(base):
    alive, dead = SessionFolder.create(), SessionFolder.create()
    (dead.path / "1-1").touch()
    dead._lock.close()  # as the system does when a process dies
    starting = base / "pliant-session-starting"
    starting.mkdir()
    abandoned = base / "pliant-session-abandoned"
    abandoned.mkdir()
    os.utime(abandoned, (time.time() - 90,) * 2)
    other = base / "somebody else's"
    other.mkdir()
    new = SessionFolder.create()
    assert set(base.iterdir()) == {alive.path, starting, other, new.path}
    for folder in (alive, new):
        folder.remove()
    assert set(base.iterdir()) == {starting, other}


def test_no_place_for_temporary_files_is_told(base, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(base / "absent"))
    with pytest.raises(EngineError, match="No folder for temporary files"):
        SessionFolder.create()


@pytest.mark.skipif(os.name != "posix", reason="names of sockets are short there alone")
def test_a_folder_whose_path_is_too_long_for_a_socket_lies_elsewhere(base, monkeypatch):
    long = base / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    folder = SessionFolder.create()
    folder.remove()
    assert folder.path.parent == Path("/tmp")


# --- what is sent


def test_an_array_is_written_once_and_freed_with_it(folder, paint):
    sent, first, second = SentPictures(folder), paint(8, 8), paint(8, 8, seed=1)
    refs = [sent.ref(array) for array in (first, second, first)]
    assert refs[0] == refs[2] != refs[1]
    assert names(folder) == {refs[0].name, refs[1].name}
    del first
    assert names(folder) == {refs[1].name}
    third = paint(8, 8, seed=2)
    assert np.array_equal(folder.read(sent.ref(third)), third)


def test_profiles_stay_but_not_all_of_them(folder):
    sent = SentPictures(folder)
    first = sent.ref(b"profile 0")
    assert sent.ref(bytes(bytearray(b"profile 0"))) == first
    assert folder.read(first).tobytes() == b"profile 0"
    for i in range(1, 9):
        sent.ref(b"profile %d" % i)
    assert len(names(folder)) == 8
    assert first.name not in names(folder)
