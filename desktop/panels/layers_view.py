"""LayersView: the list of layers, each with eye, thumbnail, name and lock."""

from functools import cache

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from desktop.icons import pixmap
from desktop.panels.layers_model import LAYER, LOCKED, THUMBNAIL, VISIBLE

_Index = QModelIndex | QPersistentModelIndex
_ROW, _PART, _PICTURE, _GAP = 48, 30, THUMBNAIL // 2, 6  # device-independent pixels
_ICON = 18
_FAINT = 0.4
_ENTER = Qt.Key.Key_Return, Qt.Key.Key_Enter
_TAB = Qt.Key.Key_Tab, Qt.Key.Key_Backtab
_CHECKS = QColor("#c8c8c8"), QColor("#f4f4f4")


class LayersView(QListView):
    """A click on the eye or the lock switches it; Space switches the eye; F2 or a double click renames."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setItemDelegate(_Delegate(self))
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        if not self._switch(event):
            super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if not self._switch(event):
            super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        index = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and index.isValid():
            self.model().setData(index, not index.data(VISIBLE), VISIBLE)
        else:
            super().keyPressEvent(event)

    def _switch(self, event: QMouseEvent) -> bool:
        """Switch the eye or the lock under the pointer; whether there was one."""
        at = event.position().toPoint()
        index = self.indexAt(at)
        if event.button() != Qt.MouseButton.LeftButton or not index.isValid():
            return False
        row = self.visualRect(index)
        role = next(
            (role for role, part in ((VISIBLE, _eye(row)), (LOCKED, _lock(row))) if part.contains(at)), 0
        )
        return bool(role) and self.model().setData(index, not index.data(role), role)


class _Delegate(QStyledItemDelegate):
    """Enter and Tab take a new name, Esc forgets it, and then the keys are the window's again."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        if event.type() == QEvent.Type.ShortcutOverride and event.key() in (*_ENTER, *_TAB):
            event.accept()  # before a menu's shortcut, which means something else by it
            return True
        if event.type() == QEvent.Type.KeyPress and event.key() in _TAB and isinstance(watched, QWidget):
            self.commitData.emit(watched)
            stay = QAbstractItemDelegate.EndEditHint.NoHint  # Qt's own would rename the next layer
            self.closeEditor.emit(watched, stay)
            return True
        return super().eventFilter(watched, event)

    def setEditorData(self, editor: QWidget, index: _Index) -> None:  # noqa: N802
        """Only at first: a new thumbnail must not take back what is being typed."""
        if not isinstance(editor, QLineEdit) or not (editor.isModified() or editor.text()):
            super().setEditorData(editor, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:  # noqa: N802
        return QSize(_ROW * 4, _ROW)

    def updateEditorGeometry(  # noqa: N802
        self, editor: QWidget, option: QStyleOptionViewItem, index: _Index
    ) -> None:
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue] - missing in the stub
        height = editor.sizeHint().height()
        editor.setGeometry(_words(rect).adjusted(-2, (_ROW - height) // 2, 0, -(_ROW - height) // 2))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        rect: QRect = option.rect  # pyright: ignore[reportAttributeAccessIssue]
        state: QStyle.StateFlag = option.state  # pyright: ignore[reportAttributeAccessIssue]
        palette: QPalette = option.palette  # pyright: ignore[reportAttributeAccessIssue]
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole
        colour = palette.color(role.HighlightedText if chosen else role.Text)
        if chosen:
            painter.fillRect(rect, palette.color(role.Highlight))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, palette.color(role.AlternateBase))
        layer = index.data(LAYER)
        painter.save()
        _paint_icon(
            painter, _eye(rect), "eye" if layer.visible else "eye-off", colour, faint=not layer.visible
        )
        _paint_icon(
            painter, _lock(rect), "lock" if layer.locked else "unlock", colour, faint=not layer.locked
        )
        if not layer.visible:
            painter.setOpacity(_FAINT + 0.2)
        _paint_picture(painter, _picture(rect), index.data(Qt.ItemDataRole.DecorationRole))
        painter.setPen(colour)
        words = _words(rect)
        name = painter.fontMetrics().elidedText(layer.name, Qt.TextElideMode.ElideRight, words.width())
        if layer.opacity < 1:
            upper, lower = words.adjusted(0, 5, 0, -_ROW // 2), words.adjusted(0, _ROW // 2, 0, -5)
            painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, name)
            painter.drawText(
                lower, Qt.AlignmentFlag.AlignVCenter, self.tr("{} %").format(round(layer.opacity * 100))
            )
        else:
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, name)
        painter.restore()


def _eye(row: QRect) -> QRect:
    return QRect(row.left(), row.top(), _PART, row.height())


def _lock(row: QRect) -> QRect:
    return QRect(row.right() + 1 - _PART, row.top(), _PART, row.height())


def _picture(row: QRect) -> QRect:
    return QRect(row.left() + _PART, row.top() + (row.height() - _PICTURE) // 2, _PICTURE, _PICTURE)


def _words(row: QRect) -> QRect:
    left = row.left() + _PART + _PICTURE + _GAP + 2
    return QRect(left, row.top(), row.right() + 1 - _PART - _GAP - left, row.height())


def _paint_icon(painter: QPainter, place: QRect, name: str, colour: QColor, *, faint: bool) -> None:
    painter.setOpacity(_FAINT if faint else 1.0)
    glyph = _glyph(name, painter.device().devicePixelRatio(), colour.name())
    painter.drawPixmap(place.center() - QPoint(_ICON // 2 - 1, _ICON // 2 - 1), glyph)
    painter.setOpacity(1.0)


def _paint_picture(painter: QPainter, place: QRect, image: QImage | None) -> None:
    """The thumbnail on a chequered ground."""
    if image is None:
        return
    size = QSize(image.size()).scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
    frame = QRect(QPoint(0, 0), size.expandedTo(QSize(1, 1)))
    frame.moveCenter(place.center())
    painter.fillRect(frame, _CHECKS[1])
    for y in range(0, frame.height(), 6):
        for x in range(6 * (y // 6 % 2), frame.width(), 12):
            painter.fillRect(QRect(frame.left() + x, frame.top() + y, 6, 6) & frame, _CHECKS[0])
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(frame, image)


@cache
def _glyph(name: str, ratio: float, colour: str) -> QPixmap:
    return pixmap(name, _ICON, ratio, QColor(colour))
