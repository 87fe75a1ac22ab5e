"""The window with a real engine process and a tiny random Stable Diffusion, from words to a kept layer."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from tests.desktop.hands import flat, press, pull, shown_window
from tests.engine.sd_pack import write_sd_pack

LOADING, PATIENCE = 60_000, 20_000  # milliseconds; torch is imported by the first job of an engine process
SIDE = 64
QUICK = {
    "good_drag": {
        "inference_steps": 6,
        "drag_steps": 2,
        "trackings": 2,
        "updates": 1,
        "lora_steps": 2,
        "lora_batch": 1,
        "feature_block": 2,
    }
}


@pytest.fixture(autouse=True, scope="module")
def pliant_home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    lines = [
        f"[methods.{method}]\n" + "\n".join(f"{name} = {value}" for name, value in values.items())
        for method, values in QUICK.items()
    ]
    write_sd_pack(home / "packs" / "painter", more="\n".join([*lines, "[methods.generate]", "steps = 3"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLIANT_HOME", str(home))
        yield home


@pytest.fixture
def window(qtbot):
    shown = shown_window(qtbot)
    shown.start_engine()
    return shown


def test_from_words_to_a_dragged_picture(qtbot, window):
    window.actions_["generate"].trigger()
    dialog = window.generating.dialog
    assert (dialog.across.value(), dialog.down.value(), dialog.form.values["steps"]) == (SIDE, SIDE, 3)
    dialog.prompt.setPlainText("a flower")
    dialog.run.click()
    qtbot.waitUntil(dialog.open_button.isEnabled, timeout=LOADING)
    assert dialog.message.text() == ""
    dialog.open_button.click()
    with qtbot.waitActive(window):
        window.activateWindow()
    painted = flat(window)
    assert painted.shape == (SIDE, SIDE, 4)

    run = window._edit.run
    run.fast.choose(None, None)
    run.slow.choose("good_drag", "painter")
    told = []
    window.offering._preparing.told.connect(told.append)
    window.offering.prepare_action.trigger()
    with qtbot.waitSignal(window.session.finished):
        pull(window, (30, 30), (36, 30))
    assert window.session.request().origin.prompt == "a flower"
    qtbot.waitUntil(lambda: bool(told) and told[-1] == "", timeout=PATIENCE)

    results, places = [], []
    window.session.finished.connect(results.append)
    window.session.tracked.connect(places.append)
    with qtbot.waitSignal(window.session.offered, timeout=PATIENCE, check_params_cb=lambda _, shown: shown):
        window.refine()
    assert any(places), "it is seen where the handle is"
    assert "Drag" in results[-1].timings
    assert "Adapt" not in results[-1].timings, "that was done before"
    assert "of the way" in window.statusBar().currentMessage()
    QApplication.processEvents()
    (made,) = window.session._results._made.candidates(window.document.settled)
    assert made.title == "GoodDrag" and not made.partial and made.way is not None
    press(qtbot, window, Qt.Key.Key_Return)
    assert not np.array_equal(flat(window), painted)
    assert window.document.active_layer.provenance["method"] == "good_drag"
