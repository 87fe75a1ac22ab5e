"""Makes one small tar file of training photos, for a machine that a large collection cannot be brought to.

    python packaging/carry_photos.py PHOTOS OUT.tar [--side N] [--megabytes N]

`pliant train … --data OUT.tar` trains on it. Photos keep their aspect; their shorter side becomes N pixels.
"""

import argparse
import csv
import io
import sys
import tarfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import PIL.Image

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from engine.training.captions import captions  # noqa: E402
from engine.training.photo_source import MANIFEST, PhotoSource, Picture, ahead, upright  # noqa: E402

QUALITY = 70  # of WebP


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--side", type=int, default=168, help="pixels of the shorter side, 168")
    parser.add_argument("--megabytes", type=float, default=40, help="the most that the file may have, 40")
    options = parser.parse_args(arguments)
    unfinished = options.out.with_suffix(".part")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    try:
        count = carry(PhotoSource(options.photos), unfinished, options.side)
        size = unfinished.stat().st_size / 1e6
        if size > options.megabytes:
            fitting = max(16, int(options.side * (options.megabytes / size) ** 0.5) // 8 * 8)
            raise SystemExit(
                f"{count} photos of {options.side} pixels take {size:.1f} MB, and {options.megabytes:g} are "
                f"the most; try --side {fitting}."
            )
        unfinished.replace(options.out)
    finally:
        unfinished.unlink(missing_ok=True)
    print(f"{options.out}: {count} photos, {size:.1f} MB")


def carry(source: PhotoSource, out: Path, side: int) -> int:
    """Write the manifest and all photos, made small; returns how many."""
    told = captions(source)  # of files beside the pictures, where there is no manifest
    rows = source.rows or [
        {**picture._asdict(), "caption": told[picture.file]} for picture in source.pictures
    ]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    with tarfile.open(out, "w") as archive, ThreadPoolExecutor() as pool:
        _add(archive, MANIFEST, table.getvalue().encode())
        for name, content in ahead(pool, lambda given: _small(*given, side), source.read(source.pictures)):
            _add(archive, name, content)
    return len(source.pictures)


def _small(picture: Picture, content: bytes, side: int) -> tuple[str, bytes]:
    photo = upright(content, picture.file)
    scale = min(1.0, side / min(photo.size))
    size = round(photo.width * scale), round(photo.height * scale)
    encoded = io.BytesIO()
    photo.resize(size, PIL.Image.Resampling.LANCZOS).save(encoded, "WEBP", quality=QUALITY, method=4)
    return picture.file, encoded.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


if __name__ == "__main__":
    main()
