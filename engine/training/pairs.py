"""Synthetic drags: pairs of pictures before and after one, of which it is known exactly what moved where.

*Paste* lays a thing cut out of one photo over another and moves it: what it uncovers is known. *Cut* moves a
region of a photo across it, *warp* bends a photo around one of its regions like a sheet of rubber. Motions
are a similarity and a few Gaussian bumps (`engine/training/motions.py`).
"""

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from engine.training.motions import Motion, held_together, pixel_centres, sheet_inverse
from engine.training.photos import Photos
from engine.training.scenes import (
    Draws,
    PlacedRegion,
    Shelf,
    moved_thing,
    spread_known,
    toned,
    weights_around,
)

VERSION = 2  # of the pairs that a seed gives: figures are comparable within one version
MOST_POINTS = 8
PASTE, CUT, WARP = range(3)
SHARES = (0.4, 0.3, 0.3)  # of the kinds, in this order

_HALF = 0.5  # of a soft outline


@dataclass(frozen=True, kw_only=True, eq=False)
class DragBatch:
    """Pairs of pictures before and after a drag. Tensors on the generator's device, b pairs of h × w pixels.

    Points are pixels x, y measured from the top-left corner of the top-left pixel, whose centre lies at
    (0.5, 0.5), as in `DragEdit`.

    Args:
        source, target: (b, 3, h, w) float32 sRGB, 0 to 1.
        flow: (b, 2, h, w) float32, how far x, y in pixels what is seen at a source pixel moves.
        region: (b, 1, h, w) float32, 1 where what moves is in the source: the thing, or of a WARP what moves
            by at least half of the motion.
        uncovered: (b, 1, h, w) float32, 1 where nothing of the source arrives in the target.
        handles, targets: (b, 8, 2) float32; targets - handles is the exact flow at the handle.
        count: (b,) int64, how many of the eight are there, 1 to 8; the others are 0.
        mode: (b,) int64, 0 for deform, 1 for move.
        kind: (b,) int64, PASTE, CUT or WARP. What a CUT uncovers in the target is but a smooth guess; in the
            others it is the truth.
    """

    source: Tensor
    target: Tensor
    flow: Tensor
    region: Tensor
    uncovered: Tensor
    handles: Tensor
    targets: Tensor
    count: Tensor
    mode: Tensor
    kind: Tensor

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, index: "Tensor | slice") -> "DragBatch":
        return DragBatch(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    @staticmethod
    def joined(batches: "list[DragBatch]") -> "DragBatch":
        """One batch of all pairs."""
        names = [field.name for field in fields(DragBatch)]
        return DragBatch(**{name: torch.cat([getattr(batch, name) for batch in batches]) for name in names})


class PairGenerator:
    """An endless stream of pairs: the same photos, size, seed and batch sizes give the same pairs.

    All chance is drawn on the CPU, so that a GPU makes the same pairs but for rounding.

    Args:
        photos: of one side of the split.
        size: h = w of the pairs, a multiple of 8 and at most the photos' side.
        seed: of the stream.
        device: on which pairs are made; a GPU holds all photos.

    Attributes:
        generator: what all chance comes from; whoever restores its state gets the same pairs on.

    Raises:
        InvalidRequest: the photos have no region that could move, or nothing but portraits.
    """

    def __init__(self, photos: Photos, size: int, seed: int, device: str | torch.device = "cpu") -> None:
        assert size % 8 == 0, f"pairs of {size} pixels cannot be made, only of multiples of 8"
        assert 0 < size <= photos.side, f"pairs of {size} pixels are larger than the photos"
        self.size, self.device = size, torch.device(device)
        self.generator = torch.Generator().manual_seed(seed)
        self._shelf = Shelf(photos, size, self.device)

    def __call__(self, pairs: int) -> DragBatch:
        """The next batch of `pairs`."""
        draws = Draws(self.generator, self.device)
        kinds = torch.multinomial(torch.tensor(SHARES), pairs, replacement=True, generator=self.generator)
        batches: list[DragBatch] = []
        for kind, make in ((PASTE, self._paste), (CUT, self._cut), (WARP, self._warp)):
            if n := int((kinds == kind).sum()):
                batches.append(make(n, draws))
        order = torch.argsort(torch.argsort(kinds, stable=True)).to(self.device)
        return DragBatch.joined(batches)[order]

    def _paste(self, n: int, draws: Draws) -> DragBatch:
        thing = self._shelf.things(n, draws)
        behind = self._shelf.backgrounds(n, draws)
        motion = moved_thing(thing, self.size, draws)
        return self._over(PASTE, thing, motion, behind, behind, draws)

    def _cut(self, n: int, draws: Draws) -> DragBatch:
        thing = self._shelf.in_place(n, draws, (0.25, 0.7), portraits=False)
        motion = moved_thing(thing, self.size, draws)
        centres = pixel_centres(self.size, self.device)
        source, outline = thing.seen(centres)
        return self._over(CUT, thing, motion, source, spread_known(source, outline), draws)

    def _over(
        self, kind: int, thing: PlacedRegion, motion: Motion, before: Tensor, after: Tensor, draws: Draws
    ) -> DragBatch:
        """A thing moved over what is behind it, as far as that is seen before and after."""
        centres = pixel_centres(self.size, self.device)
        start, outline = thing.seen(centres)
        origins = motion.inverse(self.size)
        end, arrived = thing.seen(origins)
        region = (outline > _HALF).float()
        inside = ((origins > 0) & (origins < self.size)).all(1, keepdim=True)
        lies = arrived > _HALF
        uncovered = ((region > 0) & ~lies) | (lies & ~inside)
        return self._batch(
            kind,
            draws,
            source=torch.lerp(before, start, outline),
            target=torch.lerp(after, end, arrived),
            flow=(motion(centres) - centres) * region,
            region=region,
            uncovered=uncovered.float(),
            held=region,
        )

    def _warp(self, n: int, draws: Draws) -> DragBatch:
        thing = self._shelf.in_place(n, draws, (0.4, 0.8), portraits=True)
        motion = moved_thing(thing, self.size, draws, share=0.6)
        centres = pixel_centres(self.size, self.device)
        source, outline = thing.seen(centres)
        towards = motion(centres) - centres
        weight = weights_around(outline, motion.shift)
        flow = held_together(towards * weight)
        origins = sheet_inverse(flow)
        inside = ((origins > 0) & (origins < self.size)).all(1, keepdim=True)
        return self._batch(
            WARP,
            draws,
            source=source,
            target=thing.seen(origins)[0],
            flow=flow,
            region=(weight > _HALF).float(),
            uncovered=1 - inside.float(),
            held=(weight > 0.8).float(),
        )

    def _batch(self, kind: int, draws: Draws, *, held: Tensor, **pictures: Tensor) -> DragBatch:
        n = len(held)
        tones = toned(n, draws)
        handles, targets, count = _points(held, pictures["flow"], draws)
        pictures["source"], pictures["target"] = tones(pictures["source"]), tones(pictures["target"])
        kinds = torch.full((n,), kind, device=self.device)
        return DragBatch(
            **pictures,
            handles=handles,
            targets=targets,
            count=count,
            mode=(kinds != WARP).long(),
            kind=kinds,
        )


def _points(held: Tensor, flow: Tensor, draws: Draws) -> tuple[Tensor, Tensor, Tensor]:
    """Handles (b, 8, 2) at pixels of `held` (b, 1, h, w) that stay in the picture, targets, and number."""
    n, _, height, width = held.shape
    ends = pixel_centres(width, held.device) + flow
    stays = ((ends > 0) & (ends < width)).all(1, keepdim=True)
    wanted = (held * stays).flatten(1)
    reached = wanted.cumsum(1)
    drawn = draws.uniform(n, MOST_POINTS) * reached[:, -1:]
    places = torch.searchsorted(reached, drawn, right=True).clamp(max=height * width - 1)
    corner = torch.stack([places % width, places // width], -1)
    moved = torch.gather(flow.flatten(2), 2, places[:, None].expand(-1, 2, -1)).transpose(1, 2)
    count = 1 + (MOST_POINTS * draws.uniform(n)).long().clamp(max=MOST_POINTS - 1)
    there = (torch.arange(MOST_POINTS, device=held.device) < count[:, None])[..., None]
    handles = (corner + 0.5) * there
    return handles, (handles + moved) * there, count
