"""NumberField: one number by slider and by keys, side by side."""

import math

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QHBoxLayout, QSlider, QWidget

_MOST_SLIDER_STEPS = 10_000
_PAUSE = 700  # milliseconds after which further keys are a new gesture
_FACTOR = 1.25  # by which an arrow key changes a number on a logarithmic slider
_ENTER = Qt.Key.Key_Return, Qt.Key.Key_Enter


class NumberField(QWidget):
    """A slider and a spin box that show the same number. Enter takes what is typed, Esc forgets it.

    Args:
        low, high: its range, inclusive; where either is None there is only the spin box.
        step: what one arrow key adds.
        decimals: places shown after the point; 0 for whole numbers.
        suffix: a unit behind the number in the spin box.
    """

    changed = Signal(float)  # by the user
    gesture_ended = Signal()  # the slider was let go, the number was typed, or the keys rested
    left = Signal()  # by Enter or Esc

    def __init__(
        self,
        low: float | None,
        high: float | None,
        step: float,
        decimals: int,
        suffix: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._low, self._step = low or 0.0, step
        self.spin_box = QDoubleSpinBox(self)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.setFocusProxy(self.spin_box)
        self._pause = QTimer(self, singleShot=True, interval=_PAUSE)
        self._set_up_spin_box(low, high, decimals, suffix)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        if low is None or high is None:
            self.slider.hide()
        else:
            steps = round((high - low) / step)
            assert steps <= _MOST_SLIDER_STEPS, "the step is too fine for a slider"
            self.slider.setRange(0, steps)
            self.slider.setPageStep(max(1, steps // 10))
            self.slider.setMinimumWidth(60)
            layout.addWidget(self.slider, 1)
        layout.addWidget(self.spin_box)
        for part in (self.slider, self.spin_box):
            unscrolled(part)
            part.installEventFilter(self)
        self.spin_box.valueChanged.connect(self._typed)
        self.spin_box.editingFinished.connect(self.gesture_ended)
        self.slider.valueChanged.connect(self._slid)
        self.slider.sliderReleased.connect(self.gesture_ended)
        self._pause.timeout.connect(self.gesture_ended)

    def _set_up_spin_box(self, low: float | None, high: float | None, decimals: int, suffix: str) -> None:
        box = self.spin_box
        box.setDecimals(decimals)
        box.setRange(-1e9 if low is None else low, 1e9 if high is None else high)
        box.setSingleStep(self._step)
        box.setSuffix(suffix)
        box.setKeyboardTracking(False)  # half-typed numbers are no values
        box.setStepType(QAbstractSpinBox.StepType.DefaultStepType)
        box.setMinimumWidth(84)  # one width for all in a form

    @property
    def value(self) -> float:
        return self.spin_box.value()

    def set_value(self, value: float) -> None:
        """Show a number; the user has not chosen it, so `changed` keeps silent."""
        blocker = QSignalBlocker(self.spin_box)
        self.spin_box.setValue(value)
        blocker.unblock()
        self._show_on_slider()

    def set_texts(self, name: str, description: str) -> None:
        """What a screen reader says of both parts, and their tooltip."""
        for part in (self.slider, self.spin_box):
            part.setAccessibleName(name)
            part.setAccessibleDescription(description)
            part.setToolTip(description)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if not isinstance(event, QKeyEvent) or event.key() not in (*_ENTER, Qt.Key.Key_Escape):
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # before a menu's shortcut, which means something else by it
        elif event.type() == QEvent.Type.KeyPress:
            if event.key() in _ENTER:
                self.spin_box.interpretText()
            else:
                self.set_value(self.value)
            self.left.emit()
        return True

    def _position(self, value: float) -> float:
        """Where on the slider a number stands, in its steps."""
        return (value - self._low) / self._step

    def _number(self, position: int) -> float:
        """The number at a place of the slider."""
        return self._low + position * self._step

    def _slid(self, position: int) -> None:
        self.spin_box.setValue(self._number(position))

    def _typed(self, value: float) -> None:
        self._show_on_slider()
        self.changed.emit(value)
        if not self.slider.isSliderDown():
            self._pause.start()

    def _show_on_slider(self) -> None:
        """The nearest place of the slider; the spin box may be finer."""
        blocker = QSignalBlocker(self.slider)
        self.slider.setValue(round(self._position(self.spin_box.value())))
        blocker.unblock()


class LogField(NumberField):
    """A field for whole numbers above zero, whose slider gives each doubling the same way."""

    def __init__(self, low: float, high: float, suffix: str = "", parent: QWidget | None = None) -> None:
        super().__init__(low, high, 1, 0, suffix, parent)
        self._scale = self.slider.maximum() / math.log(high / low)  # steps of the slider per e-fold
        self.slider.setSingleStep(max(1, round(self._scale * math.log(_FACTOR))))

    def _position(self, value: float) -> float:
        return self._scale * math.log(value / self._low)

    def _number(self, position: int) -> float:
        return self._low * math.exp(position / self._scale)


def unscrolled(widget: QWidget) -> None:
    """Let a wheel over `widget` scroll the panel it stands in, unless the widget has the focus."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelGuard(widget))


class _WheelGuard(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
