"""RuntimeProbe: whether another Python can be the engine, tried in a process beside the one that works."""

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from desktop import engine_texts
from desktop.engine_process import engine_command
from desktop.worker import EngineWorker
from engine import WarmJob, channel

_NEEDED = "torch"


class RuntimeProbe(QObject):
    """One runtime at a time: a new one takes the place of the one before."""

    usable = Signal(object)  # Path, the runtime's folder
    refused = Signal(str)  # a sentence

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker: EngineWorker | None = None
        self._folder = Path()

    def begin(self, folder: Path) -> None:
        """Let an engine of this runtime load what it needs; `usable` or `refused` follows."""
        self.stop()
        self._folder = folder
        try:
            worker = self._worker = EngineWorker(engine_command(folder))
        except FileNotFoundError:
            self.refused.emit(engine_texts.no_runtime(folder))
            return
        worker.ready.connect(self._look)
        worker.finished.connect(self._accept)
        worker.failed.connect(self._refuse)
        worker.stuck.connect(self._refuse)
        worker.submit(WarmJob())

    def stop(self) -> None:
        """Try no longer; before the window closes."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    def _look(self, hello: channel.Hello) -> None:
        if self._is_heard and _NEEDED not in hello.versions:
            self.stop()
            self.refused.emit(engine_texts.no_torch(self._folder))

    def _accept(self, _job: int, _device: object) -> None:
        if self._is_heard:
            self.stop()
            self.usable.emit(self._folder)

    def _refuse(self, _job: int, sentence: str) -> None:
        if self._is_heard:
            self.stop()
            self.refused.emit(sentence)

    @property
    def _is_heard(self) -> bool:
        """Whether the signal comes from the process that is being tried, not from one before."""
        return self._worker is not None and self.sender() is self._worker
