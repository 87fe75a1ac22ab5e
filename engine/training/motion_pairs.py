"""Two pictures and the flow between them, from videos or made of single photos, in one form."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.paths import data_dir
from engine.settings import setting
from engine.training.pairs import DragBatch, PairGenerator
from engine.training.photos import open_photos, working_side
from engine.training.stage import Batches, DrawnBatches, TrainingSettings
from engine.training.video import Clip, ClipSettings, open_clips

_DILATION = 15  # pixels along a side of the square by which what is in front grows
_HELD_OUT_SEED = 20261121


@dataclass(frozen=True, kw_only=True, eq=False)
class MotionBatch:
    """b pairs of h × w pixels, on one device.

    Args:
        source, target: (b, 3, h, w) float32 sRGB, 0 to 1.
        condition: as `source`, but with the target's background: between two frames of a video, light and
            camera change behind the subject too, and no drag asks for that (InstantDrag's background
            consistency).
        flow: (b, 2, h, w) float32, how far x, y in pixels what is seen at a source pixel moves.
        front: (b, 1, h, w) bool, what is in front in the source.
    """

    source: Tensor
    target: Tensor
    condition: Tensor
    flow: Tensor
    front: Tensor


class MotionPairs(Protocol):
    """A source of pairs."""

    def batches(self, size: int, seed: int) -> Batches[MotionBatch]:
        """Endless batches of `size` pairs to train with."""
        ...

    def held_out(self, size: int) -> MotionBatch | None:
        """The same pairs each time, which are never trained with; None where there are too few for that."""
        ...


@dataclass(frozen=True, kw_only=True)
class MotionSettings(TrainingSettings):
    """What a stage that learns from pairs of pictures can be told."""

    source: Literal["video", "photos"] = setting(
        "video", help="What --data holds: clips, or photos in which motion is made up"
    )
    size: int = setting(256, 64, 1024, 64, help="Side of the square pictures, in pixels")
    gap: int = setting(8, 1, 100, help="Frames between the two pictures of a pair, at most")
    pairs: int = setting(200, 1, 100_000, help="Pairs of a clip, at most")
    segmentation: str = setting("", help="Folder with CLIP/FRAME.png, white in front; empty to go by motion")
    flows: str = setting("", help="Folder with CLIP/FRAME.flo or .npy; empty to compute the flow")


def open_motion(settings: MotionSettings, data: Path, device: torch.device) -> MotionPairs:
    """The pairs of a folder.

    Args:
        device: of the batches.

    Raises:
        InvalidRequest: the folder does not hold what it should.
        OSError: the cache cannot be written.
    """
    cache = data_dir() / "cache"
    if settings.source == "photos":
        return PhotoPairs(data, settings.size, cache / "photos", device)
    clips = ClipSettings(
        side=settings.size,
        gap=settings.gap,
        pairs=settings.pairs,
        segmentation=Path(settings.segmentation) if settings.segmentation else None,
        flows=Path(settings.flows) if settings.flows else None,
    )
    return VideoPairs(open_clips(data, clips, cache / "clips"), device)


class VideoPairs:
    """Pairs of clips, half of them mirrored."""

    def __init__(self, clips: Sequence[Clip], device: torch.device) -> None:
        self._clips, self._device = clips, device
        self._kept = [(c, i) for c, clip in enumerate(clips) for i in range(clip.kept)]
        self._held_out = [(c, i) for c, clip in enumerate(clips) for i in range(clip.kept, len(clip.source))]

    def batches(self, size: int, seed: int) -> Batches[MotionBatch]:
        def draw(generator: torch.Generator) -> MotionBatch:
            chosen = torch.randint(len(self._kept), (size,), generator=generator)
            mirrored = torch.rand(size, generator=generator) < 0.5
            return _mirrored(self._batch([self._kept[i] for i in chosen.tolist()]), mirrored.to(self._device))

        return DrawnBatches(draw, torch.Generator().manual_seed(seed))

    def held_out(self, size: int) -> MotionBatch | None:
        every = max(1, len(self._held_out) // size)
        chosen = self._held_out[::every][:size]
        return self._batch(chosen) if chosen else None

    def _batch(self, places: Sequence[tuple[int, int]]) -> MotionBatch:
        def stack(name: str) -> NDArray[np.generic]:
            return np.stack([getattr(self._clips[c], name)[i] for c, i in places])

        source, target = (self._colours(stack(name)) for name in ("source", "target"))
        fronts = torch.from_numpy(stack("front")).to(self._device)  # (b, 2, s, s)
        flow = torch.from_numpy(stack("flow").astype(np.float32)).permute(0, 3, 1, 2).to(self._device)
        condition = torch.where(dilated(fronts.any(1, keepdim=True), _DILATION), source, target)
        return MotionBatch(source=source, target=target, condition=condition, flow=flow, front=fronts[:, :1])

    def _colours(self, values: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values).to(self._device).permute(0, 3, 1, 2).float() / 255


class PhotoPairs:
    """Synthetic pairs (see `pairs.py`): behind what moves, source and target are the same."""

    def __init__(self, photos: Path, side: int, cache: Path, device: torch.device) -> None:
        self._place, self._side, self._cache, self._device = photos, side, cache, device
        self._photos = open_photos(photos, working_side(side), cache, held_out=False)

    def batches(self, size: int, seed: int) -> Batches[MotionBatch]:
        pairs = PairGenerator(self._photos, self._side, seed, self._device)
        return DrawnBatches(lambda generator: _of_drags(pairs(size)), pairs.generator)

    def held_out(self, size: int) -> MotionBatch:
        photos = open_photos(self._place, working_side(self._side), self._cache, held_out=True)
        return _of_drags(PairGenerator(photos, self._side, _HELD_OUT_SEED, self._device)(size))


def dilated(mask: Tensor, side: int) -> Tensor:
    """A mask (b, 1, h, w) bool grown by a square of `side` pixels, an odd number."""
    return torch.nn.functional.max_pool2d(mask.float(), side, 1, side // 2) > 0


def salient_points(images: Tensor, most: int) -> Tensor:
    """Corners that can be told from their surroundings (Shi, Tomasi: Good Features to Track, 1994).

    Args:
        images: (b, 3, h, w), 0 to 1.
        most: of them in an image.

    Returns:
        (b, 1, h, w) bool, on the device of `images`.
    """
    grey = (images.mean(1) * 255).round().to(torch.uint8).cpu().numpy()  # (b, h, w)
    found = torch.zeros(len(images), 1, *images.shape[-2:], dtype=torch.bool)
    for number, image in enumerate(grey):
        corners = cv2.goodFeaturesToTrack(image, most, 0.01, 5)
        for x, y in np.empty((0, 2)) if corners is None else np.reshape(corners, (-1, 2)):
            found[number, 0, int(y), int(x)] = True
    return found.to(images.device)


def _of_drags(drags: DragBatch) -> MotionBatch:
    return MotionBatch(
        source=drags.source,
        target=drags.target,
        condition=drags.source,
        flow=drags.flow,
        front=drags.region > 0.5,
    )


def _mirrored(batch: MotionBatch, which: Tensor) -> MotionBatch:
    """The batch with some of its pairs (b, bool) flipped left to right."""

    def flip(values: Tensor) -> Tensor:
        return torch.where(which.view(-1, 1, 1, 1), values.flip(-1), values)

    turned = batch.flow * torch.where(which, -1.0, 1.0).view(-1, 1, 1, 1)
    flow = torch.cat([turned[:, :1], batch.flow[:, 1:]], dim=1)
    return MotionBatch(
        source=flip(batch.source),
        target=flip(batch.target),
        condition=flip(batch.condition),
        flow=flip(flow),
        front=flip(batch.front),
    )
