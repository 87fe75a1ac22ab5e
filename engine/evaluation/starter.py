"""`pliant bench starter`: how well sparse drags become a dense flow, with and without a trained network.

The pairs are made of held-out photos from the folder that PLIANT_PHOTOS names. Every installed pack with a
network of the kind `drag_flow` has its own rows, and every one that denoises pictures those of tracking
and of its autoencoder.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from engine.errors import InvalidRequest, ModelMissing
from engine.evaluation.autoencoder import AutoencoderRow, autoencoder_rows
from engine.evaluation.tracking import TrackingRow, tracking_rows
from engine.packs import PackStore
from engine.paths import data_dir
from engine.runtime.components import Components
from engine.runtime.device import resolve_device

if TYPE_CHECKING:
    from torch import Tensor

    from engine.networks.drag_flow import DragFlow
    from engine.training.drag_metrics import DragTask, Figures, FlowMethod, HeldOut

PHOTOS = "PLIANT_PHOTOS"  # an environment variable
_KIND = "drag_flow"
_TOLD: dict[str, dict[str, bool]] = {
    "": {},
    " + mask": {"editable": True},
    " + subject": {"subject": True},
}


class FlowRow(NamedTuple):
    """The figures of one method on the held-out pairs.

    Args:
        everywhere, moving, background: mean endpoint errors in pixels of a picture of 128².
        iou: of what moves.
        pairs, version: how many pairs, and by which version of their generator.
    """

    name: str
    everywhere: float
    moving: float
    background: float
    iou: float
    pairs: int
    version: int

    def __str__(self) -> str:
        errors = f"all {self.everywhere:6.2f}   moving {self.moving:6.2f}   background {self.background:6.2f}"
        held_out = f"({self.pairs} pairs, version {self.version})"
        return f"{self.name:<44} EPE {errors} px   IoU {self.iou:.2f}   {held_out}"


StarterRow = FlowRow | TrackingRow | AutoencoderRow


def run() -> list[StarterRow]:
    """Measure on the held-out pairs: four minutes, and a tenth of a second for each photo that is new.

    Raises:
        InvalidRequest: PLIANT_PHOTOS names no photos.
    """
    folder = os.environ.get(PHOTOS)
    if not folder:
        raise InvalidRequest(f"This measures on photos; set {PHOTOS} to a folder of them and run it again.")
    from engine.training.drag_metrics import BASELINES, SIZE, held_out, measure  # noqa: PLC0415 - loads torch
    from engine.training.drag_stage import flow_method  # noqa: PLC0415
    from engine.training.photos import open_photos, working_side  # noqa: PLC0415

    cache = data_dir() / "cache" / "photos"
    pairs = held_out(open_photos(Path(folder), working_side(SIZE), cache, held_out=True))
    rows: list[StarterRow] = [
        _row(base.name, measure(base.method, pairs, subject=base.subject, editable=base.editable), pairs)
        for base in BASELINES
    ]
    packs = list(_packs())
    for title, network in _networks(packs):
        method = flow_method(network)
        rows += [
            _row(f"{title}{told}", measure(method, pairs, **flags), pairs) for told, flags in _TOLD.items()
        ]
        outlined = measure(_outlined(network), pairs, subject=True)
        rows.append(_row(f"{title} + subject, outlined", outlined, pairs))
    return [*rows, *tracking_rows(Path(folder), packs), *autoencoder_rows(packs)]


def _packs() -> Iterator[Components]:
    """All packs that are there to be measured."""
    store = PackStore()
    for name in store.names():
        with suppress(ModelMissing):
            yield Components(pack=store.open(name), device=resolve_device("auto", networks=True))


def _networks(packs: list[Components]) -> Iterator[tuple[str, "DragFlow"]]:
    from engine.networks.drag_flow import DragFlow  # noqa: PLC0415

    for pack in packs:
        assert pack.pack is not None, "they come from the store"
        for role, component in pack.pack.components.items():
            if component.kind == _KIND:
                yield f"{pack.title}: {role}", pack.load(role, DragFlow)


def _outlined(network: "DragFlow") -> "FlowMethod":
    """The network told a subject, with what moves as a whole ending where its colours do, as in an edit."""
    import torch  # noqa: PLC0415

    from engine.methods.instant_drag.by_colour import by_colour  # noqa: PLC0415

    def flow(task: "DragTask") -> "Tensor":
        assert task.subject is not None, "it is measured with one"
        device = next(network.parameters()).device
        drags = type(task.drags)(*(tensor.to(device) for tensor in task.drags))
        with torch.no_grad():
            answer = network(task.image.to(device), drags, task.subject.to(device), task.move.to(device))
        regions = answer.region.cpu().numpy()
        pictures = (task.image.permute(0, 2, 3, 1) * 255).round().byte().numpy()
        for region, picture, moves in zip(regions[:, 0], pictures, task.move.tolist(), strict=True):
            if moves:
                region[:] = by_colour(region, np.ascontiguousarray(picture)) / np.float32(255)
        return torch.from_numpy(regions) * answer.motion.cpu()

    return flow


def _row(name: str, figures: "Figures", held_out: "HeldOut") -> FlowRow:
    from engine.training.pairs import VERSION  # noqa: PLC0415

    rounded = (round(value, 3) for value in figures)
    return FlowRow(name, *rounded, pairs=len(held_out.pairs), version=VERSION)
