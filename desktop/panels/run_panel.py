"""RunPanel: which method runs when the pointer rests, which on demand, on what device; and how far it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.engine_tier import Choice
from desktop.icons import set_icon
from desktop.panels.settings_form import SettingsForm
from desktop.panels.step_bar import StepBar
from engine import METHODS, Offer, Step, Value

_DEVICES = ("auto", "cpu", "cuda", "mps")

Recommended = Callable[[str, str | None], Mapping[str, Value]]


class MethodChooser(QWidget):
    """A method with its pack, and its settings, which are folded away until they are asked for.

    Args:
        title: what the choice is for.
        none: the first entry, which chooses no method; None where one has to be chosen.
        recommended: the settings that suit a method on a pack.
    """

    changed = Signal()

    def __init__(
        self, title: str, none: str | None, recommended: Recommended, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._none, self._recommended = none, recommended
        self._offers: list[Offer | None] = []
        self._form: SettingsForm | None = None
        self.methods = QComboBox(self)
        self.methods.setAccessibleName(title)
        self.methods.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.methods.setMinimumContentsLength(12)
        self.methods.currentIndexChanged.connect(self._choose)
        self._fold = QToolButton(self)
        self._fold.setCheckable(True)
        self._fold.setToolTip(self.tr("Settings of this method"))
        self._fold.setAccessibleName(self._fold.toolTip())
        set_icon(self._fold, "settings")
        self._fold.toggled.connect(self._show_form)
        row = QHBoxLayout()
        row.addWidget(self.methods, 1)
        row.addWidget(self._fold)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addLayout(row)

    def set_offers(self, offers: Sequence[Offer]) -> None:
        """Offer these; what was chosen stays so if it is among them. At first the first of them is."""
        wanted: list[Offer | None] = [*([None] if self._none is not None else []), *offers]
        if wanted == self._offers:
            return
        first = not self._offers and bool(offers)
        chosen = offers[0] if first else self._offer
        self._offers = wanted
        with QSignalBlocker(self.methods):
            self.methods.clear()
            self.methods.addItems([self._label(offer) for offer in wanted])
            self.methods.setCurrentIndex(wanted.index(chosen) if chosen in wanted else 0)
        if self._offer != chosen or self._form is None:
            self._choose()

    def choose(self, method: str | None, pack: str | None) -> None:
        """Choose a method on a pack, or none, if that is offered."""
        for index, offer in enumerate(self._offers):
            if (method, pack) == ((offer.method, offer.pack) if offer else (None, None)):
                self.methods.setCurrentIndex(index)

    @property
    def choice(self) -> Choice | None:
        offer = self._offer
        if offer is None:
            return None
        return Choice(
            method=offer.method,
            pack=offer.pack,
            settings=self._form.values if self._form else {},
            finds_subject=offer.finds_subject,
        )

    @property
    def _offer(self) -> Offer | None:
        index = self.methods.currentIndex()
        return self._offers[index] if 0 <= index < len(self._offers) else None

    def _label(self, offer: Offer | None) -> str:
        if offer is None:
            return self._none or ""
        title = METHODS[offer.method].title
        if offer.simplified:
            # Title of a method and of a pack that lacks a part of the method: something simpler stands in.
            return self.tr("{} · {}, simplified").format(title, offer.pack_title)
        return title if offer.pack_title in ("", title) else f"{title} · {offer.pack_title}"

    def _choose(self) -> None:
        if self._form is not None:
            self._layout.removeWidget(self._form)
            self._form.deleteLater()
            self._form = None
        offer = self._offer
        if offer is not None:
            self._form = SettingsForm(METHODS[offer.method].settings, self)
            self._form.set_values(self._recommended(offer.method, offer.pack))
            self._form.changed.connect(lambda _: self.changed.emit())
            self._layout.addWidget(self._form)
        self._fold.setEnabled(self._form is not None)
        self._show_form(self._fold.isChecked())
        self.changed.emit()

    def _show_form(self, shown: bool) -> None:
        if self._form is not None:
            self._form.setVisible(shown)


class RunPanel(QWidget):
    """Hidden while no method is offered that runs in the engine process.

    Args:
        recommended: the settings that suit a method on a pack.

    Attributes:
        foot: where the method on demand is begun, watched and stopped. It belongs below the panel, where
            it is in view wherever the panel is scrolled.
    """

    fast_chosen = Signal(object)  # Choice or None
    refine_asked = Signal(object)  # Choice
    cancel_asked = Signal()

    def __init__(self, recommended: Recommended, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        at_rest, on_demand = self.tr("When the pointer rests"), self.tr("On demand")
        self.fast = MethodChooser(at_rest, self.tr("Flow warp alone"), recommended, self)
        self.slow = MethodChooser(on_demand, None, recommended, self)
        self.device = QComboBox(self)
        names = (self.tr("Automatic"), self.tr("Processor"), self.tr("NVIDIA GPU"), self.tr("Apple GPU"))
        for device, name in zip(_DEVICES, names, strict=True):
            self.device.addItem(name, device)
        self.device.setAccessibleName(self.tr("Run on"))
        self.foot = QWidget(self)
        self._preparing = QLabel(self.foot)
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        self._note.setOpenExternalLinks(True)
        self._note.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.refine = QPushButton(self.tr("Refine"), self.foot)
        self.refine.setToolTip(self.tr("Run the method on the drags (Ctrl+Enter)"))
        set_icon(self.refine, "refine")
        self._stop = QPushButton(self.foot)
        self._name_stop(finishing=False)
        self._bar = StepBar(self.foot)
        self._drags, self._title = False, ""
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        for label, field in ((at_rest, self.fast), (on_demand, self.slow), (self.tr("Run on"), self.device)):
            layout.addRow(label, field)
        layout.addRow(self._note)
        self._lay_out_foot()
        self.fast.changed.connect(self._tell_fast)
        self.device.currentIndexChanged.connect(self._tell_fast)
        self.slow.changed.connect(self._show)
        self.show_note("")
        self.refine.clicked.connect(self.run)
        self._stop.clicked.connect(self.cancel_asked)
        self._show()

    def _lay_out_foot(self) -> None:
        foot = QGridLayout(self.foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addWidget(self.refine, 0, 0, 1, 2)
        foot.addWidget(self._preparing, 1, 0, 1, 2)
        foot.addWidget(self._bar, 2, 0)
        foot.addWidget(self._stop, 2, 1)

    def set_offers(self, offers: Sequence[Offer]) -> None:
        """Offer methods; those without a pack run in the window already."""
        there = [offer for offer in offers if offer.pack is not None]
        self.fast.set_offers([offer for offer in there if METHODS[offer.method].live])
        self.slow.set_offers(there)
        self.setVisible(bool(there))
        self.foot.setVisible(bool(there))
        self._show()

    def show_note(self, text: str) -> None:
        """Say something about the method on demand: a sentence in Qt's rich text, or nothing."""
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def show_preparing(self, text: str) -> None:
        """Say how far it is with what the method on demand will need, or nothing."""
        self._preparing.setText(text)
        self._show()

    @property
    def offers_any(self) -> bool:
        return self.slow.choice is not None

    @property
    def chosen_device(self) -> str:
        """auto, cpu, cuda or mps."""
        return str(self.device.currentData())

    def device_title(self, device: str) -> str:
        """What a device is called."""
        return self.device.itemText(self.device.findData(device))

    def set_drags(self, there: bool) -> None:
        """Whether there are drags to run on."""
        self._drags = there
        self._show()

    @property
    def on_demand(self) -> Choice | None:
        """The method on demand, on the chosen device."""
        return self._on_device(self.slow.choice)

    def run(self) -> None:
        """Ask for the method on demand, if it can run."""
        choice = self.on_demand
        if choice is not None and self.refine.isEnabled():
            self.refine_asked.emit(choice)

    def show_running(self, title: str) -> None:
        """A method runs on demand, or none where `title` is empty."""
        self._title = title
        self._bar.begin(title)
        self._name_stop(finishing=False)
        self._show()

    def show_finishing(self) -> None:
        """What was stopped is being finished: to stop once more drops it."""
        self._name_stop(finishing=True)

    def show_step(self, step: Step, left: float | None) -> None:
        """How far it is; as of `StepBar`."""
        if self._title:
            self._bar.show_step(step, left)

    def _name_stop(self, *, finishing: bool) -> None:
        if finishing:
            self._stop.setText(self.tr("Discard"))
            self._stop.setToolTip(self.tr("End at once, and drop what there is so far (Esc)"))
        else:
            self._stop.setText(self.tr("Stop"))
            self._stop.setToolTip(self.tr("Stop, and show what there is so far (Esc)"))

    def _tell_fast(self) -> None:
        self.fast_chosen.emit(self._on_device(self.fast.choice))

    def _on_device(self, choice: Choice | None) -> Choice | None:
        return None if choice is None else replace(choice, device=self.chosen_device)

    def _show(self) -> None:
        running = bool(self._title)
        self.refine.setVisible(not running)
        self.refine.setEnabled(self._drags and self.slow.choice is not None)
        self._preparing.setVisible(bool(self._preparing.text()) and not running)
        self._bar.setVisible(running)
        self._stop.setVisible(running)
