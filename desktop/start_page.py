"""StartPage: what the window shows while nothing is open."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from desktop.cards import Card, CardGrid
from desktop.icons import pixmap, set_icon
from desktop.thumbnails import Thumbnail, Thumbnails
from engine import Sample

_SIDE = 520  # pixels of a thumbnail: enough for a card on a screen with two pixels each
_MOST_WIDTH, _MOST_RECENT, _LOGO = 1020, 4, 56


class StartPage(QScrollArea):
    """A way to open a picture, one back to what is open behind it, those opened last, and the samples.

    Args:
        samples: in the order of their cards.
    """

    open_requested = Signal()
    recent_chosen = Signal(object)  # Path
    sample_chosen = Signal(object)  # Sample
    back_asked = Signal()

    def __init__(self, samples: Sequence[Sample], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = Thumbnails(_SIDE, self)
        self._thumbnails.loaded.connect(self._take)
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._load)
        self.open_button = QPushButton(self.tr("&Open a picture…"), self)
        self.back_button = QPushButton(self.tr("&Back to the picture (Esc)"), self)
        self.recent_grid, self.sample_grid = CardGrid(self), CardGrid(self)
        self._recent_title = self._heading(self.tr("Opened last"))
        self._samples = tuple(samples)
        self._build()
        self.sample_grid.set_cards([self._sample_card(sample) for sample in self._samples])
        self.set_recent(())

    def set_recent(self, paths: Sequence[Path]) -> None:
        """Show the first of these files; those that turn out to be missing become grey."""
        self.recent_grid.set_cards([self._recent_card(path) for path in paths[:_MOST_RECENT]])
        for part in (self._recent_title, self.recent_grid):
            part.setVisible(bool(paths))
        if self.isVisible():
            self._soon.start()

    def set_behind(self, open_behind: bool) -> None:
        """Whether a picture is open, to which there is a way back."""
        self.back_button.setVisible(open_behind)
        (self.back_button if open_behind else self.open_button).setFocus()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        super().showEvent(event)
        self._soon.start()  # after the first paint

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self._soon.stop()
        self._thumbnails.stop()  # those that are missing are made when it is shown again

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._show_logo()

    def _build(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("Start"))
        set_icon(self.open_button, "open")
        self.open_button.setDefault(True)
        self.open_button.clicked.connect(lambda _=False: self.open_requested.emit())
        self.back_button.clicked.connect(lambda _=False: self.back_asked.emit())
        self.back_button.setAutoDefault(True)  # Enter presses it, where it has the focus
        self.back_button.hide()
        column = QWidget(self)
        column.setMaximumWidth(_MOST_WIDTH)
        parts = QVBoxLayout(column)
        parts.setContentsMargins(24, 24, 24, 24)
        parts.setSpacing(12)
        parts.addLayout(self._build_head())
        parts.addSpacing(8)
        for part in (self._recent_title, self.recent_grid):
            parts.addWidget(part)
        parts.addWidget(self._heading(self.tr("Samples, each with a drag to begin with")))
        parts.addWidget(self.sample_grid)
        parts.addStretch(1)
        content = QWidget(self)
        sides = QHBoxLayout(content)
        sides.setContentsMargins(0, 0, 0, 0)
        sides.addStretch(1)
        sides.addWidget(column, 1000)  # the sides get what the column may not take
        sides.addStretch(1)
        self.setWidget(content)

    def _build_head(self) -> QHBoxLayout:
        self._logo = QLabel(self)
        self._logo.setFixedSize(_LOGO, _LOGO)
        self._show_logo()
        name = self._heading(self.tr("Pliant"), 1.9)
        motto = QLabel(self.tr("Press on a photo and pull: it follows."), self)
        hint = QLabel(self.tr("You can also drop a picture anywhere in this window."), self)
        for label in (motto, hint):
            label.setWordWrap(True)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(name)
        words.addWidget(motto)
        act = QHBoxLayout()
        act.setSpacing(12)
        for button in (self.open_button, self.back_button):
            button.setMinimumHeight(36)
            act.addWidget(button)
        act.addWidget(hint, 1)
        right = QVBoxLayout()
        right.setSpacing(14)
        right.addLayout(words)
        right.addLayout(act)
        head = QHBoxLayout()
        head.setSpacing(16)
        head.addWidget(self._logo, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(right, 1)
        return head

    def _show_logo(self) -> None:
        self._logo.setPixmap(pixmap("pliant", _LOGO, self.devicePixelRatioF()))

    def _heading(self, text: str, scale: float = 1.2) -> QLabel:
        label = QLabel(text, self)
        label.setWordWrap(True)
        font = label.font()
        font.setPointSizeF(font.pointSizeF() * scale)
        font.setBold(True)
        label.setFont(font)
        return label

    def _sample_card(self, sample: Sample) -> Card:
        card = Card(sample.picture, self.tr(sample.title), (sample.author, sample.licence), self.sample_grid)
        card.clicked.connect(lambda _=False: self.sample_chosen.emit(sample))
        return card

    def _recent_card(self, path: Path) -> Card:
        card = Card(path, path.name, (str(path.parent),), self.recent_grid)
        card.clicked.connect(lambda _=False: self.recent_chosen.emit(path))
        return card

    def _load(self) -> None:
        """Have the thumbnails made that are not there yet."""
        waiting = [card.picture for card in self._cards() if card.isEnabled() and card.image.isNull()]
        if waiting:
            self._thumbnails.load(waiting)

    def _take(self, picture: Path, made: Thumbnail) -> None:
        for card in self._cards():
            if card.picture == picture and made.image.isNull():
                card.set_missing(self.tr("It is missing or cannot be read."))
            elif card.picture == picture:
                card.set_image(made.image, self._middle(picture, made.size))

    def _middle(self, picture: Path, size: tuple[int, int]) -> tuple[float, float]:
        """What a card should show of a picture: of a sample, where its drag is."""
        handles = [
            pair.handle for sample in self._samples if sample.picture == picture for pair in sample.points
        ]
        if not handles:
            return 0.5, 0.4
        x = sum(handle.x for handle in handles) / len(handles)
        y = sum(handle.y for handle in handles) / len(handles)
        return x / size[0], y / size[1]

    def _cards(self) -> tuple[Card, ...]:
        return *self.recent_grid.cards, *self.sample_grid.cards
