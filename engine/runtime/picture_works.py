"""What a drag needs to know of the picture alone: worked out once, and found in the memo from then on."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.diffusion.ddim import Ddim, invert
from engine.diffusion.features import noise_and_features
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.lora import Lora, LoraSettings, fit_lora
from engine.diffusion.optimize import mixed_precision
from engine.progress import Progress
from engine.runtime.device import free_cached_memory
from engine.runtime.memo import Memo


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture and the network that edits it.

    Args:
        content: what tells it apart in the memo, whatever the networks make of it: that differs by its last
            bits with the number of threads.
        latents: (1, c, h, w), clean.
        embedding: (1, tokens, features) of what it shows.
        lora: how the network learns it; 0 steps for not at all.
        seed: of that.
        memo: of the network.
    """

    content: object
    diffusion: LatentDiffusion
    latents: Tensor
    embedding: Tensor
    lora: LoraSettings
    seed: int
    memo: Memo

    @contextmanager
    def learnt(self, config: Mapping[str, object], progress: Progress) -> Generator[None]:
        """While this lasts, the network knows the picture by a LoRA.

        Args:
            config: of the scheduler that the network was trained with.

        Raises:
            Cancelled: the user asked to stop.
        """
        if not self.lora.steps:
            yield
            return

        def fit() -> Mapping[str, Tensor]:
            generator = torch.Generator().manual_seed(self.seed)
            given = self.diffusion, self.latents, self.embedding, config
            lora = fit_lora(
                *given,
                self.lora,
                generator,
                progress,
                begun=self.memo.find("unfinished lora", self._key),
                keep=lambda state: self.memo.keep("unfinished lora", self._key, state),
            )
            self.memo.drop("unfinished lora", self._key)
            free_cached_memory(self.diffusion.device.type)  # a fit takes more than all that follows
            return lora.tensors

        lora = Lora(tensors=self.memo.get("lora", self._key, fit))
        with lora.attached(self.diffusion.unet):
            yield

    def inverted(self, schedule: Ddim, depth: int, progress: Progress) -> Tensor:
        """The picture's latents at timesteps[-depth]; the network has to know the picture.

        Raises:
            Cancelled: the user asked to stop.
        """

        def make() -> Mapping[str, Tensor]:
            with torch.no_grad(), mixed_precision(self.diffusion):
                path = invert(self.diffusion, self.latents, self.embedding, schedule, depth, progress)
            return {"latents": path[-1]}

        key = self._key, schedule.steps, depth
        return self.memo.get("inversion", key, make)["latents"].to(self.latents)

    def reference(self, latents: Tensor, t: int, block: int) -> tuple[Tensor, Tensor]:
        """The noise and the features of unedited latents at a timestep; see `noise_and_features`."""

        def make() -> Mapping[str, Tensor]:
            with torch.no_grad(), mixed_precision(self.diffusion):
                made = noise_and_features(self.diffusion, latents, torch.tensor(t), self.embedding, block)
            return dict(zip(("noise", "features"), made, strict=True))

        found = self.memo.get("reference", (self._key, latents, t, block), make)
        return found["noise"].to(latents), found["features"].to(latents)

    @property
    def _key(self) -> object:
        learnt = (self.lora, self.seed) if self.lora.steps else None
        return self.content, learnt
