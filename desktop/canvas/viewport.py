"""Viewport: where the picture stands in the widget. Pure arithmetic in double precision, no Qt."""

import math
from dataclasses import dataclass, replace

LEAST_ZOOM, MOST_ZOOM = 1 / 64, 64.0


@dataclass(frozen=True, kw_only=True)
class Viewport:
    """A similarity from picture pixels to widget coordinates (device-independent).

    Args:
        zoom: widget units per picture pixel.
        angle: the picture's turn on the screen, in radians clockwise.
        mirrored: whether the picture is shown mirrored left to right, before the turn.
        x, y: where the picture's origin stands in the widget.
    """

    zoom: float = 1.0
    angle: float = 0.0
    mirrored: bool = False
    x: float = 0.0
    y: float = 0.0

    @property
    def matrix(self) -> tuple[float, float, float, float]:
        """(a, b, c, d): a picture vector (u, v) becomes (a·u + c·v, b·u + d·v)."""
        cosine, sine = math.cos(self.angle) * self.zoom, math.sin(self.angle) * self.zoom
        flip = -1.0 if self.mirrored else 1.0
        return cosine * flip, sine * flip, -sine, cosine

    def to_widget(self, u: float, v: float) -> tuple[float, float]:
        """A place in the picture → its place in the widget."""
        a, b, c, d = self.matrix
        return a * u + c * v + self.x, b * u + d * v + self.y

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """A place in the widget → its place in the picture."""
        a, b, c, d = self.matrix
        determinant = a * d - b * c
        dx, dy = x - self.x, y - self.y
        return (d * dx - c * dy) / determinant, (a * dy - b * dx) / determinant

    def zoomed(self, factor: float, x: float, y: float) -> "Viewport":
        """Zoom by `factor`, within limits, about the widget's place (x, y)."""
        zoom = min(max(self.zoom * factor, LEAST_ZOOM), MOST_ZOOM)
        return replace(self, zoom=zoom)._holding(self.to_picture(x, y), x, y)

    def panned(self, dx: float, dy: float) -> "Viewport":
        return replace(self, x=self.x + dx, y=self.y + dy)

    def rotated(self, radians: float, x: float, y: float) -> "Viewport":
        """Turn clockwise about the widget's place (x, y)."""
        angle = math.remainder(self.angle + radians, math.tau)
        return replace(self, angle=angle)._holding(self.to_picture(x, y), x, y)

    def flipped(self, x: float, y: float) -> "Viewport":
        """Mirror left to right on the screen about the widget's place (x, y)."""
        return replace(self, mirrored=not self.mirrored, angle=-self.angle)._holding(
            self.to_picture(x, y), x, y
        )

    def fitted(self, picture: tuple[int, int], widget: tuple[int, int], margin: float = 12) -> "Viewport":
        """Show the whole picture of (width, height), centred, at 100 % at the most; turn and mirror stay."""
        (w, h), (width, height) = picture, widget
        cosine, sine = abs(math.cos(self.angle)), abs(math.sin(self.angle))
        across, down = w * cosine + h * sine, w * sine + h * cosine
        zoom = min((width - 2 * margin) / across, (height - 2 * margin) / down, 1.0)
        zoom = min(max(zoom, LEAST_ZOOM), MOST_ZOOM)
        return replace(self, zoom=zoom)._holding((w / 2, h / 2), width / 2, height / 2)

    def _holding(self, place: tuple[float, float], x: float, y: float) -> "Viewport":
        """The same view, shifted so that the picture's `place` stands at the widget's (x, y)."""
        now_x, now_y = self.to_widget(*place)
        return replace(self, x=self.x + x - now_x, y=self.y + y - now_y)
