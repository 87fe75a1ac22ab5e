"""`pliant bench refine`: how far the samples' ready drags come, by a matcher that no method knows.

Beside each method that drags on an installed pack stand the untouched picture and flow warp.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from engine.edit import DragEdit, Image
from engine.engine import Engine
from engine.evaluation.landing import Landing, landings
from engine.evaluation.reconstruction import ReconstructionRow, reconstruction
from engine.photo import open_photo
from engine.sample import Sample, samples

REFINING = ("instant_drag", "good_drag", "drag_diffusion")


class LandingRow(NamedTuple):
    """One method on all drags of the samples.

    Args:
        drags: how many.
        before, after: mean distances of what handles took hold of from the targets, in pixels of a region of
            256².
        halved: for how many drags the distance has at least halved.
        seconds: median of an edit.
        evaluations: mean number of runs of the noise predictor in an edit, each of one picture.
    """

    name: str
    drags: int
    before: float
    after: float
    halved: int
    seconds: float
    evaluations: float

    def __str__(self) -> str:
        landed = f"{self.before:5.1f} → {self.after:5.1f} px   halved {self.halved:2d} of {self.drags}"
        return f"{self.name:<44} {landed}   {self.seconds:6.1f} s   {self.evaluations:6.0f} evaluations"


class Edited(NamedTuple):
    """What became of a request."""

    image: Image
    seconds: float
    evaluations: int


def run(
    chosen: Sequence[Sample] | None = None, methods: Sequence[str] = REFINING
) -> list[LandingRow | ReconstructionRow]:
    """Measure on the samples; takes up to a minute for each of them, method and pack on a CPU."""
    engine = Engine()
    requests = [sample.request(open_photo(sample.picture)) for sample in chosen or samples()]
    rows: list[LandingRow | ReconstructionRow] = [
        _row("untouched", engine, requests, lambda request: Edited(request.image, 0.0, 0)),
        _row("Flow warp", engine, requests, lambda request: _edited(engine, "flow_warp", None, request)),
    ]
    for offer in engine.offers(DragEdit):
        if offer.method in methods:
            name = f"{engine.method(offer.method).title} · {offer.pack_title}"
            rows.append(_row(name, engine, requests, lambda r, o=offer: _edited(engine, o.method, o.pack, r)))
            if offer.method == "good_drag" and offer.pack is not None:  # after it: the memo is warm now
                rows.append(reconstruction(engine, offer.pack, requests))
    return rows


def _edited(engine: Engine, method: str, pack: str | None, request: DragEdit) -> Edited:
    begun = time.perf_counter()
    result = engine.edit(method, engine.prepare(method, request, pack), pack=pack)
    seconds = time.perf_counter() - begun
    return Edited(result.image, seconds, sum(result.evaluations.values()))


def _row(
    name: str, engine: Engine, requests: Sequence[DragEdit], edit: Callable[[DragEdit], Edited]
) -> LandingRow:
    found: list[Landing] = []
    edits: list[Edited] = []
    for request in requests:
        region = engine.plan(engine.complete(request)).crop
        edits.append(edit(request))
        found += landings(request, edits[-1].image, region)
    return LandingRow(
        name,
        drags=len(found),
        before=round(float(np.mean([landing.before for landing in found])), 2),
        after=round(float(np.mean([landing.after for landing in found])), 2),
        halved=sum(landing.halved for landing in found),
        seconds=round(float(np.median([edited.seconds for edited in edits])), 2),
        evaluations=round(float(np.mean([edited.evaluations for edited in edits])), 1),
    )
