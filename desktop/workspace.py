"""Workspace: the canvas with its tools and overlays, on one document and the session that edits it."""

from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtWidgets import QWidget

from desktop.badge import Badge
from desktop.canvas.hint import PullHint
from desktop.canvas.input import CanvasInput
from desktop.canvas.markers import hit
from desktop.canvas.split import Split
from desktop.document import Document, Tiles
from desktop.document.document import MaskName
from desktop.session import EditSession
from desktop.tools.brush_options import BrushOptions
from desktop.tools.brush_tool import BrushTool
from desktop.tools.drag_tool import DragTool
from desktop.tools.select_tool import SelectTool
from desktop.tools.tool import Tool
from desktop.workspace_layers import Composite, Markers, Masks
from engine import Box, DragEdit, Mask, Point, Region

_PLACED = 60  # device-independent pixels from handle to target of a drag that keys have placed
_APART = 24  # between markers that they place one after the other
SWAPPED = "editable", "protected"  # the brushes that one key swaps


class Workspace(QObject):
    """Joins the parts; holds no state of the document.

    Args:
        session: makes previews and finished pictures.
        parent: the window.
    """

    hint = Signal(str)

    def __init__(self, session: EditSession, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._document: Document | None = None
        self.canvas = CanvasInput(parent)
        self.split = Split(self.canvas)
        self.badge = Badge(self.canvas)
        self.drag_tool = DragTool(self._open_document, self)
        self._markers = Markers(self.drag_tool)
        self._masks = Masks()
        self.first_hint = PullHint(self.canvas.update_overlay, self.canvas.rect, self)
        self.canvas.overlays += [self._masks, self._markers, self.first_hint]
        self.options = BrushOptions(self)
        self.options.changed.connect(self.canvas.update_overlay)
        self._tools: dict[str, Tool] = {
            "drag": self.drag_tool,
            "select": SelectTool(
                self._open_document, self._find, self.options, session.found_subject, parent=self
            ),
            **{
                name: BrushTool(self._open_document, name, self.options, parent=self)
                for name in ("editable", "protected")
            },
            "subject": BrushTool(
                self._open_document, "subject", self.options, session.found_subject, parent=self
            ),
        }
        self._tool, self._swapped = "hand", "editable"
        for tool in self._tools.values():
            assert isinstance(tool, DragTool | SelectTool | BrushTool)
            tool.changed.connect(self.canvas.update_overlay)
            tool.hint.connect(self.hint)
        self.canvas.view_changed.connect(self._tell_view)
        self.canvas.painted.connect(session.seen, Qt.ConnectionType.QueuedConnection)
        session.shown.connect(self.canvas.show_preview)
        session.cleared.connect(self.canvas.clear_preview)
        session.planned.connect(self._plan)
        session.tracked.connect(self._track)
        session.described.connect(self.badge.describe)
        session.hint.connect(self.hint)

    @property
    def document(self) -> Document | None:
        return self._document

    def set_document(self, document: Document) -> None:
        """Show and edit another document."""
        self.canvas.cancel_gesture()
        before = self._document
        if before is not None:
            before.pixels_changed.disconnect(self.canvas.invalidate)
            before.instruction_changed.disconnect(self._marked)
            before.masks_changed.disconnect(self._painted)
            before.layers_changed.disconnect(self.canvas.invalidate_cover)
            before.undo_stack.indexChanged.disconnect(self.canvas.cancel_gesture)
        self._document = document
        document.pixels_changed.connect(self.canvas.invalidate)
        document.instruction_changed.connect(self._marked)
        document.masks_changed.connect(self._painted)
        document.layers_changed.connect(self.canvas.invalidate_cover)
        document.undo_stack.indexChanged.connect(self.canvas.cancel_gesture)  # it began from another state
        self._masks.set_document(document)
        self._markers.set_document(document)
        self.canvas.set_source(Composite(document))
        self._tell_view()
        self.drag_tool.forget()
        self._session.set_document(document)

    def use_tool(self, name: str) -> None:
        """Hand the pointer to a tool; “hand” is the canvas without any."""
        self._tool = name
        if name in SWAPPED:
            self._swapped = name
        self.canvas.set_tool(None if name == "hand" else self._tools[name])

    @property
    def other_brush(self) -> str:
        """The brush to swap to: the other of the two, or from any other tool the one used last."""
        if self._tool != self._swapped:
            return self._swapped
        return next(name for name in SWAPPED if name != self._tool)

    def cancel(self) -> bool:
        """Walk one state back; returns whether there was one."""
        return self.canvas.cancel_gesture() or (
            self._document is not None and self.canvas.tool is not None and self.canvas.tool.cancel()
        )

    def show_masks(self, shown: bool) -> None:
        self._masks.shown = shown
        self.canvas.update_overlay()

    def clear_mask(self, name: MaskName) -> None:
        """Forget what is painted on a mask."""
        if self._document is not None:
            self._document.paint_mask(name, None)
            self._document.commit(self.tr("Clear the mask"))

    def place_drag(self) -> None:
        """Add a drag in the middle of the view; keys move its ends from there."""
        if self._document is not None:
            x, y = self._free_place()
            to_picture = self.canvas.viewport.to_picture
            self.drag_tool.add_drag(Point(*to_picture(x, y)), Point(*to_picture(x + _PLACED, y)))

    def place_pin(self) -> None:
        """Add a pin in the middle of the view."""
        if self._document is not None:
            self.drag_tool.add_pin(Point(*self.canvas.viewport.to_picture(*self._free_place())))

    def _free_place(self) -> tuple[float, float]:
        """The middle of the canvas, or the next place below it that no marker stands on."""
        marked = self._open_document().instruction
        x, y = self.canvas.width() / 2, self.canvas.height() / 2
        while hit(self.canvas.viewport, marked.points, marked.pins, x, y) is not None:
            y += _APART
        return x, y

    def delete_drags(self) -> None:
        if self._document is not None:
            self.drag_tool.delete_all()

    def find_subject(self) -> None:
        """Look for what stands under the handles, and let it be what moves."""
        if self._document is None:
            return
        handles = tuple(pair.handle for pair in self._document.settled.instruction.points)
        if not handles:
            self.hint.emit(self.tr("Place a handle on what moves first."))
            return
        found = self._find(handles)
        if found is not None:
            self._document.paint_mask("subject", Tiles.from_array(found) if found.any() else None)
            self._document.commit(self.tr("Find what moves"))

    def _find(self, seeds: tuple[Point, ...]) -> Mask | None:
        return self._session.find_subject(seeds)

    def _open_document(self) -> Document:
        assert self._document is not None, "tools work on documents"
        return self._document

    def _marked(self) -> None:
        if self._document is not None and self._document.instruction.points:
            self.first_hint.hide()
        if self._document is not None and self._document.state is self._document.settled:
            self.drag_tool.forget()
        self.canvas.update_overlay()

    def _painted(self, box: Box) -> None:
        self._masks.invalidate(box)
        self.canvas.update_overlay([QRectF(self.canvas.widget_rect(box))])

    def _plan(self, request: DragEdit | None, region: Region | None) -> None:
        if self._markers.plan(request, region, 1 << self.canvas.level):
            self.canvas.update_overlay()

    def _tell_view(self) -> None:
        canvas = self.canvas
        self._session.set_view(canvas.level, canvas.viewport.visible_box((canvas.width(), canvas.height())))

    def _track(self, handles: tuple[Point, ...]) -> None:
        """Show where the handles of a running edit are."""
        self._markers.tracks = handles
        self.canvas.update_overlay()
