"""Badge: says on the canvas which picture is shown, so that a preview is never taken for the document."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QLabel, QWidget

from desktop.keeping import Shown

_INSET = 12  # device-independent pixels from the canvas's corner


class Badge(QLabel):
    """A chip in the canvas's lower right corner, where a comparison shows what is after; hidden while the
    document itself is shown.

    Args:
        canvas: over which it lies.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self.setObjectName("badge")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(self.tr("What the canvas shows"))
        self._shown = Shown(None)
        self._before = False
        canvas.installEventFilter(self)
        self.hide()

    def describe(self, shown: Shown) -> None:
        """Say what is shown from now on."""
        if shown != self._shown:
            self._shown = shown
            self._refresh()

    def set_before(self, before: bool) -> None:
        """Whether the user looks at the state before."""
        self._before = before
        self._refresh()

    def _refresh(self) -> None:
        if self._shown.tier is None:
            self.hide()
            return
        self.setText(self.tr("Before") if self._before else self._words())
        self.setProperty("tier", "before" if self._before else self._shown.tier)
        self.style().unpolish(self)  # so that the style sheet looks at the property anew
        self.style().polish(self)
        self.adjustSize()
        self._place()
        self.show()

    def _words(self) -> str:
        title = self._shown.title
        if self._shown.made == "preview":
            return self.tr("{title}: preview").format(title=title)
        if self._shown.made == "awaited":
            return self.tr("{title}: keeping…").format(title=title)
        if self._shown.made == "partial":
            return self.tr("{title}: stopped early · Enter keeps it as a layer").format(title=title)
        return self.tr("{title} · Enter keeps it as a layer").format(title=title)

    def _place(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        right, bottom = parent.width() - _INSET, parent.height() - _INSET
        self.move(right - self.width(), bottom - self.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False
