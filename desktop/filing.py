"""Filing: opens, saves, and asks before anything unsaved would be lost."""

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from desktop.document import Document, Instruction, Tiles
from desktop.document.files import FileWorker
from desktop.recent import RecentFiles
from engine import EngineError, Photo, Sample, open_photo, samples

_OPENED = "PNG JPEG WebP TIFF BMP GIF AVIF (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif *.avif)"
_SAVED = "PNG (*.png);;JPEG (*.jpg *.jpeg);;WebP (*.webp);;TIFF (*.tif *.tiff)"


class Filing(QObject):
    """Holds the one document of a window.

    Args:
        recent: takes note of what is opened and saved.
        window: dialogs belong to it.
    """

    opened = Signal(object)  # Document, which is the window's from now on
    saving = Signal()  # before a document is written: the last moment to keep a pending edit
    saved = Signal(object)  # Path
    told = Signal(str)  # a sentence for the status bar

    def __init__(self, recent: RecentFiles, window: QWidget) -> None:
        super().__init__(window)
        self.document: Document | None = None
        self.worker = FileWorker(self)
        self._recent, self._window = recent, window
        self._written: Path | None = None  # where the user chose to save this document
        self.worker.opened.connect(self._take_photo)
        self.worker.saved.connect(self._take_saved)
        self.worker.failed.connect(self.complain)

    def open(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Open a picture"), self._folder(), _OPENED
        )
        if chosen:
            self.open_path(Path(chosen))

    def save(self) -> None:
        """Write to where the user chose before; the file it was opened from is never replaced unasked."""
        path = self._written
        if path is None:
            self.save_as()
        else:
            self.save_path(path)

    def save_as(self) -> None:
        if self.document is None:
            return
        path = self.document.path
        new = Path(self._folder()) / self.tr("picture.png")
        start = str(new if path is None else path.with_suffix(".png"))
        chosen, _ = QFileDialog.getSaveFileName(self._window, self.tr("Save the picture"), start, _SAVED)
        if chosen:
            self.save_path(Path(chosen))

    def open_path(self, path: Path) -> None:
        """Open a picture off this thread; what is open stays until then."""
        if self.may_leave():
            self.told.emit(self.tr("Opening {}…").format(path.name))
            self.worker.open(path)

    def open_sample(self, sample: Sample) -> None:
        """Open a sample with its ready drag."""
        if not self.may_leave():
            return
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

    def save_path(self, path: Path) -> None:
        """Write the picture off this thread."""
        if self.document is not None:
            self._written = path
            self.saving.emit()
            self.worker.save(self.document, path)

    def may_leave(self) -> bool:
        """Whether what is open may be let go; asks where it would be lost."""
        if self.document is None or not self.document.is_modified:
            return True
        answers = QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel
        question = self.tr("The picture has changes that are not saved. Close it all the same?")
        box = QMessageBox(QMessageBox.Icon.Question, "Pliant", question, answers, self._window)
        return box.exec() == QMessageBox.StandardButton.Discard

    def complain(self, sentence: str) -> None:
        """Show an error without holding up the window."""
        self.told.emit("")
        ok = QMessageBox.StandardButton.Ok
        box = QMessageBox(QMessageBox.Icon.Warning, "Pliant", sentence, ok, self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _take_photo(self, photo: Photo, path: Path) -> None:
        shipped = path.resolve() in {sample.picture.resolve() for sample in samples()}
        self._take(Document.from_photo(photo, None if shipped else path, name=self.tr("Background")))
        if not shipped:  # samples are there to play with, and are not saved over
            self._recent.add(path)
        self.told.emit(photo.notice or self.tr("Press on the picture and pull."))

    def _take(self, document: Document) -> None:
        before, self.document = self.document, document
        self._written = None
        document.setParent(self)
        self.opened.emit(document)
        if before is not None:
            before.deleteLater()

    def _take_saved(self, path: Path) -> None:
        self._recent.add(path)
        self.told.emit(self.tr("Saved to {}").format(path))
        self.saved.emit(path)

    def _folder(self) -> str:
        path = None if self.document is None else self.document.path
        return str(Path.home() if path is None else path.parent)
