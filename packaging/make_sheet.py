"""Makes docs/before_after.jpg: sample pictures with their ready drags, before and after."""

import sys
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from engine import DragEdit, Engine, Image, Sample, open_photo, samples  # noqa: E402

SHOWN = ("canyon_wren", "osprey", "girl_with_pearl_earring", "otters", "mountain_lake")  # one of each kind
CELL = (640, 360)  # pixels of each picture on the sheet
CAPTION = 26


def main() -> None:
    chosen = {sample.name: sample for sample in samples()}
    engine = Engine()
    rows = [_row(engine, chosen[name]) for name in SHOWN]
    sheet = np.vstack(rows)
    PIL.Image.fromarray(sheet).save(REPOSITORY / "docs" / "before_after.jpg", quality=84, optimize=True)


def _row(engine: Engine, sample: Sample) -> Image:
    request = sample.request(open_photo(sample.picture))
    after = engine.edit("flow_warp", request).image
    window = _window(request)
    pair = [_fit(_marked(request), window), _fit(after[..., :3], window)]
    row = PIL.Image.new("RGB", (2 * CELL[0] + 8, CELL[1] + CAPTION), "white")
    for i, cell in enumerate(pair):
        row.paste(PIL.Image.fromarray(cell), (i * (CELL[0] + 8), 0))
    font = PIL.ImageFont.load_default(size=14)
    words = f"{sample.kind}: {sample.title}   ·   {sample.author}, {sample.licence}".replace("–", "-")
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
    main()
