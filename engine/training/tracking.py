"""How well points are tracked by the features of a noise predictor, as dragging methods track handles.

Pan et al.: Drag Your GAN (2023), equation 4: the point whose feature is nearest, by L1, in a window around
the handle. Shi et al.: DragDiffusion (2023) takes features of a decoder block, bilinearly enlarged, at one
timestep.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from engine.diffusion.ddim import Ddim, invert
from engine.diffusion.features import features_alone
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.progress import Progress
from engine.training.drag_metrics import SEED
from engine.training.pairs import DragBatch, PairGenerator
from engine.training.photos import Photos

SIZE = 256  # side of the pairs, in pixels
NEAR, FAR = 12, 64  # pixels along each axis: DragGAN's window, and one that nearly all points stay within
TIMESTEP = 0.4  # share of the schedule at which features are taken
BLOCK = -1  # of the decoder: the last tracks best in our own; DragDiffusion takes the last but one
INVERSION = 20  # steps of the whole schedule
PATCH = 5  # pixels: side of the patches of colours that features are compared with

_AT_ONCE = 8  # pairs

Featured = Callable[[Tensor], Tensor]  # pictures (b, 3, h, w) from 0 to 1 → (b, c, h', w')


class Tracking(NamedTuple):
    """The mean distance in pixels of points from where they truly are.

    Args:
        near: sought within 12 pixels of where they were 12 pixels before, as between the updates of a drag.
        far: sought within 64 pixels of where they were in the first picture.
    """

    near: float
    far: float


def tracking_pairs(photos: Photos, pairs: int, size: int = SIZE) -> DragBatch:
    """Always the same pairs of the same held-out photos, whose side is `working_side(size)`, on the CPU."""
    generator = PairGenerator(photos, size, SEED)
    return DragBatch.joined([generator(min(_AT_ONCE, pairs - at)) for at in range(0, pairs, _AT_ONCE)])


def colours(pictures: Tensor) -> Tensor:
    """Patches of colours as features: what tracking needs no network for."""
    padded = F.pad(pictures, (PATCH // 2,) * 4, mode="reflect")
    return F.unfold(padded, PATCH).unflatten(-1, pictures.shape[-2:])


def diffusion_features(
    diffusion: LatentDiffusion,
    prompt: Tensor,
    schedule: Mapping[str, object],
    timestep: float = TIMESTEP,
    block: int = BLOCK,
) -> Featured:
    """What a decoder block makes of pictures whose latents are inverted up to a timestep, without gradients.

    Args:
        prompt: (1, tokens, features), of the empty text.
        schedule: configuration of the scheduler that the noise predictor was trained with.
        timestep: 0 to 1, as a share of the schedule.
    """
    ddim = Ddim(schedule, INVERSION)
    depth = ddim.depth(timestep)
    time = torch.tensor(ddim.timesteps[-depth])

    @torch.no_grad()
    def featured(pictures: Tensor) -> Tensor:
        latents = diffusion.encode(pictures * 2 - 1)
        noisy = invert(diffusion, latents, prompt, ddim, depth, Progress())[-1]
        return features_alone(diffusion, noisy, time, prompt, block)

    return featured


def made_by(unet: nn.Module, block: int, run: Callable[[], object]) -> Tensor:
    """What `run` makes a decoder block return, float32."""
    made = list[Tensor]()
    blocks: Any = unet.up_blocks
    hook = blocks[block].register_forward_hook(lambda module, inputs, output: made.append(output.float()))
    try:
        run()
    finally:
        hook.remove()
    return torch.cat(made)  # large ones are run one by one


def measure_tracking(featured: Featured, pairs: DragBatch, device: torch.device | str) -> Tracking:
    """Track every handle of the pairs from the picture before the drag to the one after."""
    errors = list[Tensor]()
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[slice(start, start + _AT_ONCE)]
        size = part.source.shape[-1]
        before, after = (featured(picture.to(device)) for picture in (part.source, part.target))
        for i, number in enumerate(part.count.tolist()):
            handles, targets = part.handles[i, :number].to(device), part.targets[i, :number].to(device)
            maps = enlarged(before[i], size), enlarged(after[i], size)
            found = [track(*maps, handles, last_seen(handles, targets, r), r) for r in (NEAR, FAR)]
            errors.append((torch.stack(found) - targets).norm(dim=-1).cpu())
    return _summary(torch.cat(errors, 1))


def resting(pairs: DragBatch) -> Tracking:
    """What it costs not to track at all."""
    there = torch.arange(int(pairs.count.max())) < pairs.count[:, None]
    handles, targets = (points[:, : there.shape[1]][there] for points in (pairs.handles, pairs.targets))
    return _summary(torch.stack([last_seen(handles, targets, r) - targets for r in (NEAR, FAR)]).norm(dim=-1))


def _summary(errors: Tensor) -> Tracking:
    return Tracking(*errors.double().mean(1).tolist())


def last_seen(handles: Tensor, targets: Tensor, radius: int) -> Tensor:
    """Where points (n, 2) were on their straight way when it first led no further than the window."""
    way = targets - handles
    return targets - way * ((radius - 1) / way.abs().amax(1, keepdim=True)).clamp(max=1)


def enlarged(features: Tensor, size: int) -> Tensor:
    """Features (c, h', w') bilinearly at every pixel of a square picture, (c, size, size)."""
    return F.interpolate(features[None], (size, size), mode="bilinear")[0]


def track(before: Tensor, after: Tensor, handles: Tensor, around: Tensor, radius: int) -> Tensor:
    """Where handles are in another picture.

    Args:
        before, after: a feature for each pixel (c, h, w) of two pictures.
        handles: (n, 2) pixels x, y in the first.
        around: (n, 2) pixels in the second, the middles of the windows.
        radius: of the window, whose side is 2·radius + 1 pixels; it ends at the picture's edge.

    Returns:
        (n, 2) centres of pixels.
    """
    height, width = after.shape[-2:]
    found = list[Tensor]()
    for middle, sought in zip(around, _sampled(before, handles), strict=True):
        x, y = (int(value) for value in middle.tolist())
        x0, y0 = max(0, x - radius), max(0, y - radius)
        window = after[:, y0 : min(height, y + radius + 1), x0 : min(width, x + radius + 1)]
        nearest = int((window - sought[:, None, None]).abs().sum(0).argmin())
        row, column = divmod(nearest, window.shape[-1])
        found.append(middle.new_tensor([x0 + column + 0.5, y0 + row + 0.5]))
    return torch.stack(found)


def _sampled(features: Tensor, places: Tensor) -> Tensor:
    """Features (c, h, w) at places (n, 2) in pixels, (n, c)."""
    grid = places / places.new_tensor(features.shape[:0:-1]) * 2 - 1
    sampled = F.grid_sample(features[None], grid[None, None], padding_mode="border", align_corners=False)
    return sampled[0, :, 0].T
