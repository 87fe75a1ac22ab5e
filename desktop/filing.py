"""Filing: opens, saves, and asks before anything unsaved would be lost."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from weakref import ref

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from desktop.document import Document, Instruction, Tiles
from desktop.document.files import FileWorker
from desktop.leaving import Leaving, holds_more
from desktop.recent import RecentFiles
from engine import EngineError, Image, Origin, Photo, Sample, open_photo, samples

_OPENED = "PNG JPEG WebP TIFF BMP GIF AVIF (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif *.avif)"
_SAVED = "PNG (*.png);;JPEG (*.jpg *.jpeg);;WebP (*.webp);;TIFF (*.tif *.tiff)"
_ENDING = re.compile(r"\*(\.\w+)")
_REST_MS = 100  # until a gesture is looked at again that a picture waits for


class Filing(QObject):
    """Holds the one document of a window. What is asked for last counts.

    Args:
        recent: takes note of what is opened and saved.
        window: dialogs belong to it.
    """

    opened = Signal(object)  # Document, which is the window's from now on
    saving = Signal()  # before a document is written: the last moment to keep a pending edit
    leaving = Signal()  # before it is looked whether a document may be let go: the last moment to end a keep
    saved = Signal(object)  # Path
    told = Signal(str)  # a sentence for the status bar
    asked = Signal(str)  # a sentence for the status bar that stays until the next one

    def __init__(self, recent: RecentFiles, window: QWidget) -> None:
        super().__init__(window)
        self.document: Document | None = None
        self.worker = FileWorker(self)
        self._leaving = Leaving(self.save, window)
        self._recent, self._window = recent, window
        self._written: Path | None = None  # where this document has been saved
        self._arrived: tuple[Photo, Path] | None = None  # what is to be shown once the gesture is over
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._take_arrived)
        self.worker.opened.connect(self._take_photo)
        self.worker.failed.connect(self.complain)

    def open(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Open a picture"), self._folder(), _OPENED
        )
        if chosen:
            self.open_path(Path(chosen))

    def save(self, then: Callable[[], None] | None = None) -> None:
        """Write to where this document has been saved; the file it was opened from is never replaced unasked.

        Args:
            then: called once it is saved; not where that fails or the user thinks better of it.
        """
        path = self._written
        if path is None:
            self.save_as(then)
        else:
            self.save_path(path, then)

    def save_as(self, then: Callable[[], None] | None = None) -> None:
        if self.document is None:
            return
        path = self.document.path
        new = Path(self._folder()) / self.tr("picture.png")
        start = str(new if path is None else path.with_suffix(".png"))
        title = self.tr("Save the picture")
        chosen, kind = QFileDialog.getSaveFileName(self._window, title, start, _SAVED)
        if chosen and (path := self._with_ending(Path(chosen), kind)):
            self.save_path(path, then)

    def open_path(self, path: Path) -> None:
        """Open a picture off this thread; what is open stays until then, and longer if the user says so."""
        self._forget()
        self.asked.emit(self.tr("Opening {}…").format(path.name))
        self.worker.open(path)

    def open_sample(self, sample: Sample) -> None:
        """Open a sample with its ready drag."""
        self.leave(lambda: self._take_sample(sample))

    def open_generated(self, picture: Image, origin: Origin) -> None:
        """Open a picture that has been made from words; it is saved nowhere, and it is asked so later."""
        self.leave(lambda: self._take_generated(picture, origin))

    def save_path(self, path: Path, then: Callable[[], None] | None = None) -> None:
        """Write the picture off this thread."""
        if self.document is not None:
            self.saving.emit()
            self.asked.emit(self.tr("Saving {}…").format(path.name))
            self.worker.save(self.document, path, partial(self._take_saved, ref(self.document), path, then))

    def leave(self, then: Callable[[], None]) -> None:
        """Call `then` once what is open may be let go: at once where nothing would be lost by it."""
        self._forget()
        self.leaving.emit()
        self._leaving.ask(self.document, then)

    def complain(self, sentence: str) -> None:
        """Show an error without holding up the window."""
        self.told.emit("")
        ok = QMessageBox.StandardButton.Ok
        box = QMessageBox(QMessageBox.Icon.Warning, "Pliant", sentence, ok, self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _forget(self) -> None:
        """Drop what was asked for before."""
        if self.worker.is_opening or self._arrived is not None:
            self.told.emit("")
        self._arrived = None
        self.worker.forget()
        self._leaving.drop()

    def _take_photo(self, photo: Photo, path: Path) -> None:
        self._arrived = photo, path
        self._take_arrived()

    def _take_arrived(self) -> None:
        """Show the picture that has been read, but take none from under the pointer."""
        if self._arrived is None:
            return
        if self.document is not None and self.document.state is not self.document.settled:
            self._rest.start()
            return
        photo, path = self._arrived
        self.leave(lambda: self._show_photo(photo, path))

    def _show_photo(self, photo: Photo, path: Path) -> None:
        shipped = path.resolve() in {sample.picture.resolve() for sample in samples()}
        self._take(Document.from_photo(photo, None if shipped else path, name=self.tr("Background")))
        if not shipped:  # samples are there to play with, and are not saved over
            self._recent.add(path)
        self.asked.emit(photo.notice or self.tr("Press on the picture and pull."))

    def _take_sample(self, sample: Sample) -> None:
        try:
            photo = open_photo(sample.picture)
            ready = sample.request(photo)
        except EngineError as error:
            self.complain(str(error))
            return
        marked = Instruction(
            points=ready.points,
            pins=ready.pins,
            editable=None if ready.mask is None else Tiles.from_array(ready.mask),
            subject=None if ready.subject is None else Tiles.from_array(ready.subject),
            motion=ready.motion,
        )
        self._take(Document.from_photo(photo, None, name=self.tr("Background"), instruction=marked))
        title = QCoreApplication.translate("StartPage", sample.title)  # as on its card
        self.told.emit(f"{title} — {sample.author}, {sample.licence}")

    def _take_generated(self, picture: Image, origin: Origin) -> None:
        photo = Photo(pixels=picture, origin=origin)
        document = Document.from_photo(photo, None, name=self.tr("Background"))
        document.undo_stack.resetClean()
        self._take(document)
        self.asked.emit(self.tr("Press on the picture and pull."))

    def _take(self, document: Document) -> None:
        before, self.document = self.document, document
        self._written = None
        document.setParent(self)
        self.opened.emit(document)
        if before is not None:
            before.deleteLater()

    def _take_saved(self, document: "ref[Document]", path: Path, then: Callable[[], None] | None) -> None:
        told = self.tr("Saved to {}")
        saved = document()
        if saved is not None and saved is self.document:
            if self._written is None and holds_more(saved):  # once is enough
                told = self.tr("Saved to {} as one picture; layers and masks stay only while it is open.")
            self._written = path
        self._recent.add(path)
        self.told.emit(told.format(path))
        self.saved.emit(path)
        if then is not None:
            then()

    def _with_ending(self, path: Path, kind: str) -> Path | None:
        """The path with the ending of a kind of file where it has none; None if that may not be replaced."""
        if path.suffix.lower() in _ENDING.findall(_OPENED):
            return path
        ending = _ENDING.search(kind)
        path = path.with_name(path.name + (".png" if ending is None else ending[1]))
        if not path.exists():
            return path
        answers = QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel
        question = self.tr("{} exists already. Replace it?").format(path.name)
        box = QMessageBox(QMessageBox.Icon.Question, "Pliant", question, answers, self._window)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        return path if box.exec() == QMessageBox.StandardButton.Yes else None

    def _folder(self) -> str:
        path = None if self.document is None else self.document.path
        return str(Path.home() if path is None else path.parent)
