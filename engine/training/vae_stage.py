"""Stage `vae`: a small autoencoder of photos, which diffusion models of our own work on.

It is diffusers' AutoencoderTiny, so that whatever opens and uses a published one does the same with ours. A
published one copies the scaled latents of a Stable Diffusion. Ours learns its own, as a variational
autoencoder of fixed noise: the decoder sees latents noisy, and their squares cost a little. The export's
scaling factor brings them to unit deviation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_blocks import AutoencoderTinyBlock
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.optim import Optimizer

from engine.errors import InvalidRequest
from engine.paths import data_dir
from engine.settings import setting
from engine.training.photos import Photos, open_photos
from engine.training.stage import Batches, DrawnBatches, Stage, TrainingSettings, Turn, adamw

CHANNELS, FACTOR = 4, 8  # of the latents: their number, and pixels along a side for each of them
# Blocks a level, from full size down and back up. At full size they would cost most of the time.
_ENCODER, _DECODER = (0, 1, 2, 4), (4, 2, 1, 0)
# What three latents begin as, of red, green and blue: lightness, and two axes of tint, all but uncorrelated.
# The numbers bring the colours of photos to about 0.7 of unit deviation, where the decoder's tanh is mild.
_COLOURS = ((1.0, 1.0, 1.0), (3.0, 0.0, -3.0), (3.0, -6.0, 3.0))
_GREY = 0.45  # about the mean of each
_SCALED = 64  # photos that the scaling factor follows from
_SCALES = 3  # at which gradients are compared, each half of the one before


@dataclass(frozen=True, kw_only=True)
class VaeSettings(TrainingSettings):
    """What the stage can be told."""

    steps: int = setting(20_000, 1, 100_000_000, help="Steps in all, over every resumed run")
    batch_size: int = setting(4, 1, 4096, help="Samples a step, on each device")
    learning_rate: float = setting(1e-3, 1e-8, 1, help="The highest learning rate")
    ema_decay: float = setting(0.998, 0, 0.999999, help="Decay of the averaged weights, which are the result")
    size: int = setting(256, 32, 1024, 8, help="Side in pixels to which photos are brought")
    crop: int = setting(128, 16, 1024, 8, help="Side in pixels of what is trained on, cut from the photos")
    width: int = setting(48, 8, 512, 8, help="Channels of every layer")
    gradient_weight: float = setting(0.2, 0, 1e6, help="Weight of the error of the gradients")
    tint_weight: float = setting(1.0, 0, 1e6, help="Weight of the error of the tint of each latent's square")
    latent_weight: float = setting(0.002, 0, 1e6, help="Weight of the latents' mean square")
    latent_noise: float = setting(0.05, 0, 10, help="Deviation of the noise that the decoder must bear")
    held_out: int = setting(64, 1, 100_000, help="Photos to measure with")


class Autoencoder(AutoencoderTiny):
    """An AutoencoderTiny of equal widths whose `forward` is what training needs: diffusers' own rounds."""

    def __init__(self, width: int) -> None:
        super().__init__(**_layout(width))
        _keep_scale(self)
        _begin_with_colours(self)

    def forward(self, images: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Images (b, 3, h, w) from −1 to 1, and what is added to their latents.

        Returns:
            the latents without noise (b, 4, h/8, w/8), and the images made of them.
        """
        latents = self.encoder(images)
        return latents, self.decoder(latents if noise is None else latents + noise)


class VaeStage(Stage[Tensor]):
    """Trains an `Autoencoder` on crops (b, 3, h, w) from −1 to 1."""

    settings_type = VaeSettings

    def __init__(self, settings: VaeSettings, data: Path, device: torch.device) -> None:
        if settings.crop > settings.size:
            raise InvalidRequest(
                f"crop is {settings.crop} pixels and size {settings.size}; set crop to size or less."
            )
        self._settings, self._data, self._device = settings, data, device
        self._photos = self._open(held_out=False)
        self.modules = {"vae": Autoencoder(settings.width)}
        self.critics = {}

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"vae": adamw(self.modules["vae"], self._settings, betas=(0.9, 0.99))}

    def batches(self, seed: int) -> Batches[Tensor]:
        chances = torch.from_numpy(self._photos.chances)
        settings = self._settings

        def draw(generator: torch.Generator) -> Tensor:
            chosen = torch.multinomial(chances, settings.batch_size, replacement=True, generator=generator)
            crops = cut(self._photos, chosen, settings.crop, generator)
            # Convolutions of these widths are a fifth faster with channels last, on a CPU too.
            return crops.to(self._device, memory_format=torch.channels_last)

        return DrawnBatches(draw, torch.Generator().manual_seed(seed))

    def update(self, batch: Tensor, turn: Turn) -> Mapping[str, Tensor]:
        settings, side = self._settings, self._settings.crop // FACTOR
        shape = (len(batch), CHANNELS, side, side)
        noise = torch.randn(shape, generator=turn.generator, device=turn.generator.device)
        latents, made = self.modules["vae"](batch, settings.latent_noise * noise)
        told = {**errors(made, batch), "latents": latents.square().mean()}
        loss = told["colour"] + settings.gradient_weight * told["gradient"]
        loss = loss + settings.tint_weight * told["tint"] + settings.latent_weight * told["latents"]
        turn.learn("vae", loss)
        told["loss"] = loss
        return {name: value.detach() for name, value in told.items()}

    @torch.no_grad()
    def evaluate(self, modules: Mapping[str, nn.Module]) -> Mapping[str, float]:
        network = modules["vae"]
        device = next(network.parameters()).device
        decibels, tints, encoded = list[Tensor](), list[Tensor](), list[Tensor]()
        for photo in self._held_out:
            latents, made = network(photo[None].to(device))
            made = made.float().cpu()
            decibels.append(psnr(made, photo))
            tints.append(errors(made, photo[None])["tint"])
            encoded.append(latents[0].cpu().double().flatten(1))
        values = torch.cat(encoded, dim=1)
        means, deviations = values.mean(1), values.std(1)
        return {
            "psnr": float(torch.stack(decibels).double().mean()),
            "tint": float(torch.stack(tints).double().mean()),
            "latent_mean": float(means.abs().max()),
            "latent_std_least": float(deviations.min()),
            "latent_std_most": float(deviations.max()),
        }

    def export(self, modules: Mapping[str, nn.Module], folder: Path) -> None:
        network = modules["vae"]
        assert isinstance(network, Autoencoder)
        scaling = self._scaling(network)
        tiny = AutoencoderTiny(**_layout(self._settings.width), scaling_factor=scaling)
        tiny.load_state_dict(network.state_dict())
        # A file holds rows in order. Diffusers' own `to` warns of what does not concern this class, and torch
        # describes its own only for tensors.
        nn.Module.to(tiny, dtype=torch.float16, memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
        tiny.save_pretrained(folder / "vae")

    @torch.no_grad()
    def _scaling(self, network: nn.Module) -> float:
        """What the latents of training photos are multiplied by to have unit deviation over all channels."""
        generator = torch.Generator().manual_seed(0)
        chances = torch.from_numpy(self._photos.chances)
        chosen = torch.multinomial(chances, _SCALED, replacement=True, generator=generator)
        photos = [_signed(self._photos.pixels[[photo]]) for photo in chosen.tolist()]
        latents = torch.cat([network(photo)[0].double() for photo in photos])
        return round(float(latents.var((0, 2, 3)).mean() ** -0.5), 4)

    @cached_property
    def _held_out(self) -> Tensor:
        """Always the same photos, spread over all, on the CPU."""
        photos = self._open(held_out=True)
        wanted = min(self._settings.held_out, len(photos))
        places = np.linspace(0, len(photos) - 1, wanted).round().astype(int)
        return _signed(photos.pixels[places])

    def _open(self, *, held_out: bool) -> Photos:
        cache = data_dir() / "cache" / "photos"
        return open_photos(self._data, self._settings.size, cache, held_out=held_out, segmented=False)


def _layout(width: int) -> dict[str, Any]:
    return {
        "encoder_block_out_channels": (width,) * len(_ENCODER),
        "decoder_block_out_channels": (width,) * len(_DECODER),
        "num_encoder_blocks": _ENCODER,
        "num_decoder_blocks": _DECODER,
        "latent_channels": CHANNELS,
    }


def _keep_scale(network: nn.Module) -> None:
    """Keep the scale of signals through all layers, which torch's own start shrinks; blocks begin as nothing
    but their shortcut (He et al. 2015, Zhang et al. 2019)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for layer in network.modules():
        if isinstance(layer, AutoencoderTinyBlock):
            last = [part for part in layer.conv if isinstance(part, nn.Conv2d)][-1]
            nn.init.zeros_(last.weight)


@torch.no_grad()
def _begin_with_colours(network: AutoencoderTiny) -> None:
    """Let three latents begin as the mean colour of their square, and three channels of every layer carry it:
    decoded, it is bilinear interpolation. From random weights, green and brown stay one colour."""
    axes = torch.tensor(_COLOURS)
    first, *halving, last = _convolutions(network.encoder.layers)
    _carry(first, (0, 1, 0))
    for layer in halving:
        _carry(layer, (0, 0.5, 0.5))
    _carry(last, (0, 1, 0), axes, -axes.sum(1) * _GREY)
    first, *doubling, last = _convolutions(network.decoder.layers)
    _carry(first, (0, 1, 0), torch.linalg.inv(axes), torch.full((3,), _GREY))
    for layer in doubling:
        _carry(layer, (0.25, 0.5, 0.25))
    _carry(last, (0, 1, 0))


def _convolutions(layers: nn.Module) -> list[nn.Conv2d]:
    """Those between blocks."""
    return [layer for layer in layers.children() if isinstance(layer, nn.Conv2d)]


def _carry(
    layer: nn.Conv2d,
    kernel: tuple[float, float, float],
    mixed: Tensor | None = None,
    bias: Tensor | None = None,
) -> None:
    """Make the first three outputs of a layer its first three inputs, filtered by a kernel in both directions
    and mixed by a matrix (3, 3), plus a bias (3)."""
    row = torch.tensor(kernel)
    layer.weight[:3] = 0
    layer.weight[:3, :3] = (torch.eye(3) if mixed is None else mixed)[..., None, None] * row[:, None] * row
    if layer.bias is not None and bias is not None:
        layer.bias[:3] = bias


def cut(photos: Photos, chosen: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """A square from anywhere in each of the chosen photos, every other one mirrored: (b, 3, side, side)."""
    places = torch.randint(photos.side - side + 1, (len(chosen), 2), generator=generator).tolist()
    mirrored = (torch.rand(len(chosen), generator=generator) < 0.5).tolist()
    squares = [
        photos.pixels[photo, y : y + side, x : x + side][:, :: -1 if flip else 1]
        for photo, (y, x), flip in zip(chosen.tolist(), places, mirrored, strict=True)
    ]
    return _signed(np.stack(squares))


def errors(made: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Mean absolute errors, in shares of the range.

    Returns:
        colour: of the pixels.
        gradient: of their differences between neighbours, averaged over scales.
        tint: of the tint (without lightness) of each latent's square. Without it a latent's few numbers all
            go to light and dark, and green turns brown.
    """
    error = (made - truth) / 2
    gradient = torch.zeros((), device=error.device)
    for scale in range(_SCALES):
        smaller = F.avg_pool2d(error, 2**scale)
        gradient = gradient + sum(torch.diff(smaller, dim=axis).abs().mean() for axis in (2, 3)) / _SCALES
    squares = F.avg_pool2d(error, FACTOR)
    tint = squares - squares.mean(1, keepdim=True)
    return {"colour": error.abs().mean(), "gradient": gradient, "tint": tint.abs().mean()}


def psnr(made: Tensor, truth: Tensor) -> Tensor:
    """In dB, of all pixels of images from −1 to 1; at most 100."""
    squared = ((made.clamp(-1, 1) - truth) / 2).square().mean()
    return -10 * torch.log10(squared.clamp_min(1e-10))


def _signed(pixels: np.ndarray) -> Tensor:
    """(b, h, w, 3) uint8 → (b, 3, h, w) from −1 to 1, channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
