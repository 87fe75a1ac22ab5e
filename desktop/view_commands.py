"""ViewCommands: what menus and keys do to the view, by the actions' names."""

from PySide6.QtCore import QObject

from desktop.canvas.view import CanvasView

_TURN = 15  # degrees


class ViewCommands(QObject):
    """Args: canvas: whose view it is."""

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._canvas = canvas

    def fit(self) -> None:
        self._canvas.fit()

    def show_pixels(self) -> None:
        self._canvas.show_pixels()

    def zoom_in(self) -> None:
        self._canvas.zoom_by_steps(1)

    def zoom_out(self) -> None:
        self._canvas.zoom_by_steps(-1)

    def mirror_view(self, mirrored: bool) -> None:
        if self._canvas.exact_viewport.mirrored != mirrored:
            self._canvas.mirror()

    def turn_left(self) -> None:
        self._canvas.rotate(-_TURN)

    def turn_right(self) -> None:
        self._canvas.rotate(_TURN)

    def straighten(self) -> None:
        self._canvas.reset_rotation()
