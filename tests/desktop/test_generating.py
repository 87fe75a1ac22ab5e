"""Generating a picture: what is asked for, what is seen, and that its drags know of it until it changes."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from engine import (
    GENERATE,
    Box,
    EditResult,
    Engine,
    GenerateJob,
    InvalidRequest,
    Offer,
    Origin,
    Step,
    open_photo,
)
from tests.desktop.hands import BY_NAME, flat, press, pull, settle, shown_window
from tests.desktop.test_tiers import FakeWorker

SIZE = 96, 64
OFFERS = Offer(GENERATE, "first", "First"), Offer(GENERATE, "second", "Second")


@pytest.fixture
def worker(qapp):
    return FakeWorker()


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch, worker):
    monkeypatch.setenv("PLIANT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Engine, "generators", lambda self: OFFERS)

    def origin(self, prompt, pack, size=None, seed=0, chosen=None):
        if pack == "second" and "forbidden" in prompt:
            raise InvalidRequest("The pack will not have it; say something else.")
        best = {"steps": 20 if pack == "first" else 30}
        return Origin(prompt=prompt, pack=pack, size=size or SIZE, seed=seed, **(best | (chosen or {})))

    monkeypatch.setattr(Engine, "origin", origin)
    return shown_window(qtbot, worker)


def painted(paint, worker, number):
    """The answer to a job that generates."""
    origin = worker.jobs[number].origin
    image = paint(*origin.size, seed=7)
    image.flags.writeable = False
    return EditResult(image=image, region=Box(0, 0, *origin.size))


@pytest.fixture
def dialog(window):
    window.actions_["generate"].trigger()
    return window.generating.dialog


def begin(dialog, worker, words="a flower"):
    dialog.prompt.setPlainText(words)
    dialog.run.click()
    return worker.last


@pytest.fixture
def generate(qtbot, dialog, worker, paint, window):
    """Generate a picture and open it; returns its pixels."""

    def generate():
        number = begin(dialog, worker)
        answer = painted(paint, worker, number)
        worker.finished.emit(number, answer)
        dialog.open_button.click()
        with qtbot.waitActive(window):
            window.activateWindow()  # no window manager does it here
        return answer.image

    return generate


def test_it_asks_for_what_the_dialog_says_on_the_chosen_device(window, dialog, worker):
    assert not dialog.run.isEnabled(), "there are no words yet"
    assert (dialog.across.value(), dialog.down.value(), dialog.form.values["steps"]) == (*SIZE, 20)
    dialog.packs.setCurrentIndex(1)
    assert dialog.form.values["steps"] == 30, "as that pack recommends"
    dialog.across.setValue(128)
    dialog.seed.setValue(5)
    dialog.form.set_values({"guidance": 3.0})
    window._edit.run.device.setCurrentIndex(1)
    number = begin(dialog, worker, "  a red flower\n")
    job = worker.jobs[number]
    assert isinstance(job, GenerateJob) and job.device == "cpu"
    assert job.origin == Origin(
        prompt="a red flower", pack="second", size=(128, 64), seed=5, steps=30, guidance=3.0
    )
    assert not dialog.run.isEnabled() and dialog.stop.isEnabled()
    assert not dialog.prompt.isEnabled()


def test_the_dice_throw_another_seed(dialog):
    seeds = {dialog.seed.value()}
    for _ in range(3):
        dialog.dice.click()
        seeds.add(dialog.seed.value())
    assert len(seeds) > 1


def test_it_shows_how_far_it_is_and_how_it_looks(dialog, worker, paint):
    number = begin(dialog, worker)
    worker.step.emit(number, Step("Denoise", 3, 20), 12.4)
    assert dialog.bar.text() == "Denoising · 12 s left"
    assert dialog.picture.pixmap().isNull()
    worker.preview.emit(number, paint(48, 32), Box(0, 0, *SIZE))
    assert not dialog.picture.pixmap().isNull()
    assert worker.painted_previews == [number], "the next one may come"
    assert not dialog.open_button.isEnabled(), "it is not finished"
    worker.finished.emit(number, painted(paint, worker, number))
    assert dialog.open_button.isEnabled() and dialog.run.isEnabled()
    assert not dialog.bar.isVisibleTo(dialog)


def test_of_other_jobs_it_takes_nothing(dialog, worker, paint):
    number = begin(dialog, worker)
    worker.preview.emit(number + 1, paint(48, 32), Box(0, 0, *SIZE))
    worker.finished.emit(number + 1, "cpu")
    worker.failed.emit(number + 1, "Something else failed.")
    assert dialog.picture.pixmap().isNull() and dialog.message.text() == ""
    assert dialog.stop.isEnabled()


@pytest.mark.parametrize("how", ["button", "escape"])
def test_stopping_leaves_the_dialog_as_it_was(qtbot, dialog, worker, paint, how):
    number = begin(dialog, worker)
    worker.preview.emit(number, paint(48, 32), Box(0, 0, *SIZE))
    if how == "button":
        dialog.stop.click()
    else:
        qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert worker.cancels == [number] and dialog.isVisible()
    worker.cancelled.emit(number)
    assert dialog.picture.pixmap().isNull() and not dialog.open_button.isEnabled()
    assert dialog.run.isEnabled() and dialog.prompt.toPlainText() == "a flower"
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_closing_the_dialog_stops_what_runs(dialog, worker):
    number = begin(dialog, worker)
    dialog.close()
    assert worker.cancels == [number] and not dialog.isVisible()


def test_what_fails_or_is_refused_is_said_where_it_was_asked_for(dialog, worker):
    number = begin(dialog, worker)
    worker.failed.emit(number, "Memory did not suffice; generate a smaller one.")
    assert "Memory did not suffice" in dialog.message.text()
    assert dialog.run.isEnabled()
    dialog.packs.setCurrentIndex(1)
    assert begin(dialog, worker, "forbidden") == number, "nothing is sent"
    assert "will not have it" in dialog.message.text()


def test_without_a_pack_it_says_what_to_get(window, worker, monkeypatch):
    monkeypatch.setattr(Engine, "generators", lambda self: ())
    window.actions_["generate"].trigger()
    (box,) = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    assert "No pack is installed that paints pictures from words" in box.text()
    assert not window.generating.dialog.isVisible()


def test_it_opens_as_an_unsaved_document(window, generate, dialog):
    image = generate()
    assert not dialog.isVisible()
    assert np.array_equal(flat(window), image)
    assert window.windowTitle().startswith("Generated picture")
    assert window.document.is_modified, "it is nowhere but here"
    window.close()
    (box,) = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    assert "not saved" in box.text()
    box.button(QMessageBox.StandardButton.Cancel).click()


def test_its_drags_know_how_it_was_made_until_a_pixel_is_another(qtbot, window, worker, generate):
    generate()
    origin = worker.jobs[worker.last].origin
    with qtbot.waitSignal(window.session.finished):
        pull(window, (30, 30), (40, 30))
    request = window.session.request()
    assert request.origin == origin
    assert Engine().plan(request).crop == Box(0, 0, *SIZE), "the whole is generated again"
    press(qtbot, window, Qt.Key.Key_Return)
    with qtbot.waitSignal(window.session.finished):
        pull(window, (30, 30), (40, 30))
    assert window.session.request().origin is None, "of what the first drag has changed"
    window.document.activate(window.document.layers[0].id)
    assert window.session.request().origin == origin, "seen alone it is as it was"
    window.document.set_layer(window.document.layers[0].id, "Fade", opacity=0.5)
    assert window.session.request().origin is None
    for _ in range(4):
        window.undo()
    with qtbot.waitSignal(window.session.finished):
        pull(window, (30, 30), (40, 30))
    assert window.session.request().origin == origin


def test_saved_unchanged_it_says_how_it_was_made_and_comes_back_so(qtbot, window, worker, generate, tmp_path):
    image = generate()
    origin = worker.jobs[worker.last].origin
    plain, edited = tmp_path / "plain.png", tmp_path / "edited.png"
    with qtbot.waitSignal(window.filing.worker.saved):
        window.filing.save_path(plain)
    assert open_photo(plain).origin == origin
    pull(window, (30, 30), (40, 30))
    with qtbot.waitSignal(window.filing.worker.saved, timeout=20_000):
        window.filing.save_path(edited)
    assert open_photo(edited).origin is None
    settle(window)
    with qtbot.waitSignal(window.filing.worker.opened):
        window.filing.open_path(plain)
    qtbot.waitUntil(lambda: window.document.path == plain)
    assert np.array_equal(flat(window), image)
    with qtbot.waitSignal(window.session.finished):
        pull(window, (30, 30), (40, 30))
    assert window.session.request().origin == origin


def test_a_photo_has_no_origin(qtbot, window):
    with qtbot.waitSignal(window.filing.worker.opened):
        window.filing.open_path(BY_NAME["mountain_lake"].picture)
    with qtbot.waitSignal(window.session.finished):
        pull(window, (800, 300), (800, 240))
    assert window.session.request().origin is None
