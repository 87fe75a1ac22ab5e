"""How well sparse drags become a dense flow: endpoint errors on held-out pairs, also of simple baselines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.clearance import Clearance
from engine.edit import DragEdit, Point, PointPair
from engine.motion import Points, Similarity, fit_similarity
from engine.networks.drag_motion import Drags
from engine.region import plan
from engine.training.motions import pixel_centres
from engine.training.pairs import DragBatch, PairGenerator
from engine.training.photos import Photos
from engine.training.subjects import coarse_subjects, editable_masks
from engine.warp import FINAL_CELLS, drag_flow

PAIRS, SEED, SIZE = 500, 20261121, 128  # of the held-out set: with VERSION of the pairs, they name it
MOVES = 0.25  # of the longest drag: what moves less counts as resting

_BATCH = 50  # pairs at a time
_LARGE = 8  # pixels of a user's picture per pixel of a pair, along a side
_STIFFNESS = 0.5  # of flow warp, as its settings have it
_PINS = 5  # along each side of the border


class DragTask(NamedTuple):
    """What a method is told of b pairs.

    Args:
        image: (b, 3, h, w) float32, 0 to 1.
        drags: in pixels.
        move: (b,) float32, 1 for a move, 0 for a deformation.
        subject: (b, 1, h, w) float32 0 or 1, what moves as a user would paint it, or None.
        editable: (b, 1, h, w) float32 0 or 1, where the picture may change, or None for everywhere.
    """

    image: Tensor
    drags: Drags
    move: Tensor
    subject: Tensor | None = None
    editable: Tensor | None = None


FlowMethod = Callable[[DragTask], Tensor]  # → (b, 2, h, w) forward flow in pixels


class Figures(NamedTuple):
    """Means over pairs: endpoint errors in pixels, over all pixels, those of the region, and the others; and
    the intersection over union of what moves by more than a quarter of the longest drag."""

    everywhere: float
    moving: float
    background: float
    iou: float


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Pairs to measure with, and what a user might have painted for each.

    Args:
        pairs: n pairs on the CPU.
        subjects: (n, 1, h, w), coarse.
        editable: (n, 1, h, w), where the picture may change.
    """

    pairs: DragBatch
    subjects: Tensor
    editable: Tensor

    def tasks(self, *, subject: bool = False, editable: bool = False) -> Iterator[tuple[DragTask, DragBatch]]:
        """Batches of what a method is told, with or without what was painted, and of what is true."""
        for start in range(0, len(self.pairs), _BATCH):
            part = slice(start, start + _BATCH)
            pairs = self.pairs[part]
            task = DragTask(
                image=pairs.source,
                drags=Drags(pairs.handles, pairs.targets, pairs.count),
                move=pairs.mode.float(),
                subject=self.subjects[part] if subject else None,
                editable=self.editable[part] if editable else None,
            )
            yield task, pairs


def held_out(photos: Photos, pairs: int = PAIRS, size: int = SIZE) -> HeldOut:
    """The held-out pairs of held-out photos; always the same ones of the same photos.

    Args:
        photos: held out, their side `working_side(size)`.
    """
    generator = PairGenerator(photos, size, SEED)
    batches = [generator(min(_BATCH, pairs - start)) for start in range(0, pairs, _BATCH)]
    joined = DragBatch.joined(batches)
    painting = torch.Generator().manual_seed(SEED)
    return HeldOut(
        pairs=joined,
        subjects=coarse_subjects(joined.region, painting),
        editable=editable_masks(joined, painting),
    )


def measure(
    method: FlowMethod, held_out: HeldOut, *, subject: bool = False, editable: bool = False
) -> Figures:
    """The figures of a method that is told the drags, and perhaps what was painted."""
    scores = [
        pair_scores(method(task), pairs) for task, pairs in held_out.tasks(subject=subject, editable=editable)
    ]
    return Figures(*torch.cat(scores).double().mean(0).tolist())


def pair_scores(flow: Tensor, pairs: DragBatch) -> Tensor:
    """(b, 4) of each pair, as `Figures` has them; `flow` (b, 2, h, w) may lie on another device."""
    flow = flow.to(pairs.flow.device).float()
    error = (flow - pairs.flow).norm(dim=1)
    region = pairs.region[:, 0]
    longest = (pairs.targets - pairs.handles).norm(dim=-1).amax(1)
    least = (MOVES * longest)[:, None, None]
    told, true = flow.norm(dim=1) > least, pairs.flow.norm(dim=1) > least
    shared, either = (told & true).sum((1, 2)), (told | true).sum((1, 2))
    return torch.stack(
        [
            error.mean((1, 2)),
            (error * region).sum((1, 2)) / region.sum((1, 2)).clamp(min=1),
            (error * (1 - region)).sum((1, 2)) / (1 - region).sum((1, 2)).clamp(min=1),
            shared / either.clamp(min=1),
        ],
        1,
    )


def zero_flow(task: DragTask) -> Tensor:
    """Nothing moves."""
    return torch.zeros_like(task.image[:, :2])


def gaussian_flow(sigma: float) -> FlowMethod:
    """Drags spread by normalised Gaussian weights, and faded by the largest of them; sigma in pixels."""

    def spread(task: DragTask) -> Tensor:
        handles, vectors = task.drags.handles, task.drags.vectors
        places = pixel_centres(task.image.shape[-1], handles.device)
        away = (places[:, None] - handles[..., None, None]).square().sum(2)  # (b, n, h, w)
        weight = torch.exp(-away / (2 * sigma**2)) * task.drags.present[..., None, None]
        mean = torch.einsum("bnhw,bnc->bchw", weight, vectors) / weight.sum(1, keepdim=True).clamp(min=1e-12)
        return mean * weight.amax(1, keepdim=True)

    return spread


def thin_plate_flow(task: DragTask) -> Tensor:
    """A thin plate through the drags, pinned along the picture's border (Bookstein 1989)."""
    size = task.image.shape[-1]
    line = np.linspace(0, size, _PINS)
    sides = [np.stack([line, np.full(_PINS, end)], 1) for end in (0.0, float(size))]
    pins = np.unique(np.concatenate([*sides, *(side[:, ::-1] for side in sides)]), axis=0)
    places = _centres(size)

    def one(handles: Points, targets: Points) -> NDArray[np.float64]:
        handles, index = np.unique(handles, axis=0, return_index=True)
        knots = np.concatenate([handles, pins])
        moved = np.concatenate([targets[index] - handles, np.zeros_like(pins)])
        n = len(knots)
        system = np.zeros((n + 3, n + 3))
        system[:n, :n] = _plate(knots, knots) + 1e-6 * np.eye(n)  # knots may nearly coincide
        system[:n, n], system[:n, n + 1 :] = 1, knots
        system[n:, :n] = system[:n, n:].T
        weights = np.linalg.solve(system, np.concatenate([moved, np.zeros((3, 2))]))
        return _plate(places, knots) @ weights[:n] + weights[n] + places @ weights[n + 1 :]

    return _each(one, task)


def similarity_flow(task: DragTask) -> Tensor:
    """The least-squares similarity of the drags inside the subject, or everywhere where there is none."""
    places = _centres(task.image.shape[-1])

    def one(handles: Points, targets: Points) -> NDArray[np.float64]:
        motion: Similarity = fit_similarity(handles, targets)
        return motion(places) - places

    flow = _each(one, task)
    return flow if task.subject is None else flow * task.subject


def warp_flow(task: DragTask) -> Tensor:
    """Flow warp: a move of a subject is the similarity of the drags, anything else is bent like a sheet."""
    flows = [
        _lifted(task, i) if task.subject is not None and task.move[i] > 0 else _bent(task, i)
        for i in range(len(task.image))
    ]
    return torch.stack(flows)


def _lifted(task: DragTask, i: int) -> Tensor:
    parts = (part[i : i + 1] for part in (task.drags.handles, task.drags.targets, task.drags.number))
    subject = None if task.subject is None else task.subject[i : i + 1]
    return similarity_flow(DragTask(task.image[i : i + 1], Drags(*parts), task.move, subject))[0]


def _bent(task: DragTask, i: int) -> Tensor:
    """Flow warp in a picture so large that its automatic region is a part of it, as in a user's."""
    size = task.image.shape[-1]
    request = DragEdit(
        image=np.full((_LARGE * size, _LARGE * size, 4), 255, np.uint8),
        mask=None if task.editable is None else _large(task.editable[i]),
        points=tuple(PointPair(handle, target) for handle, target in _pairs(task.drags, i).items()),
        subject=None if task.subject is None else _large(task.subject[i]),
    )
    region = plan(request)
    cut = region.cut(request)
    flow, _ = drag_flow(cut, FINAL_CELLS, _STIFFNESS, Clearance(region.mask))
    x0, y0, x1, y1 = region.crop
    places = _LARGE * _centres(size) - [x0, y0]
    inside = ((places >= 0) & (places <= [x1 - x0, y1 - y0])).all(1, keepdims=True)
    vectors = np.where(inside, flow.at(places) / _LARGE, 0)
    return torch.from_numpy(vectors.reshape(size, size, 2)).permute(2, 0, 1).float()


def _pairs(drags: Drags, i: int) -> dict[Point, Point]:
    """The drags in pixels of a user's picture."""
    n = int(drags.number[i])
    ends = zip(drags.handles[i, :n].tolist(), drags.targets[i, :n].tolist(), strict=True)
    return {Point(_LARGE * x, _LARGE * y): Point(_LARGE * u, _LARGE * v) for (x, y), (u, v) in ends}


def _each(one: Callable[[Points, Points], NDArray[np.float64]], task: DragTask) -> Tensor:
    """`one` of each pair's drags, which returns (h·w, 2) displacements."""
    size, flows = task.image.shape[-1], []
    for i, n in enumerate(task.drags.number.tolist()):
        ends = (points[i, :n].double().numpy() for points in (task.drags.handles, task.drags.targets))
        flows.append(torch.from_numpy(one(*ends).reshape(size, size, 2)).permute(2, 0, 1))
    return torch.stack(flows).float()


def _centres(size: int) -> Points:
    """(size², 2), the pixels' centres."""
    y, x = np.indices((size, size)).reshape(2, -1) + 0.5
    return np.column_stack([x, y])


def _large(mask: Tensor) -> NDArray[np.uint8]:
    return np.kron((mask[0] * 255).to(torch.uint8).numpy(), np.ones((_LARGE, _LARGE), np.uint8))


def _plate(at: Points, knots: Points) -> NDArray[np.float64]:
    """r²·log r between points (m, 2) and (n, 2)."""
    squared = np.square(at[:, None] - knots).sum(-1)
    return 0.5 * squared * np.log(np.maximum(squared, 1e-12))


class Baseline(NamedTuple):
    """A method that needs no training, and whether it is told the subject or where the picture may change."""

    name: str
    method: FlowMethod
    subject: bool = False
    editable: bool = False


BASELINES = (
    Baseline("zero flow", zero_flow),
    *(Baseline(f"Gaussian, σ {sigma} px", gaussian_flow(sigma)) for sigma in (8, 14, 22)),
    Baseline("thin plate, border pinned", thin_plate_flow),
    Baseline("flow warp", warp_flow),
    Baseline("flow warp + mask", warp_flow, editable=True),
    Baseline("flow warp + subject", warp_flow, subject=True),
    Baseline("similarity × subject", similarity_flow, subject=True),
)
