"""Generating: makes pictures from words in the engine process, and hands over those that shall be edited."""

from collections.abc import Callable
from functools import cached_property

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from desktop.filing import Filing
from desktop.generate_dialog import GenerateDialog
from desktop.weights import told_missing
from desktop.worker import EngineWorker
from engine import Box, EditResult, Engine, EngineError, GenerateJob, Image, Origin, Step

_ANY = "a picture"  # a prompt for asking what a pack recommends


class Generating(QObject):
    """One picture at a time; the dialog, its words and its last picture stay until the window closes.

    Args:
        engine: knows the packs that make pictures.
        worker: makes them.
        filing: opens what shall be edited.
        device: where they are made: auto, cpu, cuda or mps.
        window: the dialog belongs to it.
    """

    def __init__(
        self,
        engine: Engine,
        worker: EngineWorker,
        filing: Filing,
        device: Callable[[], str],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._engine, self._worker, self._filing, self._device = engine, worker, filing, device
        self._job: tuple[int, Origin] | None = None
        self._made: tuple[Image, Origin] | None = None
        self._window = window
        worker.finished.connect(self._take)
        worker.cancelled.connect(self._end)
        worker.failed.connect(self._fail)
        worker.stuck.connect(self._warn)
        worker.step.connect(self._step)
        worker.preview.connect(self._preview)

    @cached_property
    def dialog(self) -> GenerateDialog:
        """Made when it is first asked for: most windows start without it."""
        dialog = GenerateDialog(self._window)
        dialog.pack_chosen.connect(self._recommend)
        dialog.generate_asked.connect(self._run)
        dialog.stop_asked.connect(self._stop)
        dialog.open_asked.connect(self._open)
        return dialog

    def generate(self) -> None:
        """Show the dialog, or say what has to be got first."""
        offers = self._engine.generators()
        if not offers:
            self._filing.complain(told_missing(self._engine))
            return
        self.dialog.offer(offers)
        self.dialog.prompt.setFocus()
        self.dialog.open()

    def _recommend(self, pack: str) -> None:
        try:
            self.dialog.recommend(self._engine.origin(_ANY, pack))
        except EngineError as error:
            self.dialog.message.setText(str(error))

    def _run(self) -> None:
        dialog = self.dialog
        try:
            origin = self._engine.origin(
                dialog.prompt.toPlainText().strip(),
                dialog.packs.currentData(),
                (dialog.across.value(), dialog.down.value()),
                dialog.seed.value(),
                dialog.form.values,
            )
        except EngineError as error:
            dialog.message.setText(str(error))
            return
        self._made = None
        dialog.clear_picture()
        dialog.show_running(True)
        self._job = self._worker.submit(GenerateJob(origin=origin, device=self._device())), origin

    def _stop(self) -> None:
        if self._job is not None:
            self._worker.cancel(self._job[0])

    def _open(self) -> None:
        if self._made is not None:
            self.dialog.accept()
            self._filing.open_generated(*self._made)

    def _is_ours(self, job: int) -> bool:
        return self._job is not None and self._job[0] == job

    def _take(self, job: int, answer: object) -> None:
        if self._job is None or not self._is_ours(job):
            return
        assert isinstance(answer, EditResult), "what answers this kind of job"
        self._made = answer.image, self._job[1]
        self._end(job)
        self.dialog.show_picture(answer.image, finished=True)

    def _end(self, job: int) -> None:
        if self._is_ours(job):
            self._job = None
            self.dialog.show_running(False)
            self.dialog.clear_picture()

    def _fail(self, job: int, sentence: str) -> None:
        if self._is_ours(job):
            self._end(job)
            self.dialog.message.setText(sentence)

    def _warn(self, job: int, sentence: str) -> None:
        if self._is_ours(job):
            self.dialog.message.setText(sentence)

    def _step(self, job: int, step: Step, left: float | None) -> None:
        if self._is_ours(job):
            self.dialog.bar.show_step(step, left)

    def _preview(self, job: int, image: Image, _box: Box) -> None:
        if self._is_ours(job):
            self.dialog.show_picture(image, finished=False)
            self._worker.preview_painted(job)
