"""SettingsForm: a form built from the declarations of any settings class."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QLineEdit, QToolButton, QWidget

from desktop.icons import set_icon
from desktop.panels.number_field import NumberField, unscrolled
from engine import Declaration, Settings, Value


class SettingsForm(QWidget):
    """One row per setting: its name, what chooses its value, and a button back to the default.

    Names, helps and choices are shown through tr() in this class's context, as their declarations spell them.

    Args:
        settings: the class whose declarations it shows, in their order.
    """

    changed = Signal(dict)  # dict[str, Value], all values; the user changed one

    def __init__(self, settings: type[Settings], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = {each.name: self._row(each) for each in settings.declarations()}
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setColumnStretch(1, 1)
        for number, row in enumerate(self._rows.values()):
            layout.addWidget(row.label, number, 0)
            layout.addWidget(row.field, number, 1)
            layout.addWidget(row.reset, number, 2)
            QWidget.setTabOrder(row.field, row.reset)
        layout.setRowStretch(len(self._rows), 1)
        self._show_resets()

    @property
    def values(self) -> dict[str, Value]:
        """What the form shows, by the settings' names."""
        return {name: row.get() for name, row in self._rows.items()}

    def set_values(self, values: Mapping[str, Value]) -> None:
        """Show values; what is not named keeps its own. `changed` keeps silent: no user chose."""
        for name, value in values.items():
            self._rows[name].put(value)
        self._show_resets()

    def reset(self, name: str) -> None:
        """Go back to a setting's default, as the user's choice."""
        row = self._rows[name]
        if row.get() != row.default:
            row.put(row.default)
            self._tell()

    def field(self, name: str) -> QWidget:
        """What chooses the value of a setting."""
        return self._rows[name].field

    def _tell(self, *_: object) -> None:
        self._show_resets()
        self.changed.emit(self.values)

    def _show_resets(self) -> None:
        for row in self._rows.values():
            row.reset.setEnabled(row.get() != row.default)

    def _row(self, declaration: Declaration) -> "_Row":
        title = self.tr(declaration.name.replace("_", " ").title())
        help = self.tr(declaration.help)
        field, get, put = self._chooser(declaration)
        if isinstance(field, NumberField):
            field.set_texts(title, help)
        field.setAccessibleName(title)
        field.setAccessibleDescription(help)
        field.setToolTip(help)
        label = _Label(title, self)
        label.setBuddy(field)
        label.setToolTip(help)
        label.double_clicked.connect(lambda name=declaration.name: self.reset(name))
        reset = QToolButton(self)
        set_icon(reset, "reset")
        reset.setAutoRaise(True)
        reset.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        reset.setAccessibleName(self.tr("Reset {} to its default").format(title))
        reset.setToolTip(self.tr("Reset to the default, {}").format(self._spelled(declaration)))
        reset.clicked.connect(lambda _=False, name=declaration.name: self.reset(name))
        put(declaration.default)
        return _Row(label, field, reset, declaration.default, get, put)

    def _spelled(self, declaration: Declaration) -> str:
        """The default in words."""
        if declaration.type is bool:
            return self.tr("on") if declaration.default else self.tr("off")
        if declaration.choices:
            return self.tr(str(declaration.default))
        return f"{declaration.default:g}" if declaration.type is float else str(declaration.default)

    def _chooser(self, declaration: Declaration) -> "_Chooser":
        if declaration.type is bool:
            return self._check_box()
        if declaration.choices:
            return self._combo_box(declaration.choices)
        if declaration.type is str:
            return self._line()
        return self._number(declaration)

    def _check_box(self) -> "_Chooser":
        box = QCheckBox(self)
        box.clicked.connect(self._tell)
        return box, box.isChecked, lambda value: box.setChecked(bool(value))

    def _combo_box(self, choices: tuple[str, ...]) -> "_Chooser":
        box = QComboBox(self)
        unscrolled(box)
        for choice in choices:
            box.addItem(self.tr(choice), choice)
        box.currentIndexChanged.connect(self._tell)

        def put(value: Value) -> None:
            blocker = QSignalBlocker(box)
            box.setCurrentIndex(choices.index(str(value)))
            blocker.unblock()

        return box, lambda: choices[box.currentIndex()], put

    def _line(self) -> "_Chooser":
        line = QLineEdit(self)
        line.textEdited.connect(self._tell)
        return line, line.text, lambda value: line.setText(str(value))

    def _number(self, declaration: Declaration) -> "_Chooser":
        low, high, whole = declaration.low, declaration.high, declaration.type is int
        span = 1.0 if low is None or high is None else high - low
        step = declaration.step or (1 if whole else span / 100)
        field = NumberField(low, high, step, 0 if whole else _decimals(step), parent=self)
        field.changed.connect(self._tell)
        return (
            field,
            lambda: round(field.value) if whole else field.value,
            lambda value: field.set_value(float(value)),
        )


_Chooser = tuple[QWidget, Callable[[], Value], Callable[[Value], None]]


@dataclass(frozen=True)
class _Row:
    """What belongs to one setting; `get` and `put` read and show its value."""

    label: QLabel
    field: QWidget
    reset: QToolButton
    default: Value
    get: Callable[[], Value]
    put: Callable[[Value], None]


class _Label(QLabel):
    double_clicked = Signal()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if event.button() == Qt.MouseButton.LeftButton:
            self.double_clicked.emit()


def _decimals(step: float) -> int:
    """The places after the point that tell steps apart, and one more for typing between them."""
    places = next(places for places in range(7) if abs(round(step, places) - step) < 1e-9 or places == 6)
    return min(max(places, 2), 6)
