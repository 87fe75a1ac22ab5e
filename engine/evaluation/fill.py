"""`pliant bench fill`: how well holes are filled that drags leave in held-out photos.

The photos are of the folder that PLIANT_PHOTOS names. Every installed pack with a network of the kind `fill`
has its own rows.
"""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from engine.edit import Image, Mask
from engine.errors import InvalidRequest, ModelMissing
from engine.evaluation.starter import PHOTOS
from engine.fill import fill
from engine.packs import PackStore
from engine.paths import data_dir
from engine.runtime.components import Components
from engine.runtime.device import resolve_device

if TYPE_CHECKING:
    from torch import Tensor

    from engine.training.fill_stage import HoleBatch

_KIND = "fill"
_SIZE = 256  # pixels along a side
_AT_ONCE = 16  # pictures drawn
_SMALL = 0.1  # of the picture, up to which a hole is small

Fill = Callable[[Image, Mask], Image]


class FillRow(NamedTuple):
    """The figures of one way to fill.

    Args:
        psnr: mean over the pictures, in dB, of what lies in the holes.
        energy: of the differences between neighbours in the holes, as a share of the truth's; 1 is as sharp.
        seconds: mean of one picture of 256².
        pictures: how many.
    """

    name: str
    psnr: float
    energy: float
    seconds: float
    pictures: int

    def __str__(self) -> str:
        figures = f"PSNR {self.psnr:5.2f} dB   gradient energy {self.energy:4.2f} of the truth's"
        return f"{self.name:<44} {figures}   {self.seconds * 1e3:5.0f} ms   ({self.pictures} pictures)"


def run(pictures: int = 64) -> list[FillRow]:
    """Measure on the held-out pictures of the stage that trains the network; takes two minutes.

    Raises:
        InvalidRequest: PLIANT_PHOTOS names no photos.
    """
    folder = os.environ.get(PHOTOS)
    if not folder:
        raise InvalidRequest(f"This measures on photos; set {PHOTOS} to a folder of them and run it again.")
    batch = _held_out(Path(folder), pictures)
    share = batch.hole.mean((1, 2, 3))
    chosen = {"": share > 0, f", holes up to {_SMALL:.0%}": (share > 0) & (share <= _SMALL)}
    rows: list[FillRow] = []
    for name, method in _methods():
        filled, seconds = _filled(method, batch)
        for told, of in chosen.items():
            if of.any():
                rows.append(_row(f"{name}{told}", filled[of], type(batch)(*(t[of] for t in batch)), seconds))
    return rows


def _held_out(folder: Path, pictures: int) -> "HoleBatch":
    """The pictures and their holes, always the same for a folder."""
    import torch  # noqa: PLC0415

    from engine.training.drag_metrics import SEED  # noqa: PLC0415 - loads torch
    from engine.training.fill_stage import HoleBatch, draw_holes  # noqa: PLC0415
    from engine.training.pairs import PairGenerator  # noqa: PLC0415
    from engine.training.photos import open_photos, working_side  # noqa: PLC0415

    cache = data_dir() / "cache" / "photos"
    photos = open_photos(folder, working_side(_SIZE), cache, held_out=True)
    pairs = PairGenerator(photos, _SIZE, SEED)
    drawn = [draw_holes(pairs, min(_AT_ONCE, pictures - n)) for n in range(0, pictures, _AT_ONCE)]
    return HoleBatch(*(torch.cat(tensors) for tensors in zip(*drawn, strict=True)))


def _methods() -> Iterator[tuple[str, Fill]]:
    """The classical ones, and the networks of all packs that can be opened."""
    yield "push-pull", partial(fill, smooth=True)
    yield "Telea", telea
    yield "patches", fill
    from engine.networks.fill import FillNet, fill_by  # noqa: PLC0415 - loads torch

    store = PackStore()
    for name in store.names():
        try:
            pack = store.open(name)
        except ModelMissing:  # it is not there to be measured
            continue
        components = Components(pack=pack, device=resolve_device("auto", networks=True))
        for role, component in pack.components.items():
            if component.kind == _KIND:
                yield f"{pack.title}: {role}", partial(fill_by, components.load(role, FillNet))


def telea(image: Image, unknown: Mask) -> Image:
    """OpenCV's inpainting (Telea 2004)."""
    out = image.copy()
    colours = np.ascontiguousarray(image[..., :3])
    out[..., :3] = cv2.inpaint(colours, (unknown > 0).astype(np.uint8), 5, cv2.INPAINT_TELEA)
    return out


def _filled(method: Fill, batch: "HoleBatch") -> tuple["Tensor", float]:
    """The pictures with their holes filled, like `batch.truth`, and seconds of one."""
    import torch  # noqa: PLC0415

    out, spent = batch.truth.clone(), 0.0
    for i, (truth, hole) in enumerate(zip(batch.truth, batch.hole, strict=True)):
        colours = (truth.permute(1, 2, 0) * 255).round().byte().numpy()
        unknown = np.asarray(hole[0].byte().numpy() * 255)
        image = np.dstack([np.where(unknown[..., None] > 0, 0, colours), np.full_like(unknown, 255)])
        begun = time.perf_counter()
        filled = method(np.asarray(image, np.uint8), unknown)
        spent += time.perf_counter() - begun
        out[i] = torch.from_numpy(np.ascontiguousarray(filled[..., :3])).permute(2, 0, 1) / 255
    return out, spent / len(out)


def _row(name: str, filled: "Tensor", batch: "HoleBatch", seconds: float) -> FillRow:
    from engine.training.fill_stage import gradient_energy, psnr  # noqa: PLC0415

    energy = gradient_energy(filled, batch.hole).sum() / gradient_energy(batch.truth, batch.hole).sum()
    decibels = float(psnr(filled, batch).mean())
    return FillRow(name, round(decibels, 2), round(float(energy), 3), round(seconds, 3), len(filled))
