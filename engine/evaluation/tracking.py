"""How well the noise predictors of packs track points, for `pliant bench starter`.

The pairs are made of held-out photos, so that it is known where every point goes.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.paths import data_dir
from engine.runtime.components import Components

if TYPE_CHECKING:
    from torch import Tensor

    from engine.diffusion.latent_diffusion import LatentDiffusion
    from engine.training.tracking import Tracking

PAIRS = 160  # of 256 pixels; of 40, the mean is off by a tenth

_ROLES = ("unet", "vae", "scheduler")
_WORDS = ("text_encoder", "tokenizer")


class TrackingRow(NamedTuple):
    """The mean errors of one way to track, in pixels of pictures of 256².

    Args:
        near: of points sought within 12 pixels of where they were last.
        far: of points sought within 64 pixels.
        pairs, version: how many pairs, and by which version of their generator.
    """

    name: str
    near: float
    far: float
    pairs: int
    version: int

    def __str__(self) -> str:
        errors = f"within 12 px {self.near:6.2f}   within 64 px {self.far:6.2f}"
        return f"{self.name:<44} off by {errors} px   ({self.pairs} pairs, version {self.version})"


def tracking_rows(folder: Path, packs: Iterable[Components]) -> Iterator[TrackingRow]:
    """Measure the packs that denoise pictures, and what needs no network; nothing where no pack does.
    On a CPU a small one takes a minute, and a Stable Diffusion half an hour.

    Raises:
        InvalidRequest: the photos cannot be used.
        ModelMissing: a network cannot be loaded.
    """
    able = [pack for pack in packs if pack.has(*_ROLES) and (pack.has("null_prompt") or pack.has(*_WORDS))]
    if not able:
        return
    from engine.training.pairs import VERSION  # noqa: PLC0415 - loads torch
    from engine.training.photos import open_photos, working_side  # noqa: PLC0415
    from engine.training.tracking import (  # noqa: PLC0415
        SIZE,
        colours,
        diffusion_features,
        measure_tracking,
        resting,
        tracking_pairs,
    )

    cache = data_dir() / "cache" / "photos"
    pairs = tracking_pairs(open_photos(folder, working_side(SIZE), cache, held_out=True), PAIRS)

    def row(name: str, tracked: "Tracking") -> TrackingRow:
        near, far = (round(value, 3) for value in tracked)
        return TrackingRow(f"tracking: {name}", near, far, pairs=len(pairs), version=VERSION)

    yield row("points stay", resting(pairs))
    yield row("patches of colours", measure_tracking(colours, pairs, "cpu"))
    for pack in able:
        opened = _opened(pack)
        if opened is not None:
            diffusion, prompt = opened
            featured = diffusion_features(diffusion, prompt, pack.load("scheduler", dict))
            yield row(f"{pack.title}: unet", measure_tracking(featured, pairs, diffusion.device))


def _opened(pack: Components) -> "tuple[LatentDiffusion, Tensor] | None":
    """The networks of a pack and its empty prompt, or None where it needs more than noisy latents."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL  # noqa: PLC0415 - loads torch
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny  # noqa: PLC0415
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel  # noqa: PLC0415
    from torch import Tensor, nn  # noqa: PLC0415

    from engine.diffusion.latent_diffusion import LatentDiffusion, embed  # noqa: PLC0415

    unet, vae = pack.load("unet", UNet2DConditionModel), pack.load("vae", nn.Module)
    if not isinstance(vae, (AutoencoderKL, AutoencoderTiny)):
        raise pack.unusable("vae", f"is a {pack.component('vae').kind}, which does not fit there")
    if unet.config["in_channels"] != vae.config["latent_channels"]:
        return None
    if pack.has("null_prompt"):
        return LatentDiffusion(unet, vae), pack.load("null_prompt", Tensor)
    encoder, tokenizer = pack.load("text_encoder", nn.Module), pack.load("tokenizer", object)
    return LatentDiffusion(unet, vae), embed(encoder, tokenizer, [""])
