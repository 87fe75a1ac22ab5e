"""Cards: pictures to choose from, each a button, in as many columns as there is room for."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPalette, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

_LEAST_WIDTH, _GAP, _PADDING = 168, 14, 8  # device-independent pixels
_MOST_COLUMNS = 4
_SHAPE = 0.62  # a thumbnail's height in its width
_FAINT = 0.45


class Card(QAbstractButton):
    """A thumbnail above a title and small print; a card whose file is missing is disabled.

    A click, Enter or Space chooses it. The pointer changes its ground, and the focus frames it.

    Args:
        picture: the file.
        title: what the card opens.
        lines: the small print: whose it is, or where it lies.
    """

    def __init__(
        self, picture: Path, title: str, lines: Sequence[str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.picture = picture
        self._image = QImage()
        self._middle = 0.5, 0.5
        self.setText(title)
        self.setAccessibleName(title)
        self._set_lines(lines)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    @property
    def image(self) -> QImage:
        """Null while it is being loaded."""
        return self._image

    def set_image(self, image: QImage, middle: tuple[float, float]) -> None:
        """Show a thumbnail, cut to the card's shape about `middle`, as parts of its width and height."""
        self._image, self._middle = image, middle
        self.update()

    def set_missing(self, line: str) -> None:
        """There is nothing to choose; `line` says why."""
        self.setEnabled(False)
        self._set_lines((line, *self._lines[1:]))

    def height_for(self, width: int) -> int:
        """The height it needs at a width."""
        return (
            self._picture(width).bottom()
            + 1
            + self._title_height()
            + len(self._lines) * self._small_height()
            + 2 * _PADDING
        )

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(_LEAST_WIDTH, self.height_for(_LEAST_WIDTH))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        role = QPalette.ColorRole
        palette = self.palette()
        hovered = self.isEnabled() and self.underMouse()
        focused = QPen(palette.color(role.Accent), 3)
        painter.setPen(focused if self.hasFocus() else QPen(palette.color(role.Midlight), 1))
        ground = role.Midlight if self.isDown() else role.AlternateBase if hovered else role.Base
        painter.setBrush(palette.color(ground))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 9, 9)
        painter.setOpacity(1 if self.isEnabled() else _FAINT)
        self._paint_picture(painter)
        painter.setOpacity(1)
        self._paint_words(painter)

    def _set_lines(self, lines: Sequence[str]) -> None:
        self._lines = tuple(lines)
        self.setAccessibleDescription("\n".join(lines))
        self.setToolTip("\n".join((self.text(), *lines)))
        self.update()

    def _paint_picture(self, painter: QPainter) -> None:
        place = self._picture(self.width())
        clip = QPainterPath()
        clip.addRoundedRect(QRectF(place), 5, 5)
        painter.fillPath(clip, self.palette().color(QPalette.ColorRole.Midlight))
        if self._image.isNull():
            return
        whole = self._image.size()
        seen = QSize(place.size()).scaled(whole, Qt.AspectRatioMode.KeepAspectRatio)
        left = (whole.width() * self._middle[0]) - seen.width() / 2
        top = (whole.height() * self._middle[1]) - seen.height() / 2
        source = QRectF(
            min(max(left, 0), whole.width() - seen.width()),
            min(max(top, 0), whole.height() - seen.height()),
            seen.width(),
            seen.height(),
        )
        painter.save()
        painter.setClipPath(clip)
        painter.drawImage(QRectF(place), self._image, source)
        painter.restore()

    def _paint_words(self, painter: QPainter) -> None:
        place = self._picture(self.width())
        end, middle = Qt.TextElideMode.ElideRight, Qt.AlignmentFlag.AlignVCenter
        title = QRect(
            place.left() + 2, place.bottom() + 1 + _PADDING // 2, place.width() - 4, self._title_height()
        )
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        metrics = self.fontMetrics()
        painter.drawText(title, middle, metrics.elidedText(self.text(), end, title.width()))
        small = title.translated(0, title.height())
        small.setHeight(self._small_height())
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 0.86)
        painter.setFont(font)
        painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
        metrics = painter.fontMetrics()
        for line in self._lines:
            painter.drawText(small, middle, metrics.elidedText(line, end, small.width()))
            small.translate(0, small.height())

    def _picture(self, width: int) -> QRect:
        inside = width - 2 * _PADDING
        return QRect(_PADDING, _PADDING, inside, round(inside * _SHAPE))

    def _title_height(self) -> int:
        return self.fontMetrics().height() + 3

    def _small_height(self) -> int:
        return self.fontMetrics().height()


class CardGrid(QWidget):
    """Cards in rows of equal width."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: tuple[Card, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def cards(self) -> tuple[Card, ...]:
        return self._cards

    def set_cards(self, cards: Sequence[Card]) -> None:
        """Show other cards; those before are deleted."""
        for card in self._cards:
            card.hide()
            card.deleteLater()
        self._cards = tuple(cards)
        for card in self._cards:
            card.setParent(self)
            card.show()
        self.updateGeometry()
        self._arrange()

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        if not self._cards:
            return 0
        columns, across = self._columns(width)
        rows = -(-len(self._cards) // columns)
        return rows * self._cards[0].height_for(across) + (rows - 1) * _GAP

    def sizeHint(self) -> QSize:  # noqa: N802
        width = 4 * _LEAST_WIDTH + 3 * _GAP
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(_LEAST_WIDTH, 0)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._arrange()

    def _columns(self, width: int) -> tuple[int, int]:
        """How many there are room for, and how wide each is."""
        columns = min(max(1, (width + _GAP) // (_LEAST_WIDTH + _GAP)), _MOST_COLUMNS)
        return columns, (width - (columns - 1) * _GAP) // columns

    def _arrange(self) -> None:
        columns, across = self._columns(self.width())
        for number, card in enumerate(self._cards):
            row, column = divmod(number, columns)
            down = card.height_for(across)
            card.setGeometry(column * (across + _GAP), row * (down + _GAP), across, down)
