"""What autoencoders of packs leave of the sample pictures, for `pliant bench starter`."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.runtime.components import Components
from engine.sample import samples

_ROLE = "vae"
_SIDE = 256  # pixels of the squares that are encoded


class AutoencoderRow(NamedTuple):
    """A pack's autoencoder.

    Args:
        psnr: in dB, the mean over the pictures, encoded and decoded.
        pictures: how many.
    """

    name: str
    psnr: float
    pictures: int

    def __str__(self) -> str:
        return f"{self.name:<44} {self.psnr:5.1f} dB of the samples at {_SIDE}²   ({self.pictures} pictures)"


def autoencoder_rows(packs: Iterable[Components]) -> Iterator[AutoencoderRow]:
    """Measure the packs that have one, on the middle squares of the bundled samples.

    Raises:
        ModelMissing: a network cannot be loaded.
    """
    for pack in packs:
        if pack.has(_ROLE):
            found = [_psnr(pack, square) for square in _squares()]
            yield AutoencoderRow(f"{pack.title}: {_ROLE}", round(float(np.mean(found)), 2), len(found))


def _squares() -> Iterator[NDArray[np.uint8]]:
    """The middle squares of the samples, (256, 256, 3)."""
    import PIL.Image  # noqa: PLC0415 - only where something is measured
    import PIL.ImageOps  # noqa: PLC0415

    for sample in samples():
        with PIL.Image.open(sample.picture) as opened:
            upright = PIL.ImageOps.exif_transpose(opened).convert("RGB")
        yield np.asarray(PIL.ImageOps.fit(upright, (_SIDE, _SIDE), PIL.Image.Resampling.LANCZOS), np.uint8)


def _psnr(pack: Components, square: NDArray[np.uint8]) -> float:
    import torch  # noqa: PLC0415
    from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny  # noqa: PLC0415

    vae: Any = pack.load(_ROLE, torch.nn.Module)
    truth = torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        encoded = vae.encode((truth / 127.5 - 1).to(vae.device, vae.dtype))
        tiny = isinstance(vae, AutoencoderTiny)
        made = vae.decode(encoded.latents if tiny else encoded.latent_dist.mode()).sample
    error = (made.float().cpu().clamp(-1, 1) * 127.5 + 127.5).round() - truth
    return float(10 * torch.log10(255**2 / error.square().mean()))
