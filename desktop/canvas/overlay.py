"""Markers, outlines and the brush over the picture: in widget space, equally large at every zoom."""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen, QPolygonF

from desktop.canvas.markers import Marker
from desktop.canvas.viewport import Viewport
from engine import Point, PointPair

RADIUS = 7.0  # of a marker, in device-independent pixels
EXTENT = RADIUS + 8  # what a marker covers about its place in any of its states
_HANDLE, _TARGET, _PIN = QColor("#ffb000"), QColor("#2f9dff"), QColor("#3ddc84")
_DARK, _LIGHT = QColor(0, 0, 0, 190), QColor(255, 255, 255)
SUBJECT = QColor(255, 179, 0)  # what moves, as its mask is hatched
_HALO = QColor(255, 255, 255, 90)
_SHAFT = QPen(_LIGHT, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
_SHAFT_EDGE = QPen(_DARK, 5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
_HEAD_EDGE = QPen(_DARK, 3.0)
_DASH, _GAP = 6.0, 4.5  # of an outline, in device-independent pixels
_PIN_SHAPE = ((0.0, -1.0), (1.0, 0.75), (-1.0, 0.75))


def paint_markers(
    painter: QPainter,
    viewport: Viewport,
    points: Sequence[PointPair],
    pins: Sequence[Point],
    *,
    hovered: Marker | None = None,
    selected: frozenset[Marker] = frozenset(),
) -> None:
    """Draw what is marked. Shape as well as colour tells handles (numbered discs), targets (rings) and pins
    (triangles) apart; what is hovered is larger and has a halo, what is selected a frame."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ends = [(_place(viewport, pair.handle), _place(viewport, pair.target)) for pair in points]
    for start, end in ends:
        _arrow(painter, start, end)
    for i, (start, end) in enumerate(ends):
        for marker, at in ((Marker("target", i), end), (Marker("handle", i), start)):
            _marker(painter, marker, at, hovered=marker == hovered, selected=marker in selected)
    for i, pin in enumerate(pins):
        marker = Marker("pin", i)
        _marker(
            painter, marker, _place(viewport, pin), hovered=marker == hovered, selected=marker in selected
        )


def marker_bounds(viewport: Viewport, points: Iterable[PointPair], pins: Iterable[Point]) -> list[QRectF]:
    """The rectangles of the widget that drags with their arrows, and pins, are drawn in."""
    areas: list[QRectF] = []
    for places in (*points, *((pin,) for pin in pins)):
        around = QPolygonF([_place(viewport, place) for place in places]).boundingRect()
        areas.append(around.adjusted(-EXTENT, -EXTENT, EXTENT, EXTENT))
    return areas


def paint_outline(
    painter: QPainter, viewport: Viewport, outline: Sequence[Point], colour: QColor = _LIGHT
) -> None:
    """Draw an outline, that of the automatic region or of the subject: light dashes on a dark line.

    As lots of short lines: a whole outline takes Qt's rasterizer ten times as long, at each move of a drag.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    around = np.array([viewport.to_widget(*point) for point in (*outline, outline[0])])
    length = np.append(0, np.hypot(*np.diff(around, axis=0).T).cumsum())
    starts = np.arange(0, length[-1], _DASH + _GAP)
    ends = np.minimum(starts + _DASH, length[-1])
    for pen, at, to in ((QPen(_DARK, 3), length[:-1], length[1:]), (QPen(colour, 1.5), starts, ends)):
        painter.setPen(pen)
        places = (np.interp(n, length, around[:, axis]) for n in (at, to) for axis in (0, 1))
        painter.drawLines([QLineF(*line) for line in zip(*places, strict=True)])


def paint_tracks(painter: QPainter, viewport: Viewport, places: Iterable[Point]) -> None:
    """Draw where the handles of a running edit are by now: diamonds, smaller than markers."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(_DARK, 1.5))
    painter.setBrush(_LIGHT)
    for place in places:
        at = _place(viewport, place)
        painter.drawPolygon(QPolygonF([at + QPointF(x, y) for x, y in ((0, -5), (5, 0), (0, 5), (-5, 0))]))


def paint_brush(
    painter: QPainter, viewport: Viewport, at: Point, size: float, hardness: float, *, subtract: bool = False
) -> None:
    """Draw a brush's outline, `size` picture pixels wide, and where its hard part ends; a cross in the
    middle, which is a dash where it takes away. Light within dark is seen on any colour."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    middle, radius = _place(viewport, at), max(size * viewport.zoom / 2, 1.0)
    for colour, width in ((_DARK, 3.0), (_LIGHT, 1.2)):
        painter.setPen(QPen(colour, width))
        painter.drawEllipse(middle, radius, radius)
        painter.drawLine(middle - QPointF(3, 0), middle + QPointF(3, 0))
        if not subtract:
            painter.drawLine(middle - QPointF(0, 3), middle + QPointF(0, 3))
    if hardness < 1 and radius * hardness > 2:
        for colour, offset in ((_DARK, 0.0), (_LIGHT, 3.0)):
            pen = QPen(colour, 1.2)
            pen.setDashPattern([3 / 1.2, 3 / 1.2])
            pen.setDashOffset(offset / 1.2)
            painter.setPen(pen)
            painter.drawEllipse(middle, radius * hardness, radius * hardness)


def _marker(painter: QPainter, marker: Marker, at: QPointF, *, hovered: bool, selected: bool) -> None:
    """On whole device pixels: while one marker is pulled all are drawn anew, and sprites cost little."""
    dpr = painter.device().devicePixelRatioF()
    sprite = _sprite(marker, hovered, selected, dpr)
    half = sprite.width() / dpr / 2
    place = round((at.x() - half) * dpr) / dpr, round((at.y() - half) * dpr) / dpr
    painter.drawImage(QPointF(*place), sprite)


@lru_cache(maxsize=512)
def _sprite(marker: Marker, hovered: bool, selected: bool, dpr: float) -> QImage:
    """A marker in the middle of a transparent picture."""
    edge = 2 * math.ceil((EXTENT + 1) * dpr)
    sprite = QImage(edge, edge, QImage.Format.Format_ARGB32_Premultiplied)
    sprite.fill(Qt.GlobalColor.transparent)
    sprite.setDevicePixelRatio(dpr)
    painter = QPainter(sprite)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = QPointF(edge / 2 / dpr, edge / 2 / dpr)
    _paint_marker(painter, marker, middle, hovered=hovered, selected=selected)
    painter.end()
    return sprite


def _paint_marker(painter: QPainter, marker: Marker, at: QPointF, *, hovered: bool, selected: bool) -> None:
    radius = RADIUS + 2 if hovered else RADIUS
    if hovered:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_HALO)
        painter.drawEllipse(at, radius + 5, radius + 5)
    if selected:
        frame = QRectF(at.x() - radius - 4, at.y() - radius - 4, 2 * radius + 8, 2 * radius + 8)
        _frame(painter, frame)
    if marker.kind == "handle":
        painter.setPen(QPen(_DARK, 1.5))
        painter.setBrush(_HANDLE)
        painter.drawEllipse(at, radius, radius)
        _number(painter, at, marker.index + 1)
    elif marker.kind == "target":
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(_DARK, 5.5), QPen(_LIGHT, 4), QPen(_TARGET, 2.5)):
            painter.setPen(pen)
            painter.drawEllipse(at, radius - 1, radius - 1)
    else:
        painter.setPen(QPen(_DARK, 1.5))
        painter.setBrush(_PIN)
        painter.drawPolygon(QPolygonF([at + QPointF(x, y) * radius for x, y in _PIN_SHAPE]))


def _number(painter: QPainter, at: QPointF, number: int) -> None:
    font = QFont(painter.font())
    font.setPixelSize((10, 8, 6)[len(str(number)) - 1])
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(QColor("black"))
    box = QRectF(at.x() - RADIUS, at.y() - RADIUS, 2 * RADIUS, 2 * RADIUS)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(number))


def _arrow(painter: QPainter, start: QPointF, end: QPointF) -> None:
    """From the handle's disc to the target's ring."""
    way = end - start
    length = math.hypot(way.x(), way.y())
    if length <= 2 * RADIUS + 2:
        return
    ahead = way / length
    aside = QPointF(-ahead.y(), ahead.x())
    tail, tip = start + ahead * RADIUS, end - ahead * (RADIUS + 1)
    head = QPolygonF([tip, tip - ahead * 8 + aside * 4.5, tip - ahead * 8 - aside * 4.5])
    shaft = tail, tip - ahead * 5
    painter.setBrush(_DARK)
    painter.setPen(_SHAFT_EDGE)
    painter.drawLine(*shaft)
    painter.setPen(_HEAD_EDGE)
    painter.drawPolygon(head)
    painter.setBrush(_LIGHT)
    painter.setPen(_SHAFT)
    painter.drawLine(*shaft)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawPolygon(head)


def _frame(painter: QPainter, frame: QRectF) -> None:
    """A light line within a dark one."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(_DARK, 3), QPen(_LIGHT, 1.5)):
        painter.setPen(pen)
        painter.drawRect(frame)


def _place(viewport: Viewport, point: Point) -> QPointF:
    return QPointF(*viewport.to_widget(*point))
