"""Alternating drag and denoising: the picture is dragged a little before each of the first denoising steps.

Zhang et al.: GoodDrag (2024), sections 3.2 and 3.3, algorithm 1.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from engine.diffusion.attention import mutual_self_attention, start_layer
from engine.diffusion.ddim import Ddim
from engine.diffusion.drag_task import DragTask, Seen, Show
from engine.diffusion.features import Features, features_alone, noise_and_features
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.optimize import Descent, mixed_precision, sparing_memory
from engine.diffusion.points import arrived, mask_regularisation, motion_supervision, point_tracking
from engine.methods.good_drag.settings import GoodDragSettings
from engine.progress import Progress


class Reference(NamedTuple):
    """The unedited picture at a timestep.

    Args:
        latents: (1, c, h, w).
        noise: predicted from them.
        features: made on the way.
    """

    latents: Tensor
    noise: Tensor
    features: Features


class AlternatingDrag:
    """One edit of one picture.

    Args:
        diffusion: the network, which knows the picture.
        embedding: (1, tokens, features).
        refer: gives the noise and the features of unedited latents (1, c, h, w) at a timestep.
        show: takes clean latents as far as they can be told yet, edited and unedited, and the handles; while
            it drags, by the noise that was told before an update, or by that of the unedited.
    """

    def __init__(
        self,
        diffusion: LatentDiffusion,
        embedding: Tensor,
        schedule: Ddim,
        task: DragTask,
        settings: GoodDragSettings,
        *,
        refer: Callable[[Tensor, int], tuple[Tensor, Tensor]],
        show: Show = lambda edited, unedited, handles: None,
    ) -> None:
        self._diffusion, self._embedding, self._schedule = diffusion, embedding, schedule
        self._task, self._settings = task, settings
        self._refer, self._show = refer, show
        self._guarded = settings.mask_weight > 0 and not bool(task.mask.all())
        self._descent = Descent.of_latents(diffusion)
        self._unchanged = 0  # trackings on end that found every handle where it was
        self._finished = False
        self.handles = task.handles

    @torch.no_grad()
    def run(self, progress: Progress) -> tuple[Tensor, Tensor]:
        """The finished latents, edited and unedited, each (1, c, h, w); `handles` are where they got.

        As published, these are where the last update found them, not where it left them.

        Raises:
            Cancelled: the user asked to stop.
        """
        settings = self._settings
        times = self._schedule.timesteps[-self._schedule.depth(settings.inversion_strength) :]
        dragged, each = times[: settings.drag_steps], settings.trackings
        rounds = len(dragged) * each
        if not settings.alternating:
            dragged, each = dragged[:1], rounds
        unedited = edited = self._task.noisy
        turns = progress.track("Drag", range(rounds))
        with sparing_memory(self._diffusion, edited):
            for t in dragged:
                if self._finished or self._stuck:
                    break
                reference = self._reference(unedited, t)
                edited = self._drag(edited, t, reference, islice(turns, each))
                edited = self._schedule.step(self._predict(edited, t), t, edited)
                unedited = self._schedule.step(reference.noise, t, unedited)
                times = times[1:]
        for _ in turns:  # those that were not needed count as done
            pass
        return self._denoise(edited, unedited, times, progress)

    def _drag(self, edited: Tensor, t: int, reference: Reference, turns: Iterable[int]) -> Tensor:
        """Motion supervision and point tracking in turns, until all handles have arrived or none moves."""
        latents = edited.clone().requires_grad_()
        optimizer = torch.optim.Adam([latents], self._settings.learning_rate)
        seen, fresh = self._seen(latents, t), True
        # The denoising step before has moved what lies under the handles.
        self.handles = self._tracked(seen, reference)
        for _ in turns:
            if self._stuck or arrived(self.handles, self._task.targets):
                self._finished = True
                break
            for _ in range(self._settings.updates):
                seen = seen if fresh else self._seen(latents, t)
                fresh = False
                if self._update(optimizer, seen, reference, latents, t) <= 0:
                    break
            found = self._tracked(seen, reference)
            self._unchanged = self._unchanged + 1 if torch.equal(found, self.handles) else 0
            self.handles = found
            noise = reference.noise if seen.noise is None else seen.noise
            self._look(noise, t, latents, reference)
        return latents.detach()

    def _update(
        self, optimizer: torch.optim.Optimizer, seen: Seen, reference: Reference, latents: Tensor, t: int
    ) -> float:
        """One update of the latents that `seen` was seen of; the loss of motion supervision."""
        settings, task = self._settings, self._task
        kept = settings.information_preserving
        with torch.enable_grad():
            loss = pulling = motion_supervision(
                seen.features,
                reference.features if kept else seen.features,
                task.handles if kept else self.handles,
                self.handles,
                task.targets,
                radius=settings.patch_radius,
                stride=settings.stride,
                weight=(2 * settings.patch_radius) ** 2,
            )
            if seen.noise is not None:
                moved = self._schedule.step(seen.noise, t, latents)
                original = self._schedule.step(reference.noise, t, reference.latents)
                loss = pulling + settings.mask_weight * mask_regularisation(moved, original, task.mask)
            self._descent.step(optimizer, [loss])
        return float(pulling.detach())

    def _denoise(
        self, edited: Tensor, unedited: Tensor, times: Sequence[int], progress: Progress
    ) -> tuple[Tensor, Tensor]:
        """The rest of the way; the edited picture is painted with what the unedited one shows."""
        unet = self._diffusion.unet
        with mutual_self_attention(unet, start_layer(unet)):
            for t in progress.track("Denoise", times):
                pair = torch.cat([unedited, edited])
                noise = self._predict(pair, t)
                before, after = self._schedule.clean(noise, t, pair).split(1)
                self._show(after, before, self.handles)
                unedited, edited = self._schedule.step(noise, t, pair).split(1)
        return edited, unedited

    @property
    def _stuck(self) -> bool:
        return self._unchanged >= self._settings.early_stop

    def _reference(self, unedited: Tensor, t: int) -> Reference:
        noise, features = self._refer(unedited, t)
        return Reference(unedited, noise, self._on_grid(features))

    def _seen(self, latents: Tensor, t: int) -> Seen:
        """What an update needs of the network; the noise only if there is something to stay in place."""
        given = self._diffusion, latents, torch.tensor(t), self._embedding, self._settings.feature_block
        with torch.enable_grad(), mixed_precision(self._diffusion):
            if not self._guarded:
                return Seen(None, self._on_grid(features_alone(*given)))
            noise, features = noise_and_features(*given)
            return Seen(noise, self._on_grid(features))

    def _tracked(self, seen: Seen, reference: Reference) -> Tensor:
        radius = self._settings.tracking_radius
        return point_tracking(seen.features, reference.features, self._task.handles, self.handles, radius)

    def _predict(self, latents: Tensor, t: int) -> Tensor:
        with mixed_precision(self._diffusion):
            return self._diffusion.predict_noise(
                latents, torch.tensor(t), self._embedding, together=len(latents)
            )

    def _on_grid(self, features: Tensor) -> Features:
        return Features(values=features[0], size=self._task.grid)

    def _look(self, noise: Tensor, t: int, edited: Tensor, reference: Reference) -> None:
        unedited = self._schedule.clean(reference.noise, t, reference.latents)
        self._show(self._schedule.clean(noise, t, edited), unedited, self.handles)
