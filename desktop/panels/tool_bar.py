"""ToolBar: the options of the tool in the hand, above the picture."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QToolBar, QToolButton, QWidget

from desktop.actions import Actions
from desktop.icons import set_icon
from desktop.panels.number_field import LogField, NumberField
from desktop.tools.brush import LEAST_SIZE, MOST_SIZE, Brush
from desktop.tools.brush_options import BrushOptions

_BRUSHES = "editable", "protected", "subject"
_COMMANDS = {  # of each tool, in their order; what several tools have stands in the same place for all
    "drag": ("select_markers", "reverse_drags", "mirror_drags", "delete_markers"),
    "editable": ("erase", "swap_masks", "clear_editable"),
    "protected": ("erase", "swap_masks", "clear_protected"),
    "subject": ("erase", "swap_masks", "clear_subject"),
    "select": ("erase", "clear_subject", "find_subject"),
    "hand": ("fit", "show_pixels", "zoom_in", "zoom_out", "straighten", "mirror_view"),
}
_BRIEF = "clear_editable", "clear_protected", "clear_subject", "swap_masks"  # by their icons alone
_ICON, _MORE, _SLIDER_WIDTH = 20, 12, 96  # device-independent pixels


class ToolBar(QToolBar):
    """As high for one tool as for another, so that the picture stays where it is.

    Args:
        actions: of the window; the tools' own commands are taken from them.
        options: of the brushes; shown, and set.
    """

    left = Signal()  # by Enter or Esc in a field: the user goes on with the picture

    def __init__(self, actions: Actions, options: BrushOptions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Tool options"))
        self.setObjectName("tool_options")
        self.setMovable(False)
        self.setIconSize(QSize(_ICON, _ICON))
        self._actions, self._options = actions, options
        self._name = QLabel(self)
        self.addWidget(self._name)
        self.size_field = LogField(LEAST_SIZE, MOST_SIZE, self.tr(" px"), self)
        self.hardness_field = NumberField(0, 100, 1, 0, self.tr(" %"), self)
        self._brush_parts = [
            *self._labelled(
                self.size_field,
                self.tr("Size"),
                self.tr("How wide the brush is, in pixels of the picture ([ and ], or Shift and a pull)"),
            ),
            *self._labelled(
                self.hardness_field,
                self.tr("Hardness"),
                self.tr("How much of the brush is fully covered (Shift+[ and Shift+], or Shift and a pull)"),
            ),
        ]
        self._commands = {
            name: self.addWidget(self._button(name))
            for name in dict.fromkeys(name for names in _COMMANDS.values() for name in names)
        }
        self.size_field.changed.connect(self._resize)
        self.hardness_field.changed.connect(self._harden)
        options.changed.connect(self._show_brush)
        self._show_brush()
        self._keep_still()
        for more in self.findChildren(QToolButton, "qt_toolbar_ext_button"):  # for what has no room
            set_icon(more, "more")  # Qt's own is black in either theme
            more.setIconSize(QSize(_MORE, _MORE))
        self.show_tool("drag")

    def show_tool(self, tool: str) -> None:
        """Show the options of this tool."""
        self._name.setText(self._title(tool))
        for part in self._brush_parts:
            part.setVisible(tool in _BRUSHES)
        for name, command in self._commands.items():
            command.setVisible(name in _COMMANDS[tool])

    def _labelled(self, field: NumberField, name: str, tip: str) -> tuple[QAction, QAction]:
        label = QLabel(name, self)
        label.setContentsMargins(8, 0, 4, 0)
        label.setToolTip(tip)
        field.set_texts(name, tip)
        field.slider.setFixedWidth(_SLIDER_WIDTH)
        # With a proxy, Tab would pass over the slider.
        field.setFocusProxy(None)  # pyright: ignore[reportArgumentType] - the stub lacks None
        field.slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a pull leaves the canvas its keys
        QWidget.setTabOrder(field.slider, field.spin_box)
        field.setFixedWidth(field.sizeHint().width())
        field.left.connect(self.left)
        return self.addWidget(label), self.addWidget(field)

    def _button(self, name: str) -> QToolButton:
        styles = Qt.ToolButtonStyle
        style = styles.ToolButtonIconOnly if name in _BRIEF else styles.ToolButtonTextBesideIcon
        button = QToolButton(self)
        button.setDefaultAction(self._actions[name])
        button.setToolButtonStyle(style)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _title(self, tool: str) -> str:
        return self._actions[f"tool:{tool}"].iconText()

    def _keep_still(self) -> None:
        """Give the tools' names the width of the widest, and the bar the height of its highest part."""
        font = self._name.font()
        font.setBold(True)
        self._name.setFont(font)
        self._name.setContentsMargins(8, 0, 8, 0)
        widths: list[int] = []
        for tool in _COMMANDS:
            self._name.setText(self._title(tool))
            widths.append(self._name.sizeHint().width())
        self._name.setMinimumWidth(max(widths))
        parts = [self.widgetForAction(action) for action in self.actions()]
        self._name.setFixedHeight(max(part.sizeHint().height() for part in parts))

    def _show_brush(self) -> None:
        brush = self._options.brush
        self.size_field.set_value(brush.size)
        self.hardness_field.set_value(100 * brush.hardness)

    def _resize(self, size: float) -> None:
        self._options.set_brush(Brush(size, self._options.brush.hardness))

    def _harden(self, percent: float) -> None:
        self._options.set_brush(Brush(self._options.brush.size, percent / 100))
