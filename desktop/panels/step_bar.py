"""StepBar: how far a job of the engine is, in words and as a bar."""

from PySide6.QtWidgets import QProgressBar, QWidget

from desktop.texts import phase_name
from engine import Step

_MINUTES = 100  # seconds from which on they are told as minutes


class StepBar(QProgressBar):
    """Runs to and fro until the first step is told."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Progress"))

    def begin(self, title: str) -> None:
        """Something runs that is called so, and nothing is known of it yet."""
        self.setRange(0, 0)
        self.setFormat(title)

    def show_step(self, step: Step, left: float | None) -> None:
        """How far it is.

        Args:
            left: seconds, or None where nobody knows.
        """
        self.setRange(0, max(step.total, 1))
        self.setValue(step.done)
        if step.finishing:
            self.setFormat(self.tr("Finishing what there is…"))
            return
        phase = phase_name(step.phase)
        if left is None:
            told = self.tr("{phase} {done}/{total}").format(phase=phase, done=step.done, total=step.total)
        elif left < _MINUTES:
            told = self.tr("{phase} · {seconds} s left").format(phase=phase, seconds=max(1, round(left)))
        else:
            told = self.tr("{phase} · {minutes} min left").format(phase=phase, minutes=round(left / 60))
        self.setFormat(told)
