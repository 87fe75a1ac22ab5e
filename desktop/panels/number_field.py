"""NumberField: one number by slider and by keys, side by side."""

from PySide6.QtCore import QEvent, QObject, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QHBoxLayout, QSlider, QWidget

_MOST_SLIDER_STEPS = 10_000
_PAUSE = 700  # milliseconds after which further keys are a new gesture


class NumberField(QWidget):
    """A slider and a spin box that show the same number.

    Args:
        low, high: its range, inclusive; where either is None there is only the spin box.
        step: what one arrow key adds.
        decimals: places shown after the point; 0 for whole numbers.
        suffix: a unit behind the number in the spin box.
    """

    changed = Signal(float)  # by the user
    gesture_ended = Signal()  # the slider was let go, the number was typed, or the keys rested

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

    def _slid(self, position: int) -> None:
        self.spin_box.setValue(self._low + position * self._step)

    def _typed(self, value: float) -> None:
        self._show_on_slider()
        self.changed.emit(value)
        if not self.slider.isSliderDown():
            self._pause.start()

    def _show_on_slider(self) -> None:
        """The nearest place of the slider; the spin box may be finer."""
        blocker = QSignalBlocker(self.slider)
        self.slider.setValue(round((self.spin_box.value() - self._low) / self._step))
        blocker.unblock()


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
