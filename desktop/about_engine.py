"""AboutEngine: what the engine reports of itself, in a dialog."""

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QVBoxLayout, QWidget

from desktop.panels.run_panel import RunPanel
from desktop.worker import EngineWorker
from engine import WarmJob, channel, data_dir

_WIDTH = 400  # device-independent pixels of what is reported
_TITLES = {"python": "Python", "pliant": "Pliant"}


def listed(versions: Mapping[str, str]) -> str:
    """Libraries and their versions in one line."""
    return ", ".join(f"{_TITLES.get(name, name)} {version}" for name, version in versions.items())


class AboutEngine(QObject):
    """Asks the engine when it is shown, and starts it for that if it has to.

    Args:
        worker: its engine.
        runtime: the folder that it is started from.
        run: where its device is chosen.
        window: the dialog belongs to it.
    """

    def __init__(
        self,
        worker: EngineWorker,
        runtime: Callable[[], Path],
        run: RunPanel,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._worker, self._runtime, self._run = worker, runtime, run
        self._asked = 0  # the job that tells the device
        self._dialog = QDialog(window)
        self._dialog.setWindowTitle(self.tr("About the engine"))
        self._versions, self._device, self._folder, self._logs = (self._field() for _ in range(4))
        form = QFormLayout()
        for title, field in (
            (self.tr("Runtime"), self._folder),
            (self.tr("Versions"), self._versions),
            (self.tr("Runs on"), self._device),
            (self.tr("Log files"), self._logs),
        ):
            form.addRow(title, field)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self._dialog)
        buttons.rejected.connect(self._dialog.reject)
        layout = QVBoxLayout(self._dialog)
        layout.addLayout(form)
        layout.addWidget(buttons)
        worker.ready.connect(self._greet)
        worker.finished.connect(self._take)
        worker.failed.connect(self._fail)

    def show(self) -> None:
        """Open the dialog; what the engine has to be asked for comes when it answers."""
        self._folder.setText(str(self._runtime()))
        self._logs.setText(str(data_dir() / "logs"))
        self._device.setText(self.tr("Asking the engine…"))
        self._asked = self._worker.submit(WarmJob(device=self._run.chosen_device))
        self._dialog.open()

    def _field(self) -> QLabel:
        field = QLabel(self._dialog)
        field.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        field.setWordWrap(True)
        field.setMinimumWidth(_WIDTH)
        return field

    def _tell(self, field: QLabel, text: str) -> None:
        field.setText(text)
        self._dialog.adjustSize()  # a longer text takes more lines

    def _greet(self, hello: channel.Hello) -> None:
        self._tell(self._versions, listed(hello.versions))

    def _take(self, job: int, answer: object) -> None:
        if job == self._asked:
            self._tell(self._device, self._run.device_title(str(answer)))

    def _fail(self, job: int, sentence: str) -> None:
        if job == self._asked:
            self._tell(self._device, sentence)
