"""LayersModel: a document's layers as Qt's list model, the highest first."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QMetaObject,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    QTimer,
)
from PySide6.QtGui import QImage

from desktop.document import Document, Layer, Tiles
from engine import Box

Index = QModelIndex | QPersistentModelIndex
LAYER = Qt.ItemDataRole.UserRole  # the Layer itself
VISIBLE = Qt.ItemDataRole.UserRole + 1
LOCKED = Qt.ItemDataRole.UserRole + 2

THUMBNAIL = 72  # pixels of the longer side
_REST = 150  # milliseconds without a new stroke, after which thumbnails are made
_MIME = "application/x-pliant-layer"


class LayersModel(QAbstractListModel):
    """What the document holds, and nothing of its own but thumbnails; changes are the document's steps."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._ids: list[int] = []
        self._connections: list[QMetaObject.Connection] = []
        self._thumbnails: dict[int, tuple[Tiles, QImage]] = {}
        self._rest = QTimer(self, singleShot=True, interval=_REST)
        self._rest.timeout.connect(self.refresh_thumbnails)

    def set_document(self, document: Document | None) -> None:
        for connection in self._connections:
            self.disconnect(connection)
        self._document, self._connections = document, []
        if document is not None:
            self._connections = [
                document.layers_changed.connect(self._layers_changed),
                document.pixels_changed.connect(self._pixels_changed),
            ]
        self._reset()
        self.refresh_thumbnails()

    def row(self, layer_id: int) -> int:
        return self._ids.index(layer_id)

    def layer(self, row: int) -> Layer:
        assert self._document is not None
        return self._document.state.layer(self._ids[row])

    def refresh_thumbnails(self) -> None:
        """Make the thumbnails of layers whose pixels have changed."""
        layers = () if self._document is None else self._document.layers
        before, self._thumbnails = self._thumbnails, {}
        for layer in layers:
            known = before.get(layer.id)
            if known is None or known[0] is not layer.tiles:
                known = layer.tiles, thumbnail(layer.tiles)
            self._thumbnails[layer.id] = known
        if layers:
            role = Qt.ItemDataRole.DecorationRole
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1), [role])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        return 0 if parent.isValid() else len(self._ids)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        layer = self.layer(index.row())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole, Qt.ItemDataRole.ToolTipRole):
            return layer.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(layer)
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails[layer.id][1] if layer.id in self._thumbnails else None
        return {LAYER: layer, VISIBLE: layer.visible, LOCKED: layer.locked}.get(role)

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        if self._document is None or not index.isValid():
            return False
        layer = self.layer(index.row())
        if role == Qt.ItemDataRole.EditRole:
            name = str(value).strip()
            if not name or name == layer.name:
                return False
            self._document.set_layer(layer.id, self.tr("Rename layer"), name=name)
        elif role == VISIBLE:
            title = self.tr("Show layer") if value else self.tr("Hide layer")
            self._document.set_layer(layer.id, title, visible=bool(value))
        elif role == LOCKED:
            title = self.tr("Lock layer") if value else self.tr("Unlock layer")
            self._document.set_layer(layer.id, title, locked=bool(value))
        else:
            return False
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.ItemIsDropEnabled  # between layers, never onto one
        able = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        return able | Qt.ItemFlag.ItemIsEditable | Qt.ItemFlag.ItemIsDragEnabled

    def supportedDropActions(self) -> Qt.DropAction:  # noqa: N802
        return Qt.DropAction.MoveAction

    def mimeTypes(self) -> list[str]:  # noqa: N802
        return [_MIME]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802
        data = QMimeData()
        data.setData(_MIME, b"")  # the view moves what is selected in it
        return data

    def moveRows(  # noqa: N802
        self, source: Index, row: int, count: int, target: Index, before: int
    ) -> bool:
        """Move one layer to stand before another row; the view calls it for what is dragged in it."""
        if self._document is None or count != 1 or before in (row, row + 1):
            return False
        to = before - 1 if before > row else before
        self._document.move_layer(self._ids[row], len(self._ids) - 1 - to, self.tr("Move layer"))
        return True

    def _spoken(self, layer: Layer) -> str:
        """The layer to a screen reader."""
        if layer.visible:
            return self.tr("{}, locked").format(layer.name) if layer.locked else layer.name
        words = self.tr("{}, hidden and locked") if layer.locked else self.tr("{}, hidden")
        return words.format(layer.name)

    def _layers_changed(self) -> None:
        assert self._document is not None
        if [layer.id for layer in reversed(self._document.layers)] != self._ids:
            self._reset()
        else:
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1), [])
        self._rest.start()

    def _pixels_changed(self) -> None:
        self._rest.start()

    def _reset(self) -> None:
        self.beginResetModel()
        layers = () if self._document is None else self._document.layers
        self._ids = [layer.id for layer in reversed(layers)]
        self.endResetModel()


def thumbnail(tiles: Tiles) -> QImage:
    """The whole layer, small; it reads four pixels for one and leaves the others alone."""
    width, height = tiles.size
    scale = min(THUMBNAIL / max(width, height), 1.0)
    across, down = (max(1, round(side * scale)) for side in (width, height))
    columns = ((np.arange(2 * across) + 0.5) * width / (2 * across)).astype(int)
    rows = ((np.arange(2 * down) + 0.5) * height / (2 * down)).astype(int)
    seen = np.stack([tiles.read(Box(0, y, width, y + 1))[0, columns] for y in rows.tolist()])
    smooth = Qt.TransformationMode.SmoothTransformation
    view = QImage(seen.data, 2 * across, 2 * down, 8 * across, QImage.Format.Format_RGBA8888)
    whole = view.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    return whole.scaled(across, down, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
