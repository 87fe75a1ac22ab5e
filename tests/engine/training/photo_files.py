"""Pictures of discs on patterned ground, as files: what the tests train and measure on."""

import csv
import io
import tarfile
from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from engine.training.photo_source import MANIFEST
from engine.training.photos import Photos, is_held_out
from engine.training.proposals import propose

SIDE = 96


def scene(seed, side=SIDE):
    """(side, side, 3) uint8 with a disc in it, and the disc (side, side) bool."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(20, 110, (6, 6, 3))
    picture = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    x, y = random.uniform(0.38, 0.62, 2) * side
    y_at, x_at = np.indices((side, side)) + 0.5
    disc = np.hypot(x_at - x, y_at - y) < random.uniform(0.16, 0.25) * side
    texture = cv2.resize(random.uniform(-15, 15, (12, 12, 3)), (side, side), interpolation=cv2.INTER_CUBIC)
    picture[disc] = (random.uniform(170, 235, 3) + texture)[disc]
    return picture.clip(0, 255).astype(np.uint8), disc


def photos_of(pictures, families):
    """Photos as `open_photos` gives them, from arrays."""
    proposals = [propose(picture) for picture in pictures]
    return Photos(
        pixels=np.stack(pictures),
        regions=np.stack([p.bits for p in proposals]),
        boxes=np.stack([p.boxes for p in proposals]),
        weights=np.stack([p.weights for p in proposals]),
        families=tuple(families),
    )


def names(number, *, held_out):
    """Names of files on one side of the split."""
    found = []
    while len(found) < number:
        name = f"{'held' if held_out else 'train'}{len(found)}"
        for i in range(1000):
            if is_held_out(path := f"{name}-{i}.png") == held_out:
                found.append(path)
                break
    return found


def write_folder(folder: Path, families=("a", "b"), number=6, side=SIDE):
    """`number` pictures a family on each side of the split."""
    seed = 0
    for family in families:
        (folder / family).mkdir(parents=True)
        written = {True: 0, False: 0}
        while min(written.values()) < number:
            seed += 1
            name = f"{family}/{seed}.png"
            held_out = is_held_out(name)
            if written[held_out] < number:
                written[held_out] += 1
                PIL.Image.fromarray(scene(seed, side)[0]).save(folder / name)
    return folder


def write_shards(folder: Path, rows, shards=2, side=SIDE, *, manifest_inside=False):
    """Tar files with the pictures that rows of (file, path, family) list, and the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["file", "source", "path", "family"])
    writer.writerows([file, "here", path, family] for file, path, family in rows)
    for shard in range(shards):
        with tarfile.open(folder / f"photos-{shard}.tar", "w") as archive:
            for seed, (file, _, _) in list(enumerate(rows))[shard::shards]:
                content = io.BytesIO()
                PIL.Image.fromarray(scene(seed, side)[0]).save(content, "PNG")
                _add(archive, file, content.getvalue())
            if manifest_inside:
                _add(archive, MANIFEST, table.getvalue().encode())
    if not manifest_inside:
        (folder / MANIFEST).write_text(table.getvalue(), encoding="utf-8")
    return folder


def _add(archive, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
