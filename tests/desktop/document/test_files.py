import gc
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QObject

from desktop.document import Document, Layer, Tiles, TilesEditor, files
from desktop.document.files import FileWorker
from engine import Box, InvalidRequest, Photo, open_photo, save_photo

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def nothing_fails_unseen(caplog):
    """What goes wrong where a thread reports its end is only logged."""
    yield
    assert not caplog.records


@pytest.fixture
def worker(qtbot):
    made = FileWorker()
    yield made
    made.wait()


@pytest.fixture
def photo(picture, display_p3):
    return Photo(pixels=picture, profile=display_p3)


@pytest.fixture
def file(photo, tmp_path):
    path = tmp_path / "in.png"
    save_photo(photo, path)
    return path


class Gate:
    """Replaces a function by one that waits until it is let go."""

    def __init__(self, monkeypatch, name):
        self.real, self.entered, self.free = getattr(files, name), threading.Semaphore(0), threading.Event()
        self.threads = []
        monkeypatch.setattr(files, name, self)

    def __call__(self, *arguments, **named):
        self.threads.append(threading.current_thread())
        self.entered.release()
        assert self.free.wait(30)
        return self.real(*arguments, **named)


def open_document(qtbot, worker, path):
    with qtbot.waitSignal(worker.opened) as heard:
        worker.open(path)
    return Document.from_photo(*heard.args)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_what_is_saved_is_what_was_painted(qtbot, worker, file, tmp_path, suffix, display_p3):
    document = open_document(qtbot, worker, file)
    editor = TilesEditor(document.active_layer.tiles)
    for _, view in editor.touch(Box(10, 10, 90, 90)):
        view[:] = (9, 8, 7, 255)
    document.paint_layer(1, editor.frozen())
    document.commit("Paint")
    document.add_layer(Layer(id=document.new_id(), name="", tiles=Tiles.blank(document.size, 4)), "Add")
    target = tmp_path / f"out{suffix}"
    assert document.is_modified
    with qtbot.waitSignal(worker.saved) as heard:
        worker.save(document, target)
        assert worker.is_saving
    assert heard.args == [target] and not worker.is_saving
    assert document.path == target and not document.is_modified
    again = open_photo(target)
    assert np.array_equal(again.pixels, document.layers[0].tiles.array()) and again.profile == display_p3


def test_nothing_runs_in_the_window_s_thread(qtbot, worker, file, tmp_path, monkeypatch):
    gates = [Gate(monkeypatch, name) for name in ("open_photo", "check_output", "save_photo", "flatten")]
    for gate in gates:
        gate.free.set()
    document = open_document(qtbot, worker, file)
    with qtbot.waitSignal(worker.saved):
        worker.save(document, tmp_path / "out.png")
    assert all(gate.threads and threading.main_thread() not in gate.threads for gate in gates)


def test_failures_are_said(qtbot, worker, tmp_path, photo):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    with qtbot.waitSignal(worker.failed) as heard:
        worker.open(broken)
    assert "broken.png" in heard.args[0] and not worker.is_opening
    document = Document.from_photo(photo, None)
    document.set_layer(1, "Name", name="Other")
    with qtbot.waitSignal(worker.failed) as heard:
        worker.save(document, tmp_path / "none" / "out.png")
    assert "none" in heard.args[0] and document.is_modified and document.path is None


def test_a_copy_of_another_kind_of_file_does_not_overwrite_it(qtbot, worker, file, photo):
    document = Document.from_photo(replace(photo, notice="Only a copy."), file)
    before = file.read_bytes()
    with qtbot.waitSignal(worker.failed) as heard:
        worker.save(document, file)
    assert "Only a copy." in heard.args[0] and file.read_bytes() == before
    with qtbot.waitSignal(worker.saved):
        worker.save(document, file.with_name("copy.png"))
    assert document.photo.notice is None
    with qtbot.waitSignal(worker.saved):
        worker.save(document, file.with_name("copy.png"))


def test_too_little_memory_is_said(qtbot, worker, file, monkeypatch):
    def fail(path):
        raise MemoryError

    monkeypatch.setattr(files, "open_photo", fail)
    with qtbot.waitSignal(worker.failed) as heard:
        worker.open(file)
    assert "memory" in heard.args[0]


def test_a_fault_of_ours_reaches_the_last_border(qtbot, worker, file, monkeypatch):
    def fail(path):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(files, "open_photo", fail)
    with qtbot.captureExceptions() as caught:
        worker.open(file)
        qtbot.waitUntil(lambda: bool(caught))
    assert caught[0][0] is ZeroDivisionError and not worker.is_opening


def test_only_the_latest_opening_counts(qtbot, worker, file, tmp_path, photo, monkeypatch):
    gate = Gate(monkeypatch, "open_photo")
    other = tmp_path / "other.png"
    save_photo(photo, other)
    heard = []
    worker.opened.connect(lambda photo, path: heard.append(path))
    worker.failed.connect(heard.append)
    worker.open(file)
    assert gate.entered.acquire(timeout=30)
    worker.open(tmp_path / "missing.png")
    worker.open(other)
    gate.free.set()
    qtbot.waitUntil(lambda: bool(heard))
    qtbot.wait(50)
    assert heard == [other] and len(gate.threads) == 2  # the one between was never begun


def test_a_forgotten_opening_says_nothing(qtbot, worker, file, monkeypatch):
    gate = Gate(monkeypatch, "open_photo")
    heard = []
    worker.opened.connect(lambda *_: heard.append(1))
    worker.open(file)
    assert gate.entered.acquire(timeout=30)
    worker.forget()
    gate.free.set()
    qtbot.wait(100)
    assert not heard and not worker.is_opening


def test_changes_made_while_saving_are_not_saved(qtbot, worker, tmp_path, photo, monkeypatch):
    gate = Gate(monkeypatch, "save_photo")
    document = Document.from_photo(photo, None)
    with qtbot.waitSignal(worker.saved):
        worker.save(document, tmp_path / "out.png")
        assert gate.entered.acquire(timeout=30)
        document.set_layer(1, "Name", name="Other")
        gate.free.set()
    assert document.is_modified


def test_saves_end_in_the_order_asked_for(qtbot, worker, tmp_path, photo):
    path = tmp_path / "out.png"
    for value in range(5):
        pixels = np.full_like(photo.pixels, value)
        worker.save(Document.from_photo(replace(photo, pixels=pixels), None), path)
    assert worker.is_saving
    worker.wait()
    assert (open_photo(path).pixels == 4).all()
    qtbot.waitUntil(lambda: not worker.is_saving)


@pytest.mark.parametrize("way", ["deleted by its parent", "dropped"])
def test_closing_while_jobs_run(qtbot, file, tmp_path, photo, monkeypatch, way):
    """What is being saved is saved; nobody hears of it; Qt has nothing to complain about."""
    for name in ("open_photo", "save_photo"):
        monkeypatch.undo()
        gate = Gate(monkeypatch, name)
        parent = QObject()
        worker = FileWorker(parent if way == "deleted by its parent" else None)
        document = Document.from_photo(photo, None)
        target = tmp_path / f"{name}.png"
        if name == "open_photo":
            worker.open(file)
        else:
            worker.save(document, target)
        assert gate.entered.acquire(timeout=30)
        thread = gate.threads[0]
        if way == "deleted by its parent":
            shiboken6.delete(parent)
        del worker, parent, document
        gc.collect()
        gate.free.set()
        thread.join(30)
        assert not thread.is_alive()
        qtbot.wait(20)
        assert target.exists() == (name == "save_photo")


def test_the_program_ends_only_after_a_save(tmp_path):
    code = f"""
from pathlib import Path
import numpy as np
from PySide6.QtCore import QCoreApplication
from desktop.document import Document
from desktop.document.files import FileWorker
from engine import Photo
app = QCoreApplication([])
pixels = np.random.default_rng(0).integers(0, 256, (1500, 1500, 4), np.uint8)
worker = FileWorker()
worker.save(Document.from_photo(Photo(pixels=pixels), None), Path({str(tmp_path / "out.png")!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert open_photo(tmp_path / "out.png").pixels.shape == (1500, 1500, 4)


def test_many_windows_that_close_at_once(qtbot, file, tmp_path):
    for n in range(40):
        worker = FileWorker()
        worker.open(file)
        if n % 2:
            worker.open(file)
        if n % 3 == 0:
            qtbot.wait(n // 4)
        del worker
    gc.collect()
    qtbot.wait(100)
    with pytest.raises(InvalidRequest):
        open_photo(tmp_path / "missing.png")
