"""The noise predictor as DragDiffusion asks it, of photos plainly and of generated pictures with guidance."""

from dataclasses import dataclass

import torch
from torch import Tensor

from engine.diffusion.features import features_alone, noise_and_features
from engine.diffusion.guidance import classifier_free_guidance
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.diffusion.optimize import mixed_precision


@dataclass(frozen=True, kw_only=True, eq=False)
class Guided:
    """A network with the words it is told.

    Args:
        words: (1, tokens, features) of the prompt; with guidance (2, …), of no words before it.
        guidance: scale of classifier-free guidance; 1 where there is none.
        block: whose features are looked at.
    """

    diffusion: LatentDiffusion
    words: Tensor
    guidance: float
    block: int

    @property
    def rows(self) -> int:
        """How many rows one row of latents becomes."""
        return len(self.words)

    def noise(self, latents: Tensor, t: int) -> Tensor:
        """The noise in latents (b, c, h, w), all of which look at each other."""
        with mixed_precision(self.diffusion):
            told = self.words.repeat_interleave(len(latents), 0)
            rows = latents.repeat(len(self.words), 1, 1, 1)
            noise = self.diffusion.predict_noise(rows, torch.tensor(t), told, together=len(latents))
        return self._guide(noise)

    def noise_and_features(self, latents: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """The noise in latents (1, c, h, w), and the features (c′, h′, w′) made on the way."""
        with mixed_precision(self.diffusion):
            noise, features = noise_and_features(*self._given(latents, t))
        return self._guide(noise), self._joined(features)

    def features(self, latents: Tensor, t: int) -> Tensor:
        """The features alone; no more of the network is run than that."""
        with mixed_precision(self.diffusion):
            return self._joined(features_alone(*self._given(latents, t)))

    def _given(self, latents: Tensor, t: int) -> tuple[LatentDiffusion, Tensor, Tensor, Tensor, int]:
        rows = latents.expand(len(self.words), -1, -1, -1)
        return self.diffusion, rows, torch.tensor(t), self.words, self.block

    def _guide(self, noise: Tensor) -> Tensor:
        return noise if len(self.words) == 1 else classifier_free_guidance(noise, self.guidance)

    def _joined(self, features: Tensor) -> Tensor:
        """Features (1 or 2, c, h, w), those of both words one behind the other, weighed as published."""
        if len(features) == 1:
            return features[0]
        share = self.guidance / (2 * self.guidance - 1)
        without, condition = features
        return torch.cat([(1 - share) * without, share * condition])
