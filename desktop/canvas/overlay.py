"""Markers over the picture: handles, targets, arrows and pins, in widget space and always equally large."""

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from desktop.canvas.viewport import Viewport
from engine import Point, PointPair

RADIUS = 7.0  # of a marker, in device-independent pixels
_HANDLE, _TARGET, _PIN = QColor("#ffb000"), QColor("#2f9dff"), QColor("#3ddc84")
_OUTLINE = QColor(0, 0, 0, 190)


def paint_markers(
    painter: QPainter, viewport: Viewport, points: tuple[PointPair, ...], pins: tuple[Point, ...]
) -> None:
    """Draw what is marked: shape as well as colour tells handles (discs), targets (rings) and pins apart."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for handle, target in points:
        start, end = _place(viewport, handle), _place(viewport, target)
        for pen in (QPen(_OUTLINE, 4), QPen(QColor("white"), 2)):
            painter.setPen(pen)
            painter.drawLine(start, end)
        _disc(painter, start, _HANDLE)
        for pen in (QPen(_OUTLINE, 5), QPen(_TARGET, 3)):
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(end, RADIUS, RADIUS)
    for pin in pins:
        at = _place(viewport, pin)
        painter.setPen(QPen(_OUTLINE, 1.5))
        painter.setBrush(_PIN)
        corners = ((0, -RADIUS), (RADIUS, RADIUS * 0.7), (-RADIUS, RADIUS * 0.7))
        painter.drawPolygon(QPolygonF([at + QPointF(x, y) for x, y in corners]))


def _disc(painter: QPainter, at: QPointF, colour: QColor) -> None:
    painter.setPen(QPen(_OUTLINE, 1.5))
    painter.setBrush(colour)
    painter.drawEllipse(at, RADIUS, RADIUS)


def _place(viewport: Viewport, point: Point) -> QPointF:
    return QPointF(*viewport.to_widget(*point))
