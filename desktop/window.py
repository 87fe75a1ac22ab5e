"""MainWindow: menus, canvas and status bar; wires the parts and decides nothing."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QDragEnterEvent, QDropEvent, QKeySequence
from PySide6.QtWidgets import QFileDialog, QLabel, QMainWindow, QMenu, QMessageBox

from desktop.canvas import Canvas
from desktop.document import Document, Instruction
from desktop.session import EditSession
from engine import Engine, EngineError, Sample, check_output, open_photo, samples, save_photo

_OPENED = "PNG JPEG WebP TIFF BMP GIF AVIF (*.png *.jpg *.jpeg *.webp *.tif *.tiff *.bmp *.gif *.avif)"
_SAVED = "PNG (*.png);;JPEG (*.jpg *.jpeg);;WebP (*.webp);;TIFF (*.tif *.tiff)"


class MainWindow(QMainWindow):
    """One picture in a window."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.canvas = Canvas(self)
        self.setCentralWidget(self.canvas)
        self.session = EditSession(self.canvas, engine)
        self.document: Document | None = None
        self._position = QLabel(self)
        self.statusBar().addPermanentWidget(self._position)
        self.canvas.view_changed.connect(self._show_zoom)
        self.session.hint.connect(self.statusBar().showMessage)
        self.setAcceptDrops(True)
        self.resize(1200, 800)
        self._undo: QAction | None = None
        self._build_menus()
        self._show_title()

    def open(self, path: Path) -> None:
        """Open a picture, or say why it cannot be opened and keep what is open."""
        try:
            photo = open_photo(path)
        except EngineError as error:
            self._complain(str(error))
            return
        self._take(Document(photo, path))
        self.statusBar().showMessage(photo.notice or self.tr("Press on the picture and pull."))

    def open_sample(self, sample: Sample) -> None:
        """Open a sample with its ready drag."""
        try:
            photo = open_photo(sample.picture)
            ready = sample.request(photo)
        except EngineError as error:
            self._complain(str(error))
            return
        marked = Instruction(
            points=ready.points, pins=ready.pins, mask=ready.mask, subject=ready.subject, motion=ready.motion
        )
        self._take(Document(photo, None, marked))
        self.statusBar().showMessage(f"{sample.title} — {sample.author}, {sample.licence}")

    def _take(self, document: Document) -> None:
        self.document = document
        document.setParent(self)
        document.undo_stack.cleanChanged.connect(self._show_title)
        self.canvas.set_document(document)
        self.session.set_document(document)
        self._show_title()

    def _build_menus(self) -> None:
        file = self.menuBar().addMenu(self.tr("&File"))
        self._add(file, self.tr("&Open…"), QKeySequence.StandardKey.Open, self._ask_open)
        self._sample_menu(file.addMenu(self.tr("Sa&mples")))
        self._add(file, self.tr("&Save as…"), QKeySequence.StandardKey.SaveAs, self._ask_save)
        file.addSeparator()
        self._add(file, self.tr("&Quit"), QKeySequence.StandardKey.Quit, self.close)
        edit = self.menuBar().addMenu(self.tr("&Edit"))
        self._add(edit, self.tr("&Undo"), QKeySequence.StandardKey.Undo, lambda: self._step("undo"))
        self._add(edit, self.tr("&Redo"), QKeySequence.StandardKey.Redo, lambda: self._step("redo"))
        edit.addSeparator()
        self._add(edit, self.tr("&Keep the edit"), Qt.Key.Key_Return, self._keep)
        self._add(edit, self.tr("Remove &drags"), Qt.Key.Key_Escape, self.session.clear)
        view = self.menuBar().addMenu(self.tr("&View"))
        self._add(view, self.tr("&Fit"), "Ctrl+0", self.canvas.fit)
        self._add(view, self.tr("&100 %"), "Ctrl+1", self.canvas.show_pixels)

    def _add(self, menu: QMenu, title: str, keys: object, act: object) -> None:
        action = QAction(title, self)
        action.setShortcut(QKeySequence(keys))  # pyright: ignore[reportCallIssue, reportArgumentType]
        action.triggered.connect(act)  # pyright: ignore[reportArgumentType]
        menu.addAction(action)

    def _sample_menu(self, menu: QMenu) -> None:
        for sample in samples():
            action = menu.addAction(f"{sample.title} ({sample.name.replace('_', ' ')})")
            action.triggered.connect(lambda _=False, chosen=sample: self.open_sample(chosen))

    def _step(self, way: str) -> None:
        if self.document is not None:
            stack = self.document.undo_stack
            stack.undo() if way == "undo" else stack.redo()

    def _keep(self) -> None:
        self.session.keep()

    def _ask_open(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, self.tr("Open a picture"), "", _OPENED)
        if chosen:
            self.open(Path(chosen))

    def _ask_save(self) -> None:
        if self.document is None:
            return
        start = "" if self.document.path is None else str(self.document.path.with_suffix(".png"))
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save the picture"), start, _SAVED)
        if chosen:
            self.save(Path(chosen))

    def save(self, path: Path) -> None:
        """Keep a pending edit and write the picture, or say why it cannot be written."""
        if self.document is None:
            return
        self.session.keep()
        try:
            check_output(path, self.document.photo, source=self.document.path)
            save_photo(self.document.photo, path, source=self.document.path)
        except EngineError as error:
            self._complain(str(error))
            return
        self.document.undo_stack.setClean()
        self.statusBar().showMessage(self.tr("Saved to {}").format(path))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            self.open(Path(paths[0]))

    def _show_zoom(self) -> None:
        self._position.setText(f"{self.canvas.viewport.zoom * self.devicePixelRatioF():.0%}")

    def _show_title(self) -> None:
        path = None if self.document is None else self.document.path
        self.setWindowTitle(f"{path.name if path else self.tr('Sample')}[*] — Pliant")
        self.setWindowModified(self.document is not None and not self.document.undo_stack.isClean())

    def _complain(self, sentence: str) -> None:
        box = QMessageBox(QMessageBox.Icon.Warning, "Pliant", sentence, QMessageBox.StandardButton.Ok, self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()
