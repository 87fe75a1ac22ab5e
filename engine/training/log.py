"""What a run tells: one JSON object a line, and a picture of its curves."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

_WIDTH, _HEIGHT, _COLUMNS = 480, 240, 2  # of a panel, in pixels; panels side by side
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 26, 24  # of the axes within a panel
_PAPER, _INK, _PALE, _CURVE, _MEASURED = "#ffffff", "#202124", "#d5d8dc", "#2467c9", "#c0392b"
_DECADES = 1.0  # from which span on a positive curve is drawn on a logarithmic axis
_NOT_DRAWN = ("step", "seconds", "event", "samples")

Record = Mapping[str, Any]
Curve = list[tuple[float, float]]


class Log:
    """Appends records to a file as they come, so that whoever looks sees the last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        written = path.read_bytes() if path.is_file() else b""
        self._torn = bool(written) and not written.endswith(b"\n")  # by a crash amid a line

    def write(self, **record: Any) -> None:  # noqa: ANN401 - whatever JSON can hold
        """Raises: OSError: it cannot be written."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(("\n" if self._torn else "") + json.dumps(record) + "\n")
        self._torn = False

    def plot(self, path: Path) -> None:
        """Draw all curves of the log as a PNG.

        Raises:
            OSError: the log cannot be read, or the picture not be written.
        """
        unfinished = path.with_suffix(".part.png")
        draw_curves(read_log(self._path)).save(unfinished)
        unfinished.replace(path)  # whoever watches it never sees half a picture


def read_log(path: Path) -> list[Record]:
    """All records of a log but what a crash left of one; raises OSError."""
    records = list[Record]()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            records.append(json.loads(line))
    return records


def draw_curves(records: Sequence[Record]) -> PIL.Image.Image:
    """A panel for each figure: what was measured on held-out data in red, everything else in blue."""
    curves = [
        (name, colour, curve)
        for event, colour in (("evaluate", _MEASURED), ("train", _CURVE))
        for name, curve in _curves(records, event).items()
    ]
    rows = max(1, -(-len(curves) // _COLUMNS))
    sheet = PIL.Image.new("RGB", (_WIDTH * _COLUMNS, _HEIGHT * rows), _PAPER)
    for number, (name, colour, curve) in enumerate(curves):
        corner = _WIDTH * (number % _COLUMNS), _HEIGHT * (number // _COLUMNS)
        sheet.paste(_panel(name, colour, curve), corner)
    return sheet


def _curves(records: Sequence[Record], event: str) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    for record in records:
        if record.get("event") == event:
            for name, value in record.items():
                if name not in _NOT_DRAWN and math.isfinite(value):
                    curves.setdefault(name, []).append((record["step"], value))
    return curves


def _panel(name: str, colour: str, curve: Curve) -> PIL.Image.Image:
    panel = PIL.Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
    pen, font = PIL.ImageDraw.Draw(panel), PIL.ImageFont.load_default(12)
    steps, values = np.array(curve, np.float64).T
    low, high = float(values.min()), float(values.max())
    logarithmic = low > 0 and math.log10(high / low) >= _DECADES
    heights = np.log10(values) if logarithmic else values
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    pen.rectangle((_LEFT, _TOP, right, bottom), outline=_PALE)
    x = _LEFT + _fractions(steps) * (right - _LEFT)
    y = bottom - _fractions(heights) * (bottom - _TOP)
    if len(curve) > 1:
        pen.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=colour, width=2)
    for across, up in zip(x, y, strict=True) if len(curve) <= _COLUMNS * 10 else ():
        pen.ellipse((across - 3, up - 3, across + 3, up + 3), fill=colour)
    scale = ", logarithmic" if logarithmic else ""
    pen.text((_LEFT, 6), f"{name}   {values[-1]:.4g}{scale}", fill=_INK, font=font)
    pen.text((_LEFT - 6, _TOP), f"{high:.3g}", fill=_INK, font=font, anchor="rt")
    pen.text((_LEFT - 6, bottom), f"{low:.3g}", fill=_INK, font=font, anchor="rb")
    pen.text((_LEFT, bottom + 5), f"{steps[0]:.0f}", fill=_INK, font=font)
    pen.text((right, bottom + 5), f"{steps[-1]:.0f}", fill=_INK, font=font, anchor="ra")
    return panel


def _fractions(values: np.ndarray) -> np.ndarray:
    """From 0 at the least to 1 at the greatest; all in the middle where they are the same."""
    span = float(np.ptp(values))
    return (values - values.min()) / span if span > 0 else np.full_like(values, 0.5)
