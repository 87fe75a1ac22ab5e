"""Pictures that are made of what is marked: what is shown of them, and how one becomes a layer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from desktop.document import Document, Layer, State, Tiles
from desktop.layer_names import running_name
from engine import DragEdit, EditResult, Engine

Tier = Literal["warp", "fast", "refined"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Finished:
    """A finished picture and what it was made from.

    Args:
        state: of the document.
        request: what the state asked for.
        result: the answer.
        provenance: method, pack and settings, by name.
        title: the method's.
        tier: by what it was made.
    """

    state: State
    request: DragEdit
    result: EditResult
    provenance: Mapping[str, object]
    title: str
    tier: Tier


class Shown(NamedTuple):
    """Which picture lies over the document.

    Args:
        tier: what made it; None where none does.
        title: the method's.
        made: "preview" while it is coarse or unfinished, "awaited" where it is kept once it is finished,
            "partial" where it was stopped, else "finished".
    """

    tier: Tier | None
    title: str = ""
    made: str = "finished"


def kept(engine: Engine, document: Document, finished: Finished, name: str) -> State:
    """The state with the finished picture as a layer above its source, and the drags done with.

    Args:
        engine: plans where the picture has changed.
        document: gives the layer its id.
        finished: what to keep.
        name: of the layer; later ones get a number.
    """
    state, request, answer = finished.state, finished.request, finished.result
    source = state.layer(state.active)
    region = engine.plan(engine.complete(request))
    before, after = request.image[region.box.slices], answer.image[region.box.slices]
    layers = list(state.layers)
    at = state.index(source.id)
    if before[..., 3].min() == 255 and after[..., 3].min() == 255:
        patch = after.copy()
        x, y = region.box.x0 - region.crop.x0, region.box.y0 - region.crop.y0
        patch[region.mask[y : y + region.box.height, x : x + region.box.width] == 0] = 0
        tiles = Tiles.blank(document.size, 4).write(region.box, patch)
    else:  # what has moved away must not be seen any more: all that it was taken from is replaced
        tiles = Tiles.from_array(answer.image)
        layers[: at + 1] = [replace(layer, visible=False) for layer in layers[: at + 1]]
    marked = state.instruction
    marks = {"points": marked.points, "pins": marked.pins, "motion": marked.motion}
    layer = Layer(
        id=document.new_id(),
        name=running_name(name, (layer.name for layer in state.layers)),
        tiles=tiles,
        provenance={**finished.provenance, **marks},
    )
    done = replace(marked, points=(), pins=(), subject=None)
    return State(layers=(*layers[: at + 1], layer, *layers[at + 1 :]), active=layer.id, instruction=done)
