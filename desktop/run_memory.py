"""RunMemory: which methods, packs and device the user chose, from one start to the next."""

import json
from functools import partial

from PySide6.QtCore import QObject, QSettings

from desktop.panels.run_panel import MethodChooser, RunPanel

_FAST, _SLOW, _DEVICE = "run/fast", "run/on_demand", "run/device"


class RunMemory(QObject):
    """Takes note of choices as they are made; one that is no longer offered stays remembered.

    Args:
        run: where they are made.
        store: where they are remembered.
    """

    def __init__(self, run: RunPanel, store: QSettings) -> None:
        super().__init__(run)
        self._run, self._store = run, store
        self._choosers = {_FAST: run.fast, _SLOW: run.slow}
        for key, chooser in self._choosers.items():
            chooser.methods.activated.connect(partial(self._note, key, chooser))
        run.device.activated.connect(lambda _: store.setValue(_DEVICE, run.chosen_device))

    def restore(self) -> None:
        """Choose as the user did last, as far as that is offered."""
        for key, chooser in self._choosers.items():
            try:
                method, pack = json.loads(str(self._store.value(key)))
            except (ValueError, TypeError):  # nothing is remembered, or nothing of ours
                continue
            chooser.choose(method, pack)
        device = self._run.device.findData(self._store.value(_DEVICE))
        if device >= 0:
            self._run.device.setCurrentIndex(device)

    def _note(self, key: str, chooser: MethodChooser, _: int) -> None:
        choice = chooser.choice
        self._store.setValue(key, json.dumps((choice.method, choice.pack) if choice else (None, None)))
