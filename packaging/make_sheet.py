"""Makes the sheets of docs: sample pictures with their ready drags, before and after.

    python packaging/make_sheet.py [NAME ...]

before_after.jpg shows flow warp, starter.jpg flow warp beside InstantDrag on the starter pack, refine.jpg
beside GoodDrag and DragDiffusion on it.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from engine import DragEdit, Engine, Image, Sample, open_photo, samples  # noqa: E402

ONE_OF_EACH = ("canyon_wren", "osprey", "girl_with_pearl_earring", "otters", "mountain_lake")
CELL = (640, 360)  # pixels of each picture on the sheet
CAPTION = 26


class Sheet(NamedTuple):
    """A sheet with a row for each sample: marked, then as each (method, pack) makes it.

    Args:
        shown: samples by name; none for all.
        painted: whether the samples' own painted subjects are used.
    """

    made: tuple[tuple[str, str | None], ...]
    shown: tuple[str, ...] = ()
    painted: bool = True


SHEETS = {
    "before_after": Sheet((("flow_warp", None),), ONE_OF_EACH),
    "starter": Sheet((("flow_warp", None), ("instant_drag", "starter")), painted=False),
    "refine": Sheet((("flow_warp", None), ("good_drag", "starter"), ("drag_diffusion", "starter"))),
}


def main(names: Sequence[str]) -> None:
    engine = Engine()
    for name in names or SHEETS:
        sheet = SHEETS[name]
        rows = [_row(engine, sheet, s) for s in samples() if not sheet.shown or s.name in sheet.shown]
        picture = PIL.Image.fromarray(np.vstack(rows))
        picture.save(REPOSITORY / "docs" / f"{name}.jpg", quality=84, optimize=True)


def _row(engine: Engine, sheet: Sheet, sample: Sample) -> Image:
    request = sample.request(open_photo(sample.picture))
    if not sheet.painted:
        request = replace(request, subject=None)
    window = _window(request)
    after = [
        engine.edit(method, engine.prepare(method, request, pack), pack=pack).image
        for method, pack in sheet.made
    ]
    cells = [_fit(_marked(request), window), *(_fit(image[..., :3], window) for image in after)]
    row = PIL.Image.new("RGB", (len(cells) * (CELL[0] + 8) - 8, CELL[1] + CAPTION), "white")
    for i, cell in enumerate(cells):
        row.paste(PIL.Image.fromarray(cell), (i * (CELL[0] + 8), 0))
    font = PIL.ImageFont.load_default(size=14)
    titles = " | ".join(engine.method(method).title for method, _ in sheet.made)
    words = f"{titles}   ·   {sample.kind}: {sample.title}   ·   {sample.author}, {sample.licence}"
    words = words.replace("–", "-")
    PIL.ImageDraw.Draw(row).text((4, CELL[1] + 4), words, fill="#333", font=font)
    return np.asarray(row)


def _marked(request: DragEdit) -> Image:
    out = request.image[..., :3].copy()
    width = max(2, max(request.size) // 400)
    for handle, target in request.points:
        start, end = (tuple(round(v) for v in point) for point in (handle, target))
        cv2.arrowedLine(out, start, end, (255, 255, 255), 2 * width, cv2.LINE_AA, tipLength=0.2)
        cv2.circle(out, start, 3 * width, (255, 176, 0), -1, cv2.LINE_AA)
    for pin in request.pins:
        cv2.circle(out, tuple(round(v) for v in pin), 3 * width, (61, 220, 132), -1, cv2.LINE_AA)
    return out


def _window(request: DragEdit) -> tuple[int, int, int, int]:
    """The part of the picture around the drags that has the cell's shape."""
    width, height = request.size
    ends = np.array([end for pair in request.points for end in pair])
    reach = max(0.6 * min(width, height), 1.9 * float(np.ptp(ends, axis=0).max()))
    w = min(width, height * CELL[0] / CELL[1], reach * CELL[0] / CELL[1])
    h = w * CELL[1] / CELL[0]
    x, y = ends.mean(0)
    left, top = np.clip(x - w / 2, 0, width - w), np.clip(y - h / 2, 0, height - h)
    return int(left), int(top), int(left + w), int(top + h)


def _fit(picture: Image, window: tuple[int, int, int, int]) -> Image:
    x0, y0, x1, y1 = window
    return cv2.resize(np.ascontiguousarray(picture[y0:y1, x0:x1]), CELL, interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main(sys.argv[1:])
