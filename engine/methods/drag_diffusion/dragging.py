"""Optimising the latents of a single timestep: motion supervision and point tracking in turns.

Shi et al.: DragDiffusion (2023), sections 3.2 and 3.4.
"""

from contextlib import nullcontext

import torch
from torch import Tensor

from engine.diffusion.attention import mutual_self_attention, start_layer
from engine.diffusion.ddim import Ddim
from engine.diffusion.drag_task import DragTask, Seen, Show
from engine.diffusion.features import Features
from engine.diffusion.optimize import Descent, sparing_memory
from engine.diffusion.points import arrived, mask_regularisation, motion_supervision, point_tracking
from engine.methods.drag_diffusion.guided import Guided
from engine.methods.drag_diffusion.settings import DragDiffusionSettings
from engine.progress import Progress

_STRIDE = 1.0  # grid pixels that a handle is pulled ahead


class LatentDrag:
    """One edit.

    Args:
        network: knows the picture.
        depth: the task's latents are the picture at timesteps[-depth].
        show: takes clean latents as far as they can be told, edited and unedited, and the handles.

    Attributes:
        handles: (n, 2), where they have got.
    """

    def __init__(
        self,
        network: Guided,
        schedule: Ddim,
        task: DragTask,
        depth: int,
        settings: DragDiffusionSettings,
        show: Show = lambda edited, unedited, handles: None,
    ) -> None:
        self._network, self._schedule, self._task, self._settings = network, schedule, task, settings
        self._show = show
        self._times = schedule.timesteps[-depth:]
        self._guarded = settings.mask_weight > 0 and not bool(task.mask.all())
        self._descent = Descent.of_latents(network.diffusion)
        self.handles = task.handles

    @torch.no_grad()
    def run(self, progress: Progress) -> tuple[Tensor, Tensor]:
        """The finished latents, edited and unedited, each (1, c, h, w); `handles` are where they got.

        Raises:
            Cancelled: the user asked to stop.
        """
        return self._denoise(self._drag(progress), progress)

    def _drag(self, progress: Progress) -> Tensor:
        """The noisy latents (1, c, h, w) with what lies under the handles moved."""
        settings, task = self._settings, self._task
        latents = task.noisy.clone().requires_grad_()
        optimizer = torch.optim.Adam([latents], settings.learning_rate)
        original = None
        turns = progress.track("Drag", range(settings.drag_steps))
        with sparing_memory(self._network.diffusion, latents, self._network.rows):
            for _ in turns:
                seen = self._seen(latents, whole=original is None or self._guarded)
                if original is None:
                    original = seen.detach()
                    if not self._guarded:
                        seen = Seen(None, seen.features)  # lets go of what the noise was made of
                else:
                    self._track(seen.features, original.features)
                    self._look(seen, original, latents)
                if arrived(self.handles, task.targets):
                    break
                with torch.enable_grad():
                    self._descent.step(optimizer, [self._loss(seen, original, latents)])
            else:  # the published code does not track what the last update has moved
                assert original is not None
                last = self._seen(latents.detach(), whole=False)
                self._track(last.features, original.features)
        for _ in turns:  # those that were not needed count as done
            pass
        return latents.detach()

    def _loss(self, seen: Seen, original: Seen, latents: Tensor) -> Tensor:
        settings, task, t = self._settings, self._task, self._times[0]
        kept = settings.information_preserving
        loss = motion_supervision(
            seen.features,
            original.features if kept else seen.features,
            task.handles if kept else self.handles,
            self.handles,
            task.targets,
            radius=settings.patch_radius,
            stride=_STRIDE,
            weight=(2 * settings.patch_radius + 1) ** 2,
        )
        if not self._guarded:
            return loss
        assert seen.noise is not None
        assert original.noise is not None
        moved = self._schedule.step(seen.noise, t, latents)
        unmoved = self._schedule.step(original.noise, t, task.noisy)
        return loss + settings.mask_weight * mask_regularisation(moved, unmoved, task.mask)

    def _denoise(self, edited: Tensor, progress: Progress) -> tuple[Tensor, Tensor]:
        """Both finished; the edited picture is painted with what the unedited one shows."""
        unet, unedited = self._network.diffusion.unet, self._task.noisy
        controlled = self._settings.reference_control
        with mutual_self_attention(unet, start_layer(unet)) if controlled else nullcontext():
            for t in progress.track("Denoise", self._times):
                pair = torch.cat([unedited, edited])
                noise = self._network.noise(pair, t)
                source, shown = self._schedule.clean(noise, t, pair).split(1)
                self._show(shown, source, self.handles)
                unedited, edited = self._schedule.step(noise, t, pair).split(1)
        return edited, unedited

    def _seen(self, latents: Tensor, *, whole: bool) -> Seen:
        """What the network makes of latents where they are dragged, as a whole or as far as the features."""
        t = self._times[0]
        with torch.enable_grad():
            if not whole:
                return Seen(None, self._on_grid(self._network.features(latents, t)))
            noise, features = self._network.noise_and_features(latents, t)
            return Seen(noise, self._on_grid(features))

    def _track(self, features: Features, original: Features) -> None:
        radius = self._settings.tracking_radius
        self.handles = point_tracking(features, original, self._task.handles, self.handles, radius)

    def _on_grid(self, features: Tensor) -> Features:
        return Features(values=features, size=self._task.grid)

    def _look(self, seen: Seen, original: Seen, latents: Tensor) -> None:
        """Show how far it is; where nobody needed the noise, by that of the original."""
        assert original.noise is not None
        noise, t = original.noise if seen.noise is None else seen.noise, self._times[0]
        edited = self._schedule.clean(noise, t, latents)
        self._show(edited, self._schedule.clean(original.noise, t, self._task.noisy), self.handles)
