"""The one hint of the first start: a ghost pointer that presses and pulls, until the user does."""

from collections.abc import Callable

from PySide6.QtCore import QEasingCurve, QObject, QPointF, QRect, QRectF, Qt, QVariantAnimation
from PySide6.QtGui import QColor, QPainter, QPen

from desktop.canvas.viewport import Viewport

_SECONDS = 2.4
_PULLS = 2  # what moves for five seconds or more would have to be stoppable (WCAG 2.2.2)
_PULL = 120.0  # device-independent pixels
_RADIUS = 9.0


class PullHint(QObject):
    """An overlay of the canvas. Pulls a few times, then keeps still until it is hidden.

    Args:
        repaint: called for every frame.
        place: the widget's rectangle in whose middle it is shown.
    """

    def __init__(
        self, repaint: Callable[[], None], place: Callable[[], QRect], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._repaint, self._place = repaint, place
        self._shown = False
        self._animation = QVariantAnimation(self)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setDuration(round(1000 * _SECONDS))
        self._animation.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._animation.setLoopCount(_PULLS)
        self._animation.valueChanged.connect(lambda _: self._repaint())

    @property
    def shown(self) -> bool:
        return self._shown

    def show(self) -> None:
        self._shown = True
        self._animation.start()

    def hide(self) -> None:
        if self._shown:
            self._shown = False
            self._animation.stop()
            self._repaint()

    def paint(self, painter: QPainter, viewport: Viewport, exposed: QRect) -> None:
        if not self._shown:
            return
        t = float(self._animation.currentValue())
        middle = QPointF(self._place().center())
        start = middle - QPointF(_PULL / 2, 0)
        end = start + QPointF(_PULL * t, -0.25 * _PULL * t)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for pen in (QPen(QColor(0, 0, 0, 150), 6), QPen(QColor("white"), 3)):
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawLine(start, end)
        painter.setPen(QPen(QColor(0, 0, 0, 150), 2))
        painter.setBrush(QColor(255, 255, 255, 230))
        painter.drawEllipse(end, _RADIUS, _RADIUS)
        self._words(painter, middle + QPointF(0, 48))

    def _words(self, painter: QPainter, at: QPointF) -> None:
        text = self.tr("Press on the picture and pull")
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        painter.setFont(font)
        size = painter.fontMetrics().size(0, text)
        frame = QRectF(0, 0, size.width() + 24, size.height() + 12)
        frame.moveCenter(at)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, 170))
        painter.drawRoundedRect(frame, 8, 8)
        painter.setPen(QColor("white"))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, text)
