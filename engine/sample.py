"""The sample pictures, each with a ready drag that shows something attractive."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.edit import DragEdit, Motion, Point, PointPair
from engine.errors import EngineError
from engine.paths import resource_dir
from engine.photo import Photo, open_mask


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A picture with its licence, and what to do with it.

    Args:
        name: the file's name without its ending.
        title: what the ready drag does, in English.
        kind: what it shows: move, rotate, scale, remove or create.
        picture: the file.
        author, licence, source: of the picture.
        points, pins, motion, mask, subject: the ready drag, as in `DragEdit`; mask and subject are files.
    """

    name: str
    title: str
    kind: str
    picture: Path
    author: str
    licence: str
    source: str
    points: tuple[PointPair, ...]
    pins: tuple[Point, ...]
    motion: Motion
    mask: Path | None
    subject: Path | None

    def request(self, photo: Photo) -> DragEdit:
        """The ready drag for the opened picture.

        Raises:
            InvalidRequest: the mask or the subject cannot be read.
        """
        return DragEdit(
            image=photo.pixels,
            profile=photo.profile,
            mask=None if self.mask is None else open_mask(self.mask, "mask"),
            subject=None if self.subject is None else open_mask(self.subject, "subject"),
            points=self.points,
            pins=self.pins,
            motion=self.motion,
        )


def samples() -> tuple[Sample, ...]:
    """All samples, in the order of their names.

    Raises:
        EngineError: the installation lacks its resources, or what is written about them.
    """
    folder = resource_dir() / "samples"
    try:
        with (folder / "LICENSES.csv").open(encoding="utf-8", newline="") as table:
            licences = {row["file"]: row for row in csv.DictReader(table)}
        return tuple(_sample(path, licences) for path in sorted(folder.glob("*.json")))
    except (OSError, LookupError, ValueError, TypeError, csv.Error) as error:
        raise EngineError("Pliant's sample pictures are incomplete. Please install Pliant again.") from error


def _sample(path: Path, licences: dict[str, dict[str, str]]) -> Sample:
    drag: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    licence = licences[drag["picture"]]
    masks = {name: path.parent / drag[name] if name in drag else None for name in ("mask", "subject")}
    return Sample(
        name=path.stem,
        title=drag["title"],
        kind=drag["kind"],
        picture=path.parent / drag["picture"],
        author=licence["author"],
        licence=licence["licence"],
        source=f"{licence['source']}, {licence['path']}",
        points=tuple(PointPair(Point(*ends[:2]), Point(*ends[2:])) for ends in drag["drags"]),
        pins=tuple(Point(*pin) for pin in drag.get("pins", ())),
        motion=drag["motion"],
        mask=masks["mask"],
        subject=masks["subject"],
    )
