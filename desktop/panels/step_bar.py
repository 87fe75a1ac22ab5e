"""StepBar: how far a job of the engine is, in words and as a bar."""

from PySide6.QtWidgets import QProgressBar, QWidget

from desktop.texts import phase_name
from engine import Step


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
        text = self.tr("{phase} {done}/{total}").format(
            phase=phase_name(step.phase), done=step.done, total=step.total
        )
        if left is not None:
            text += self.tr(" · {seconds} s left").format(seconds=max(1, round(left)))
        self.setFormat(text)
