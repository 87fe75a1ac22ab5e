"""Split: the divider of a comparison on the canvas: before on its left, after on its right."""

from PySide6.QtCore import QEvent, QObject, QPointF, QRect, Qt
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QRegion,
    QResizeEvent,
    QTabletEvent,
)
from PySide6.QtWidgets import QWidget

from desktop.canvas.view import CanvasView

# Device-independent pixels.
_REACH = 6  # to either side of the line, where it can be taken hold of
_GRIP = 11.0  # the radius of the disc in its middle
_TOP, _APART, _PAD = 10, 10, 8  # of the words: from the top, from the line, around them
_STEP, _LONG_STEP = 0.01, 0.1  # of the canvas's width: an arrow key, without and with Shift
_DARK, _LIGHT = QColor(0, 0, 0, 190), QColor(255, 255, 255)
_KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class Split(QWidget):
    """Lies over the canvas no wider than the line and its words, so that all beside them is the tool's.

    Args:
        view: the canvas, whose preview it cuts; it keeps its place in it as the canvas is resized.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._at = 0.5  # of the canvas's width
        self._held: float | None = None  # what lay between the pointer and the line when it was pressed
        self._words = self.tr("Before"), self.tr("After")
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(self.tr("Divider between before and after"))
        self.setToolTip(self.tr("Pull, or press the arrow keys, to compare; Esc ends it"))
        view.installEventFilter(self)
        self.hide()

    def show_split(self, shown: bool) -> None:
        """Divide the canvas in its middle, or no more."""
        self._at, self._held = 0.5, None
        if self.hasFocus():
            self._view.setFocus()
        self.setVisible(shown)
        if shown:
            self._place()
        else:
            self._view.set_split(0)

    @property
    def at(self) -> float:
        """Where the line stands, 0 to 1 of the canvas's width."""
        return self._at

    def move_to(self, at: float) -> None:
        """Put the line at this part of the canvas's width."""
        self._at = min(max(at, 0.0), 1.0)
        self._place()

    def _place(self) -> None:
        x = round(self._at * self._view.width())
        labels = [self._label(word) for word in self._words]
        half = max(label.width() for label in labels) + _APART
        self._view.set_split(x)
        self.setGeometry(x - half, 0, 2 * half, self._view.height())

    def _label(self, word: str) -> QRect:
        size = self.fontMetrics().size(0, word)
        return QRect(0, 0, size.width() + 2 * _PAD, size.height() + _PAD)

    def _label_rects(self) -> tuple[QRect, QRect]:
        before, after = (self._label(word) for word in self._words)
        middle = self.width() // 2
        before.moveTo(middle - _APART - before.width(), _TOP)
        after.moveTo(middle + _APART, _TOP)
        return before, after

    # Events.

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's names
        middle, radius = self.rect().center(), round(_GRIP) + 2
        line = QRect(self.width() // 2 - _REACH, 0, 2 * _REACH, self.height())
        grip = QRect(middle.x() - radius, middle.y() - radius, 2 * radius + 1, 2 * radius + 1)
        region = QRegion(line) | QRegion(grip)
        for label in self._label_rects():
            region |= QRegion(label)
        self.setMask(region)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        x, y = self.width() / 2, self.height() / 2
        for colour, width in ((_DARK, 4.0), (_LIGHT, 2.0)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(x, 0), QPointF(x, self.height()))
        painter.setPen(QPen(self.palette().accent().color() if self.hasFocus() else _DARK, 2))
        painter.setBrush(_LIGHT)
        painter.drawEllipse(QPointF(x, y), _GRIP, _GRIP)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("black"))
        for way in (-1, 1):
            ends = ((8, 0), (3, -4.5), (3, 4.5))
            painter.drawPolygon([QPointF(x + way * dx, y + dy) for dx, dy in ends])
        for word, rect in zip(self._words, self._label_rects(), strict=True):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_DARK)
            painter.drawRoundedRect(rect, 5, 5)
            painter.setPen(_LIGHT)
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, word)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._pull(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._release(event)

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        if event.type() == QEvent.Type.TabletPress:
            self._press(event)
        elif event.type() == QEvent.Type.TabletRelease:
            self._release(event)
        else:
            self._pull(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        way = _KEYS.get(Qt.Key(event.key()))
        if way is None:
            event.ignore()  # for the canvas and the window
            return
        long = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        self.move_to(self._at + way * (_LONG_STEP if long else _STEP))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self._place()
        return False

    def _press(self, event: QMouseEvent | QTabletEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = event.position().x() - self.width() / 2
            event.accept()
        else:
            event.ignore()  # other buttons move the view

    def _pull(self, event: QMouseEvent | QTabletEvent) -> None:
        event.setAccepted(self._held is not None)
        if self._held is not None and self._view.width():
            self.move_to((self.x() + event.position().x() - self._held) / self._view.width())

    def _release(self, event: QMouseEvent | QTabletEvent) -> None:
        event.setAccepted(self._held is not None)
        if event.button() == Qt.MouseButton.LeftButton:
            self._held = None
