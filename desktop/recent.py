"""RecentFiles: the pictures opened last, remembered from one start to the next."""

import json
import os
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, Signal

_KEY = "recent/files"
_MOST = 12


class RecentFiles(QObject):
    """The newest first. Whether a file is still there is for the one who shows it to see: a disk may be slow.

    Args:
        store: where they are remembered.
    """

    changed = Signal()

    def __init__(self, store: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store

    @property
    def paths(self) -> tuple[Path, ...]:
        """At most twelve; some may be missing by now."""
        try:
            words = json.loads(str(self._store.value(_KEY, "[]")))
        except ValueError:
            return ()
        listed: list[object] = words if isinstance(words, list) else []
        return tuple(Path(word) for word in listed if isinstance(word, str))[:_MOST]

    def add(self, path: Path) -> None:
        """Put a file first."""
        path = path.absolute()
        paths = (path, *(other for other in self.paths if not _same(other, path)))[:_MOST]
        if paths != self.paths:
            self._store.setValue(_KEY, json.dumps([str(path) for path in paths]))
            self._store.sync()
            self.changed.emit()


def _same(one: Path, other: Path) -> bool:
    return os.path.normcase(one) == os.path.normcase(other)
