"""Makes docs/fill.jpg: holes that things lifted off the sample pictures leave, and what fills them."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from engine import Image, open_photo, samples  # noqa: E402
from engine.edit import Mask  # noqa: E402
from engine.evaluation.fill import telea  # noqa: E402
from engine.fill import fill  # noqa: E402
from engine.lift import left_behind  # noqa: E402
from engine.region import plan  # noqa: E402
from engine.subject import with_subject  # noqa: E402

SHOWN = {
    "mars_rover": "rocks pile up behind what is left of the rover",
    "mountain_lake": "a new ridge",
    "osprey": "twigs and blurred background, each as sharp as around; feathers end in wisps",
    "otters": "ripples",
    "girl_with_pearl_earring": "the canvas goes on; a faint stain, the collar's line is not quite straight",
    "spices": "neighbouring heaps mix in the middle",
    "city_night": "the towers go on into the sky, thinned out",
    "canyon_wren": "bad: the post goes on, but its right side is blurred and frayed",
    "dogs_at_window": "bad: more hole than surroundings; the frame in steps",
}
HEADINGS = ("hole", "push-pull", "Telea", "patches")
CELL = (300, 225)
CAPTION = 22


def main() -> None:
    font = PIL.ImageFont.load_default(size=13)
    rows = list(_lifted())
    width, height = len(HEADINGS) * (CELL[0] + 4), CAPTION + len(rows) * (CELL[1] + CAPTION)
    sheet = PIL.Image.new("RGB", (width, height), "white")
    draw = PIL.ImageDraw.Draw(sheet)
    for i, heading in enumerate(HEADINGS):
        draw.text((i * (CELL[0] + 4) + 4, 4), heading, fill="#333", font=font)
    for j, (words, image, unknown) in enumerate(rows):
        top = CAPTION + j * (CELL[1] + CAPTION)
        for i, cell in enumerate(_cells(image, unknown)):
            sheet.paste(PIL.Image.fromarray(cell), (i * (CELL[0] + 4), top))
        draw.text((4, top + CELL[1] + 3), words, fill="#333", font=font)
    sheet.save(REPOSITORY / "docs" / "fill.jpg", quality=84, optimize=True)


def _lifted() -> Iterator[tuple[str, Image, Mask]]:
    chosen = {sample.name: sample for sample in samples()}
    for name, words in SHOWN.items():
        sample = chosen[name]
        mask = {} if sample.subject else {"mask": None}
        asked = sample.request(open_photo(sample.picture))
        request = with_subject(dataclasses.replace(asked, motion="move", **mask))
        cut = plan(request).cut(request)
        unknown = left_behind(cut)
        assert unknown is not None
        credit = f"{sample.author}, {sample.licence}".replace("–", "-")
        yield f"{words}   ·   {credit}", cut.image, unknown


def _cells(image: Image, unknown: Mask) -> Iterator[Image]:
    hole = np.where(unknown[..., None] > 0, np.array([255, 0, 255, 255], np.uint8), image)
    window = _window(unknown)
    for picture in (hole, fill(image, unknown, smooth=True), telea(image, unknown), fill(image, unknown)):
        part = np.ascontiguousarray(picture[window][..., :3])
        way = cv2.INTER_AREA if part.shape[0] > CELL[1] else cv2.INTER_CUBIC
        yield np.asarray(cv2.resize(part, CELL, interpolation=way), np.uint8)


def _window(unknown: Mask) -> tuple[slice, slice]:
    """The surroundings of the hole that have the cell's shape."""
    height, width = unknown.shape
    y, x = np.nonzero(unknown)
    w = max(1.6 * np.ptp(x), 1.6 * np.ptp(y) * CELL[0] / CELL[1], 96)
    w = min(w, width, height * CELL[0] / CELL[1])
    h = w * CELL[1] / CELL[0]
    left = int(np.clip((x.min() + x.max() - w) / 2, 0, width - w))
    top = int(np.clip((y.min() + y.max() - h) / 2, 0, height - h))
    return np.s_[top : top + int(h), left : left + int(w)]


if __name__ == "__main__":
    main()
