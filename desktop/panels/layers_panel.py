"""LayersPanel: the document's layers, what to do with them, and the opacity of the active one."""

from collections.abc import Callable

from PySide6.QtCore import QMetaObject, QModelIndex, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from desktop.document import Document, Layer, Tiles
from desktop.icons import set_icon
from desktop.layer_names import running_name
from desktop.panels.layers_model import LOCKED, VISIBLE, LayersModel
from desktop.panels.layers_view import LayersView
from desktop.panels.number_field import NumberField


class LayersPanel(QWidget):
    """The list with its buttons. Its actions may stand in a menu too; their keys work inside the panel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document: Document | None = None
        self._connection: QMetaObject.Connection | None = None
        self._gesture = 0  # counts moves of the opacity; each is one step of undo
        self.model = LayersModel(self)
        self.view = LayersView(self)
        self.view.setModel(self.model)
        self.view.setAccessibleName(self.tr("Layers"))
        self.view.selectionModel().currentChanged.connect(self._activate)
        self.opacity = NumberField(0, 100, 1, 0, self.tr(" %"), self)
        self.opacity.set_texts(
            self.tr("Opacity"), self.tr("How much of the layer shows over those below it.")
        )
        self.opacity.changed.connect(self._set_opacity)
        self.opacity.gesture_ended.connect(self._end_gesture)
        self._build_actions()
        self._build_layout()
        self._show()

    def set_document(self, document: Document | None) -> None:
        """Show a document's layers, or none."""
        if self._connection is not None:
            self.disconnect(self._connection)
        self._document, self._connection = document, None
        self.model.set_document(document)
        if document is not None:  # after the model, which must know of a change first
            self._connection = document.layers_changed.connect(self._show)
        self._show()

    def _build_actions(self) -> None:
        self.new_action = self._action("new-layer", self.tr("New layer"), "Ctrl+Shift+N", self._new)
        self.duplicate_action = self._action(
            "duplicate", self.tr("Duplicate layer"), "Ctrl+J", self._duplicate
        )
        self.up_action = self._action("move-up", self.tr("Move layer up"), "Ctrl+]", lambda: self._move(1))
        self.down_action = self._action(
            "move-down", self.tr("Move layer down"), "Ctrl+[", lambda: self._move(-1)
        )
        self.delete_action = self._action("delete", self.tr("Delete layer"), "Del", self._delete)
        self.rename_action = self._action(
            None, self.tr("Rename layer"), None, lambda: self.view.edit(self.view.currentIndex())
        )
        self.visible_action = self._action(None, self.tr("Layer visible"), None, self._switch_visible)
        self.lock_action = self._action(None, self.tr("Layer locked"), "Ctrl+/", self._switch_locked)
        for action in (self.visible_action, self.lock_action):
            action.setCheckable(True)

    def _action(self, icon: str | None, title: str, keys: str | None, act: Callable[[], object]) -> QAction:
        action = QAction(title, self)
        if icon is not None:
            set_icon(action, icon)
        if keys is not None:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda _=False: act())
        self.view.addAction(action)
        return action

    def _build_layout(self) -> None:
        head = QHBoxLayout()
        label = QLabel(self.tr("Opacity"), self)
        label.setBuddy(self.opacity)
        head.addWidget(label)
        head.addWidget(self.opacity, 1)
        foot = QHBoxLayout()
        foot.setSpacing(2)
        for action in (
            self.new_action, self.duplicate_action, self.up_action, self.down_action, self.delete_action
        ):  # fmt: skip
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            button.setAccessibleName(action.text())
            foot.addWidget(button)
        foot.insertStretch(4, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(head)
        layout.addWidget(self.view, 1)
        layout.addLayout(foot)

    def _show(self) -> None:
        """Show which layer is active, its opacity, and what can be done with it."""
        document = self._document
        layer = None if document is None else document.active_layer
        row = -1 if layer is None else self.model.row(layer.id)
        if row >= 0:
            self.view.setCurrentIndex(self.model.index(row))
        count = self.model.rowCount()
        for action in (self.duplicate_action, self.rename_action, self.visible_action, self.lock_action):
            action.setEnabled(layer is not None)
        self.new_action.setEnabled(document is not None)
        self.up_action.setEnabled(row > 0)
        self.down_action.setEnabled(0 <= row < count - 1)
        self.delete_action.setEnabled(layer is not None and count > 1 and not layer.locked)
        self.visible_action.setChecked(layer is not None and layer.visible)
        self.lock_action.setChecked(layer is not None and layer.locked)
        self.opacity.setEnabled(layer is not None)
        self.opacity.set_value(100 if layer is None else layer.opacity * 100)

    def _activate(self, current: QModelIndex) -> None:
        if self._document is not None and current.isValid():
            chosen = self.model.layer(current.row()).id
            if chosen != self._document.state.active:
                self._end_gesture()
                self._document.activate(chosen)

    def _new(self) -> None:
        if self._document is not None:
            tiles = Tiles.blank(self._document.size, 4)
            name = running_name(self.tr("Layer"), (layer.name for layer in self._document.layers))
            layer = Layer(id=self._document.new_id(), name=name, tiles=tiles)
            self._document.add_layer(layer, self.tr("New layer"), above=self._document.state.active)

    def _duplicate(self) -> None:
        if self._document is not None:
            layer = self._document.active_layer
            name = self.tr("{} copy").format(layer.name)
            self._document.duplicate_layer(layer.id, name, self.tr("Duplicate layer"))

    def _delete(self) -> None:
        if self._document is not None:
            self._document.remove_layer(self._document.state.active, self.tr("Delete layer"))

    def _move(self, up: int) -> None:
        if self._document is not None:
            state = self._document.state
            index = state.index(state.active) + up
            self._document.move_layer(state.active, index, self.tr("Move layer"))

    def _switch_visible(self) -> None:
        index = self.view.currentIndex()
        self.model.setData(index, not index.data(VISIBLE), VISIBLE)

    def _switch_locked(self) -> None:
        index = self.view.currentIndex()
        self.model.setData(index, not index.data(LOCKED), LOCKED)

    def _set_opacity(self, percent: float) -> None:
        if self._document is not None:
            active = self._document.state.active
            step = ("opacity", active, self._gesture)
            self._document.set_layer(active, self.tr("Layer opacity"), merge=step, opacity=percent / 100)

    def _end_gesture(self) -> None:
        self._gesture += 1
