from dataclasses import dataclass
from typing import Literal

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QLineEdit, QToolButton

from desktop.panels import NumberField, SettingsForm
from engine import METHODS, Settings
from engine.settings import setting


@dataclass(frozen=True, kw_only=True)
class Every(Settings):
    inference_steps: int = setting(50, 10, 100, help="Denoising steps")
    strength: float = setting(0.75, 0.1, 1.0, 0.05, help="How deep")
    fine: float = setting(0.002, 0, 0.01, 0.0005, help="Small")
    seed: int = setting(-3, help="Any number")
    keep_colours: bool = setting(True, help="Whether colours stay")
    fill: Literal["texture", "smooth"] = setting("texture", help="What fills")
    prompt: str = setting("", help="Words")


@pytest.fixture
def form(qtbot):
    shown = SettingsForm(Every)
    qtbot.addWidget(shown)
    with qtbot.waitExposed(shown):
        shown.show()
    with qtbot.waitActive(shown):  # without a window manager nobody else gives it the keys
        shown.activateWindow()
    return shown


def defaults():
    return {each.name: each.default for each in Every.declarations()}


def resets(form):
    return [
        button for button in form.findChildren(QToolButton) if button.accessibleName().startswith("Reset")
    ]


@pytest.mark.parametrize("settings", [Every, *(method.settings for method in METHODS.values())])
def test_form_starts_with_the_defaults_and_their_types(qtbot, settings):
    form = SettingsForm(settings)
    qtbot.addWidget(form)
    shown = form.values
    assert shown == {each.name: each.default for each in settings.declarations()}
    assert [type(value) for value in shown.values()] == [each.type for each in settings.declarations()]
    settings(**shown)  # which checks every value


def test_each_kind_of_setting_gets_its_field_with_name_and_help(form):
    kinds = [NumberField, NumberField, NumberField, NumberField, QCheckBox, QComboBox, QLineEdit]
    for declaration, kind in zip(Every.declarations(), kinds, strict=True):
        field = form.field(declaration.name)
        assert type(field) is kind
        parts = [field, field.slider, field.spin_box] if kind is NumberField else [field]
        for part in parts:
            assert part.accessibleName() == declaration.name.replace("_", " ").title()
            assert part.accessibleDescription() == part.toolTip() == declaration.help
    assert {label.text() for label in form.findChildren(QLabel)} >= {"Inference Steps", "Keep Colours"}
    assert form.field("seed").slider.isHidden() and form.field("strength").slider.isVisible()


def test_slider_and_spin_box_go_together(form, qtbot):
    field = form.field("strength")
    with qtbot.waitSignal(form.changed) as told:
        field.slider.setValue(field.slider.maximum())
    assert told.args[0]["strength"] == form.values["strength"] == field.spin_box.value() == 1.0
    field.spin_box.setValue(0.1)
    assert field.slider.value() == 0
    field.spin_box.setValue(0.33)  # between two places of the slider
    assert form.values["strength"] == 0.33 and field.slider.value() == 5


def test_small_steps_are_not_rounded_away(form):
    field = form.field("fine")
    field.slider.setValue(3)
    assert form.values["fine"] == pytest.approx(0.0015)


def test_keys_change_every_field(form, qtbot):
    told = []
    form.changed.connect(told.append)
    for name, keys in (
        ("inference_steps", [Qt.Key.Key_Up]),
        ("keep_colours", [Qt.Key.Key_Space]),
        ("fill", [Qt.Key.Key_Down]),
        ("prompt", [Qt.Key.Key_A]),
    ):
        field = form.field(name)
        target = field.spin_box if isinstance(field, NumberField) else field
        target.setFocus()
        for key in keys:
            qtbot.keyClick(target, key)
    assert form.values == {
        **defaults(), "inference_steps": 51, "keep_colours": False, "fill": "smooth", "prompt": "a"
    }  # fmt: skip
    assert len(told) == 4 and told[-1] == form.values


def test_typing_is_a_value_only_when_done(form, qtbot):
    told, box = [], form.field("inference_steps").spin_box
    form.changed.connect(told.append)
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "64")
    assert not told
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert [values["inference_steps"] for values in told] == [64]


def test_set_values_is_silent_and_keeps_the_rest(form):
    told = []
    form.changed.connect(told.append)
    form.set_values({"strength": 0.4, "fill": "smooth", "keep_colours": False, "seed": 7, "prompt": "b"})
    assert not told
    assert form.values == {
        **defaults(), "strength": 0.4, "fill": "smooth", "keep_colours": False, "seed": 7, "prompt": "b"
    }  # fmt: skip


def test_reset_by_button_and_by_double_click(form, qtbot):
    assert not any(button.isEnabled() for button in resets(form))
    form.set_values({"strength": 0.4, "seed": 9})
    button = next(b for b in resets(form) if "Strength" in b.accessibleName())
    assert button.isEnabled()
    with qtbot.waitSignal(form.changed):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    label = next(label for label in form.findChildren(QLabel) if label.text() == "Seed")
    with qtbot.waitSignal(form.changed):
        qtbot.mouseDClick(label, Qt.MouseButton.LeftButton)
    assert form.values == defaults()
    assert not any(button.isEnabled() for button in resets(form))


def test_wheel_scrolls_the_panel_unless_the_field_has_the_focus(form):
    slider = form.field("strength").slider
    form.field("prompt").setFocus()

    def turn():
        middle = QPointF(slider.rect().center())
        event = QWheelEvent(
            middle, slider.mapToGlobal(middle), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(slider, event)

    turn()
    assert form.values["strength"] == 0.75
    slider.setFocus()
    turn()
    assert form.values["strength"] > 0.75


def test_tab_reaches_every_enabled_control(form, qtbot):
    form.set_values({name: 60 if name == "inference_steps" else 5 for name in ("inference_steps", "seed")})
    first = form.field("inference_steps").slider
    first.setFocus()
    seen = [first]
    while (focused := QApplication.focusWidget()) is not None and (len(seen) == 1 or focused is not first):
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    names = [widget.accessibleName() for widget in seen]
    assert {each.accessibleName() for each in form.findChildren(QComboBox)} <= set(names)
    assert "Reset Inference Steps to its default" in names and "Prompt" in names
    assert names.index("Reset Inference Steps to its default") < names.index("Strength")
