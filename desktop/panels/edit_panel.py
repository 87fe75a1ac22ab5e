"""EditPanel: how the next drag is made: bend or move, the method's settings, keep or not."""

from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStyle,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.document import Document
from desktop.icons import set_icon
from desktop.panels.run_panel import Recommended, RunPanel
from desktop.panels.settings_form import SettingsForm
from engine import Motion, Settings


class _Upright(QScrollArea):
    """Scrolls up and down, and asks for the width that its widget needs beside the bar."""

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        widget, least = self.widget(), super().minimumSizeHint()
        if widget is None:
            return least
        beside = self.verticalScrollBar().sizeHint().width()
        return QSize(widget.minimumSizeHint().width() + beside, least.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)


class EditPanel(QWidget):
    """Shows the document's instruction and holds no state of its own.

    Above, what is chosen, which scrolls where there is little room; below, what is done, always in view.
    """

    settings_changed = Signal(dict)
    keep_asked = Signal()
    drop_asked = Signal()

    def __init__(
        self, settings: type[Settings], recommended: Recommended, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._keeping = False
        self._count = QLabel(self)
        self._count.setWordWrap(True)
        self._motions = QButtonGroup(self)
        row = self._motion_row()
        self._form = SettingsForm(settings, self)
        self._form.changed.connect(self.settings_changed)
        self.run = RunPanel(recommended, self)
        self._keep = QPushButton(self.tr("Keep as a layer"), self)
        set_icon(self._keep, "keep")
        self._keep.clicked.connect(self.keep_asked)
        self._drop = QPushButton(self.tr("Remove drags"), self)
        set_icon(self._drop, "drop")
        self._drop.clicked.connect(self.drop_asked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._scrolled(row), 1)
        layout.addLayout(self._foot())
        self._show()

    def _scrolled(self, motions: QHBoxLayout) -> QScrollArea:
        choices = QWidget()
        layout = QVBoxLayout(choices)
        layout.setAlignment(Qt.AlignmentFlag.AlignTop)
        layout.addWidget(self._count)
        layout.addLayout(motions)
        layout.addWidget(self._form)
        layout.addWidget(self.run)
        scroll = _Upright(self)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        scroll.setWidget(choices)
        return scroll

    def _foot(self) -> QVBoxLayout:
        foot, row = QVBoxLayout(), QHBoxLayout()
        margins = self.style().pixelMetric(QStyle.PixelMetric.PM_LayoutLeftMargin)
        foot.setContentsMargins(margins, 0, margins, margins)
        row.addWidget(self._keep)
        row.addWidget(self._drop)
        foot.addWidget(self.run.foot)
        foot.addLayout(row)
        return foot

    def _motion_row(self) -> QHBoxLayout:
        """Bend or move."""
        row = QHBoxLayout()
        for number, (title, tip) in enumerate(
            (
                (self.tr("Bend"), self.tr("Bend the picture like a rubber sheet")),
                (self.tr("Move"), self.tr("Lift off what moves, and fill the place that it leaves")),
            )
        ):
            button = QToolButton(self)
            button.setText(title)
            button.setToolTip(tip)
            button.setAccessibleDescription(tip)
            button.setCheckable(True)
            button.setSizePolicy(button.sizePolicy().Policy.Expanding, button.sizePolicy().Policy.Fixed)
            self._motions.addButton(button, number)
            row.addWidget(button)
        self._motions.button(0).setChecked(True)
        self._motions.idClicked.connect(self._choose_motion)
        return row

    def set_document(self, document: Document | None) -> None:
        if self._document is not None:
            self._document.instruction_changed.disconnect(self._show)
        self._document = document
        if document is not None:
            document.instruction_changed.connect(self._show)
        self._show()

    def show_keeping(self, keeping: bool) -> None:
        """Whether the drags are being kept, which waits for their picture."""
        self._keeping = keeping
        self._keep.setText(self.tr("Keeping…") if keeping else self.tr("Keep as a layer"))
        self._show()

    def _choose_motion(self, number: int) -> None:
        if self._document is not None:
            motion: Motion = "move" if number else "deform"
            title = self.tr("Move instead of bending") if number else self.tr("Bend instead of moving")
            self._document.mark(replace(self._document.settled.instruction, motion=motion), title)

    def _show(self) -> None:
        marked = None if self._document is None else self._document.instruction
        drags = len(marked.points) if marked else 0
        pins = len(marked.pins) if marked else 0
        if drags:
            self._count.setText(self.tr("Drags: {drags}   Pins: {pins}").format(drags=drags, pins=pins))
        else:
            self._count.setText(self.tr("Press on the picture and pull. Double-click to pin a place."))
        self._motions.button(1 if marked and marked.motion == "move" else 0).setChecked(True)
        self._keep.setEnabled(drags > 0 and not self._keeping)
        self._drop.setEnabled(drags + pins > 0)
        self.run.set_drags(drags > 0)
        self.setEnabled(self._document is not None)
