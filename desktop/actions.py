"""Actions: every command of the window once; menus, tool bar and shortcuts come from here."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenuBar, QToolBar, QWidget

from desktop.icons import set_icon


class Spec(NamedTuple):
    """One command.

    Args:
        name: the method of the window that it calls, or "tool:" and a tool's name.
        text: in English, to be translated (PySide6 declares QT_TRANSLATE_NOOP to return any object).
        keys: shortcuts in Qt's portable form, divided by blanks.
        icon: a name of `desktop.icons`.
        check: whether it can be switched on and off.
    """

    name: str
    text: object
    keys: str = ""
    icon: str = ""
    check: bool = False


SEPARATOR = Spec("", "")
_TOOL = "tool:"
_T = "Actions"  # the translation context
_NEED_NOTHING = "open", "generate", "close"  # all others work on the picture that is seen,
_LEAD_BACK = ("walk_back",)  # and some on the start page where a picture is open behind it
_ACCELERATOR = re.compile(r"\(&\w\)|&")  # where the letter stands in no word, it follows in brackets

FILE = (
    Spec("open", QT_TRANSLATE_NOOP("Actions", "&Open…"), "Ctrl+O", "open"),
    Spec("generate", QT_TRANSLATE_NOOP("Actions", "&Generate a picture…"), "Ctrl+G", "generate"),
    Spec("samples", QT_TRANSLATE_NOOP("Actions", "Start &page and samples"), "", "samples"),
    SEPARATOR,
    Spec("save", QT_TRANSLATE_NOOP("Actions", "&Save"), "Ctrl+S", "save"),
    Spec("save_as", QT_TRANSLATE_NOOP("Actions", "Save &as…"), "Ctrl+Shift+S"),
    SEPARATOR,
    Spec("close", QT_TRANSLATE_NOOP("Actions", "&Quit"), "Ctrl+Q"),
)
EDIT = (
    Spec("undo", QT_TRANSLATE_NOOP("Actions", "&Undo"), "Ctrl+Z", "undo"),
    Spec("redo", QT_TRANSLATE_NOOP("Actions", "&Redo"), "Ctrl+Shift+Z Ctrl+Y", "redo"),
    SEPARATOR,
    Spec("refine", QT_TRANSLATE_NOOP("Actions", "Re&fine"), "Ctrl+Return Ctrl+Enter", "refine"),
    Spec("keep", QT_TRANSLATE_NOOP("Actions", "&Keep the edit as a layer"), "Return Enter", "keep"),
    Spec("walk_back", QT_TRANSLATE_NOOP("Actions", "&Cancel"), "Esc", "drop"),
    SEPARATOR,
    Spec("place_drag", QT_TRANSLATE_NOOP("Actions", "&Place a drag"), "Insert", "drag"),
    Spec("place_pin", QT_TRANSLATE_NOOP("Actions", "Place a p&in"), "Shift+Insert", "pin"),
    Spec("select_markers", QT_TRANSLATE_NOOP("Actions", "Select all &markers"), "Ctrl+A", "select-all"),
    Spec("delete_markers", QT_TRANSLATE_NOOP("Actions", "&Delete markers"), "", "delete"),
    Spec("reverse_drags", QT_TRANSLATE_NOOP("Actions", "Re&verse drags"), "Ctrl+R", "reverse"),
    Spec("mirror_drags", QT_TRANSLATE_NOOP("Actions", "Mirror d&rags"), "Ctrl+M", "mirror"),
)
MASK = (
    Spec("clear_editable", QT_TRANSLATE_NOOP("Actions", "Forget what &may change"), "", "delete"),
    Spec("clear_protected", QT_TRANSLATE_NOOP("Actions", "Forget what is &protected"), "", "delete"),
    Spec("clear_subject", QT_TRANSLATE_NOOP("Actions", "Forget what m&oves"), "", "delete"),
    Spec("find_subject", QT_TRANSLATE_NOOP("Actions", "&Find what moves"), "Ctrl+F", "quick-select"),
    SEPARATOR,
    Spec("erase", QT_TRANSLATE_NOOP("Actions", "&Erase"), "E", "eraser", check=True),
    Spec("show_masks", QT_TRANSLATE_NOOP("Actions", "&Show masks"), "Q", check=True),
)
VIEW = (
    Spec("fit", QT_TRANSLATE_NOOP("Actions", "&Fit the window"), "Ctrl+0", "fit"),
    Spec("show_pixels", QT_TRANSLATE_NOOP("Actions", "&100 %"), "Ctrl+1"),
    Spec("zoom_in", QT_TRANSLATE_NOOP("Actions", "Zoom &in"), "Ctrl++ Ctrl+=", "zoom"),
    Spec("zoom_out", QT_TRANSLATE_NOOP("Actions", "Zoom &out"), "Ctrl+-"),
    SEPARATOR,
    Spec(
        "compare",
        QT_TRANSLATE_NOOP("Actions", "&Compare before and after"),
        "Shift+Y",
        "before-after",
        check=True,
    ),
    SEPARATOR,
    Spec("mirror_view", QT_TRANSLATE_NOOP("Actions", "&Mirror the view"), "", "mirror", check=True),
    Spec("turn_left", QT_TRANSLATE_NOOP("Actions", "Turn the view &left"), "4"),
    Spec("turn_right", QT_TRANSLATE_NOOP("Actions", "Turn the view &right"), "6"),
    Spec("straighten", QT_TRANSLATE_NOOP("Actions", "&Straighten the view"), "5", "rotate-view"),
)
TOOLS = (
    Spec("tool:drag", QT_TRANSLATE_NOOP("Actions", "&Drag"), "D", "drag", check=True),
    Spec("tool:editable", QT_TRANSLATE_NOOP("Actions", "Brush: &may change"), "M", "mask", check=True),
    Spec("tool:protected", QT_TRANSLATE_NOOP("Actions", "Brush: &protect"), "P", "protect", check=True),
    Spec("tool:subject", QT_TRANSLATE_NOOP("Actions", "Brush: move &this"), "B", "subject", check=True),
    Spec(
        "tool:select",
        QT_TRANSLATE_NOOP("Actions", "&Quick select what moves"),
        "W",
        "quick-select",
        check=True,
    ),
    Spec("tool:hand", QT_TRANSLATE_NOOP("Actions", "&Hand"), "H", "hand", check=True),
    SEPARATOR,
    Spec("swap_masks", QT_TRANSLATE_NOOP("Actions", "&Swap may change and protect"), "X", "swap"),
)
_PANELS = QT_TRANSLATE_NOOP("Actions", "&Panels and bars")
MENUS = (
    (QT_TRANSLATE_NOOP("Actions", "&File"), FILE),
    (QT_TRANSLATE_NOOP("Actions", "&Edit"), EDIT),
    (QT_TRANSLATE_NOOP("Actions", "&Mask"), MASK),
    (QT_TRANSLATE_NOOP("Actions", "&View"), VIEW),
    (QT_TRANSLATE_NOOP("Actions", "&Tools"), TOOLS),
)


class Actions:
    """The actions of one window.

    Args:
        window: owns them.
        targets: one of them has a method of each name.
        use_tool: called with a tool's name.
    """

    def __init__(self, window: QWidget, targets: Sequence[QObject], use_tool: Callable[[str], None]) -> None:
        self._window, self._targets = window, targets
        self._actions: dict[str, QAction] = {}
        tools = QActionGroup(window)
        for _, specs in MENUS:
            for spec in specs:
                if spec is not SEPARATOR:
                    self._actions[spec.name] = self._made(spec, use_tool)
        for spec in TOOLS:
            if spec.name.startswith(_TOOL):
                tools.addAction(self._actions[spec.name])

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._actions)

    def show_picture(self, *, seen: bool, behind: bool = False) -> None:
        """Enable what can be done while a picture is seen, or the start page, maybe with one `behind` it."""
        for name, action in self._actions.items():
            action.setEnabled(seen or name in _NEED_NOTHING or (behind and name in _LEAD_BACK))

    def fill(self, bar: QMenuBar, panels: Sequence[QAction]) -> None:
        """Make the menus.

        Args:
            panels: each shows and hides a part of the window.
        """
        for title, specs in MENUS:
            menu = bar.addMenu(QCoreApplication.translate(_T, str(title)))
            for spec in specs:
                if spec is SEPARATOR:
                    menu.addSeparator()
                else:
                    menu.addAction(self._actions[spec.name])
            if specs is VIEW:
                menu.addSeparator()
                shown = menu.addMenu(QCoreApplication.translate(_T, str(_PANELS)))
                shown.addActions(panels)

    def fill_tools(self, bar: QToolBar) -> None:
        """Put the tools and the most used commands on a tool bar."""
        for spec in TOOLS:
            if spec.name.startswith(_TOOL):
                bar.addAction(self._actions[spec.name])
        bar.addSeparator()
        for name in ("undo", "redo", "fit", "compare", "keep"):
            bar.addAction(self._actions[name])

    def _made(self, spec: Spec, use_tool: Callable[[str], None]) -> QAction:
        action = QAction(QCoreApplication.translate(_T, str(spec.text)), self._window)
        action.setObjectName(spec.name)
        action.setCheckable(spec.check)
        action.setAutoRepeat(spec.name != "walk_back")  # held, it would drop what its first press keeps
        keys = [QKeySequence(part) for part in spec.keys.split()]
        action.setShortcuts(keys)
        plain = _ACCELERATOR.sub("", action.text())
        action.setIconText(plain)
        native = QKeySequence.SequenceFormat.NativeText
        action.setToolTip(f"{plain} ({keys[0].toString(native)})" if keys else plain)
        if spec.icon:
            set_icon(action, spec.icon)
        if spec.name.startswith(_TOOL):
            tool = spec.name.removeprefix(_TOOL)
            action.triggered.connect(lambda _=False: use_tool(tool))
        elif spec.check:
            action.toggled.connect(self._target(spec.name))
        else:
            act = self._target(spec.name)
            action.triggered.connect(lambda _=False: act())
        return action

    def _target(self, name: str) -> Callable[..., object]:
        return next(getattr(target, name) for target in self._targets if hasattr(target, name))
