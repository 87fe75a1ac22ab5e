"""Viewport: where the picture stands in the widget. Pure arithmetic in double precision, no Qt."""

import math
from dataclasses import dataclass, replace

from engine import Box

LEAST_ZOOM, MOST_ZOOM = 1 / 64, 64.0
# Device pixels per picture pixel, where the zoom keys stop.
ZOOM_STEPS = (
    *(1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3),
    *(1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0),
)
TURN_STEP = math.radians(15)
_SAME = 1e-9  # what double precision leaves of equality after a few turns of the wheel


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
    def quarter_turned(self) -> bool:
        """Whether the picture's rows and columns are the screen's, or the other way round."""
        return abs(math.remainder(self.angle, math.pi / 2)) < _SAME

    @property
    def matrix(self) -> tuple[float, float, float, float]:
        """(a, b, c, d): a picture vector (u, v) becomes (a·u + c·v, b·u + d·v)."""
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        if self.quarter_turned:  # without the 1e-17 that cos(90°) leaves
            cosine, sine = float(round(cosine)), float(round(sine))
        cosine, sine = cosine * self.zoom, sine * self.zoom
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

    def picture_box(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """The picture pixels that a rectangle of the widget touches, also beyond the picture's edges."""
        places = [self.to_picture(x, y) for x in (x0, x1) for y in (y0, y1)]
        across, down = [u for u, _ in places], [v for _, v in places]
        return Box(
            math.floor(min(across) + 1e-6),
            math.floor(min(down) + 1e-6),
            math.ceil(max(across) - 1e-6),
            math.ceil(max(down) - 1e-6),
        )

    def visible_box(self, widget: tuple[int, int]) -> Box:
        """The picture pixels that a widget of (width, height) shows, also beyond the picture's edges."""
        return self.picture_box(0, 0, *widget)

    def widget_bounds(self, box: Box) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1): the smallest upright rectangle of the widget that holds the picture's `box`."""
        places = [self.to_widget(u, v) for u in (box.x0, box.x1) for v in (box.y0, box.y1)]
        across, down = [x for x, _ in places], [y for _, y in places]
        return min(across), min(down), max(across), max(down)

    def zoomed(self, factor: float, x: float, y: float) -> "Viewport":
        """Zoom by `factor`, within limits, about the widget's place (x, y)."""
        return self.at_zoom(self.zoom * factor, x, y)

    def at_zoom(self, zoom: float, x: float, y: float) -> "Viewport":
        """Show at exactly this zoom, within limits, about the widget's place (x, y)."""
        zoom = min(max(zoom, LEAST_ZOOM), MOST_ZOOM)
        return replace(self, zoom=zoom)._holding(self.to_picture(x, y), x, y)

    def stepped(self, steps: int, x: float, y: float, dpr: float = 1.0) -> "Viewport":
        """Zoom in (or out, where negative) by round steps of device pixels per picture pixel."""
        now, view = self.zoom * dpr, self
        for _ in range(abs(steps)):
            if steps > 0:
                now = next((step for step in ZOOM_STEPS if step > now * (1 + _SAME)), now)
            else:
                now = next((step for step in reversed(ZOOM_STEPS) if step < now * (1 - _SAME)), now)
            view = self.at_zoom(now / dpr, x, y)
        return view

    def panned(self, dx: float, dy: float) -> "Viewport":
        return replace(self, x=self.x + dx, y=self.y + dy)

    def rotated(self, radians: float, x: float, y: float) -> "Viewport":
        """Turn clockwise about the widget's place (x, y)."""
        angle = math.remainder(self.angle + radians, math.tau)
        return replace(self, angle=angle)._holding(self.to_picture(x, y), x, y)

    def snapped(self, x: float, y: float, within: float = math.pi) -> "Viewport":
        """Turn to the nearest multiple of 15° if it is no farther than `within` radians."""
        nearest = round(self.angle / TURN_STEP) * TURN_STEP
        if abs(nearest - self.angle) > within:
            return self
        return replace(self, angle=nearest)._holding(self.to_picture(x, y), x, y)

    def flipped(self, x: float, y: float) -> "Viewport":
        """Mirror left to right on the screen about the widget's place (x, y)."""
        return replace(self, mirrored=not self.mirrored, angle=-self.angle)._holding(
            self.to_picture(x, y), x, y
        )

    def fitted(
        self, picture: tuple[int, int], widget: tuple[int, int], margin: float = 12, dpr: float = 1.0
    ) -> "Viewport":
        """Show the whole picture of (width, height), centred, at 100 % at the most; turn and mirror stay."""
        (w, h), (width, height) = picture, widget
        cosine, sine = abs(math.cos(self.angle)), abs(math.sin(self.angle))
        across, down = w * cosine + h * sine, w * sine + h * cosine
        zoom = min((width - 2 * margin) / across, (height - 2 * margin) / down, 1 / dpr)
        zoom = min(max(zoom, LEAST_ZOOM), MOST_ZOOM)
        return replace(self, zoom=zoom)._holding((w / 2, h / 2), width / 2, height / 2)

    def aligned(self, dpr: float) -> "Viewport":
        """The view with its origin on the nearest device pixel; turned otherwise than by 90°, itself.

        At a whole number of device pixels per picture pixel, each picture pixel then covers whole ones.
        """
        if not self.quarter_turned:
            return self
        scale = self.zoom * dpr
        whole = round(scale)
        zoom = whole / dpr if whole and abs(scale - whole) < _SAME * whole else self.zoom
        return replace(self, zoom=zoom, x=round(self.x * dpr) / dpr, y=round(self.y * dpr) / dpr)

    def _holding(self, place: tuple[float, float], x: float, y: float) -> "Viewport":
        """The same view, shifted so that the picture's `place` stands at the widget's (x, y)."""
        now_x, now_y = self.to_widget(*place)
        return replace(self, x=self.x + x - now_x, y=self.y + y - now_y)
