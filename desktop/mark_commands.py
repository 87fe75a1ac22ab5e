"""MarkCommands: what menus and keys do to markers and masks, by the actions' names."""

from PySide6.QtCore import QObject

from desktop.workspace import Workspace


class MarkCommands(QObject):
    """Args: workspace: whose document is marked; without one, nothing happens."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._workspace = workspace

    def select_markers(self) -> None:
        if self._workspace.document is not None:
            self._workspace.drag_tool.select_all()

    def delete_markers(self) -> None:
        if self._workspace.document is not None:
            self._workspace.drag_tool.delete_selected()

    def reverse_drags(self) -> None:
        if self._workspace.document is not None:
            self._workspace.drag_tool.reverse()

    def mirror_drags(self) -> None:
        if self._workspace.document is not None:
            self._workspace.drag_tool.mirror()

    def clear_editable(self) -> None:
        self._workspace.clear_mask("editable")

    def clear_protected(self) -> None:
        self._workspace.clear_mask("protected")

    def clear_subject(self) -> None:
        self._workspace.clear_mask("subject")
