"""GenerateDialog: the words, size and seed of a picture to be made, how far it is, and how it looks."""

import secrets
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.document.pixels import image_view
from desktop.icons import set_icon
from desktop.panels.settings_form import SettingsForm
from desktop.panels.step_bar import StepBar
from engine import GenerationSettings, Image, Offer, Origin

_PICTURE, _WORDS_LINES = 320, 3  # device-independent pixels of the picture's side; lines of the prompt
_LEAST_SIDE, _MOST_SIDE = 8, 2048  # pixels
_PARTS = 8  # of a pack's working size that a step of a side is one of
_SEEDS = 2**31 - 1  # all that a spin box takes


class GenerateDialog(QDialog):
    """Shows what is made, and opens it only if it is wanted."""

    pack_chosen = Signal(str)
    generate_asked = Signal()
    stop_asked = Signal()
    open_asked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Generate a picture"))
        self.prompt = QPlainTextEdit(self)
        self.prompt.setPlaceholderText(self.tr("What the picture should show"))
        self.prompt.setAccessibleName(self.tr("Prompt"))
        self.prompt.setTabChangesFocus(True)
        self.prompt.setFixedHeight((_WORDS_LINES + 1) * self.prompt.fontMetrics().lineSpacing())
        self.packs = QComboBox(self)
        self.packs.setAccessibleName(self.tr("Pack"))
        self.across, self.down, self.seed = QSpinBox(self), QSpinBox(self), QSpinBox(self)
        for side, name in ((self.across, self.tr("Width")), (self.down, self.tr("Height"))):
            side.setRange(_LEAST_SIDE, _MOST_SIDE)
            side.setAccessibleName(name)
        self.seed.setRange(0, _SEEDS)
        self.seed.setAccessibleName(self.tr("Seed"))
        self.dice = QToolButton(self)
        self.dice.setToolTip(self.tr("Another seed, by chance"))
        self.dice.setAccessibleName(self.dice.toolTip())
        set_icon(self.dice, "dice")
        self.form = SettingsForm(GenerationSettings, self)
        self.picture, self.message = QLabel(self), QLabel(self)
        self.picture.setFixedSize(_PICTURE, _PICTURE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.message.setWordWrap(True)
        self.bar = StepBar(self)
        self._build_buttons()
        self._lay_out()
        self.packs.currentIndexChanged.connect(lambda _: self.pack_chosen.emit(self.packs.currentData()))
        self.prompt.textChanged.connect(self._show)
        self.dice.clicked.connect(self.throw_dice)
        self._running = self._there = False
        self.throw_dice()
        self._show()

    def offer(self, offers: Sequence[Offer]) -> None:
        """Offer these packs; what was chosen stays so if it is among them."""
        chosen = self.packs.currentData()
        self.packs.blockSignals(True)
        self.packs.clear()
        for offer in offers:
            self.packs.addItem(offer.pack_title, offer.pack)
        self.packs.setCurrentIndex(max(self.packs.findData(chosen), 0))
        self.packs.blockSignals(False)
        if self.packs.currentData() != chosen:
            self.pack_chosen.emit(self.packs.currentData())

    def recommend(self, recommended: Origin) -> None:
        """Begin with a pack's size and settings."""
        for side, pixels in ((self.across, recommended.size[0]), (self.down, recommended.size[1])):
            side.setSingleStep(max(pixels // _PARTS, 1))
            side.setValue(pixels)
        self.form.set_values({"steps": recommended.steps, "guidance": recommended.guidance})

    def throw_dice(self) -> None:
        """Take another seed."""
        self.seed.setValue(secrets.randbelow(_SEEDS))

    def show_running(self, running: bool) -> None:
        """Whether a picture is being made."""
        self._running = running
        self.bar.begin("")
        if running:
            self.message.clear()
        self._show()

    def show_picture(self, image: Image, *, finished: bool) -> None:
        """How it looks, on its way or in the end."""
        ratio = self.devicePixelRatioF()
        room = QSize(self.picture.size() * ratio)
        small = QPixmap.fromImage(image_view(image)).scaled(
            room, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        small.setDevicePixelRatio(ratio)
        self.picture.setPixmap(small)
        self._there = finished
        self._show()

    def clear_picture(self) -> None:
        """There is no picture any more."""
        self.picture.clear()
        self._there = False
        self._show()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        self.stop_asked.emit()
        self.done(QDialog.DialogCode.Rejected.value)
        event.accept()

    def reject(self) -> None:
        """Esc stops what runs; where nothing does, it closes."""
        if self._running:
            self.stop_asked.emit()
        else:
            super().reject()

    def _build_buttons(self) -> None:
        self.run, self.stop = QPushButton(self.tr("&Generate"), self), QPushButton(self.tr("Stop"), self)
        self.run.setShortcut("Ctrl+Return")
        self.open_button = QPushButton(self.tr("&Open for editing"), self)
        self.run.clicked.connect(self.generate_asked)
        self.stop.clicked.connect(self.stop_asked)
        self.open_button.clicked.connect(self.open_asked)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.buttons.rejected.connect(self.close)
        for button in (self.run, self.stop, self.open_button):
            self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)
        self.run.setDefault(True)  # Enter, but for the prompt, where it begins a line

    def _lay_out(self) -> None:
        size, seed = QHBoxLayout(), QHBoxLayout()
        for part in (self.across, QLabel("×", self), self.down):
            size.addWidget(part, 0 if isinstance(part, QLabel) else 1)
        seed.addWidget(self.seed, 1)
        seed.addWidget(self.dice)
        form = QFormLayout()
        form.addRow(self.tr("Prompt"), self.prompt)
        form.addRow(self.tr("Pack"), self.packs)
        form.addRow(self.tr("Size"), size)
        form.addRow(self.tr("Seed"), seed)
        form.addRow(self.form)
        form.addRow(self.message)
        halves = QHBoxLayout()
        halves.addLayout(form, 1)
        halves.addWidget(self.picture)
        layout = QVBoxLayout(self)
        layout.addLayout(halves)
        layout.addWidget(self.bar)
        layout.addWidget(self.buttons)

    def _show(self) -> None:
        idle, running = not self._running, self._running
        for part in (self.prompt, self.packs, self.across, self.down, self.seed, self.dice, self.form):
            part.setEnabled(idle)
        self.run.setEnabled(idle and bool(self.prompt.toPlainText().strip()))
        self.stop.setEnabled(running)
        self.open_button.setEnabled(idle and self._there)
        self.bar.setVisible(running)
