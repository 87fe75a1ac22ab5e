"""LatentDiffusion: a noise predictor, an autoencoder and a text encoder, as the operations editors need."""

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

Autoencoder = AutoencoderKL | AutoencoderTiny

_SCALING = 0.18215  # of Stable Diffusion 1 and 2

# Latent pixels from which a batch gains nothing on a CPU: its parts are run one by one in less memory.
_BATCHED = 32 * 32


class LatentDiffusion:
    """Networks that work together. Gradients flow through every operation unless the caller turns them off.

    Latents are float32 whatever the networks' precision is, so that schedulers lose nothing; only networks in
    float64, by which others are checked, make float64.

    Args:
        unet: predicts noise.
        vae: between pictures and latents. The latents of an `AutoencoderTiny` are by its training the scaled
            ones of the autoencoder it stands for; its own scaling factor is 1.
        text_encoder, tokenizer: for `embed`; of a transformers CLIP.
    """

    def __init__(
        self,
        unet: UNet2DConditionModel,
        vae: Autoencoder,
        text_encoder: nn.Module | None = None,
        tokenizer: Any = None,  # noqa: ANN401 - a transformers tokenizer has no common type
    ) -> None:
        self.unet, self.vae = unet, vae
        self.text_encoder, self.tokenizer = text_encoder, tokenizer

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        return tuple(net for net in (self.unet, self.vae, self.text_encoder) if net is not None)

    @property
    def device(self) -> torch.device:
        """Of the noise predictor; the library's own property takes as long as a layer or two."""
        return next(self.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the noise predictor, likewise."""
        return next(self.unet.parameters()).dtype

    @property
    def factor(self) -> int:
        """Pixels along a side per latent pixel."""
        return 2 ** (len(self._config(self.vae)["block_out_channels"]) - 1)

    @property
    def multiple(self) -> int:
        """Of what a picture's sides must be multiples, in pixels."""
        return self.factor * 2 ** (len(self._config(self.unet)["block_out_channels"]) - 1)

    def encode(self, image: Tensor, *, scaled: bool = True) -> Tensor:
        """The latent of a picture: the mode of the autoencoder's posterior, without noise.

        Args:
            image: (b, 3, h, w) from −1 to 1.
            scaled: whether to multiply by the autoencoder's scaling factor, as a noisy latent is. Picture
                conditions in the manner of InstructPix2Pix are not scaled.

        Returns:
            (b, 4, h/8, w/8) float32 for a Stable Diffusion autoencoder.
        """
        encoded: Any = self.vae.encode(image.to(self.vae.device, self.vae.dtype))
        if isinstance(self.vae, AutoencoderTiny):  # its latents are scaled already
            latents = at_least_float32(encoded.latents) * self._config(self.vae)["scaling_factor"]
            return latents if scaled else latents / self.scaling
        return at_least_float32(encoded.latent_dist.mode()) * (self.scaling if scaled else 1)

    def decode(self, latents: Tensor) -> Tensor:
        """The picture of scaled latents (b, 4, h, w): (b, 3, 8h, 8w) float32, about −1 to 1."""
        vae: Any = self.vae
        decoded = vae.decode((latents / self._config(vae)["scaling_factor"]).to(vae.dtype))
        return at_least_float32(decoded.sample)

    def embed(self, prompts: Sequence[str]) -> Tensor:
        """The text encoder's last hidden states, (b, 77, 768) for a Stable Diffusion 1 text encoder."""
        assert self.text_encoder is not None, "this pack was opened without its text encoder"
        return embed(self.text_encoder, self.tokenizer, prompts)

    def predict_noise(
        self, latents: Tensor, timestep: Tensor, embedding: Tensor, *, together: int = 1
    ) -> Tensor:
        """The noise in `latents`, or what else the network was trained to predict.

        Args:
            latents: (b, c, h, w), with condition channels, if the network has them, behind the noisy ones.
            timestep: 0-dimensional or (b,); on another device than the network's it is waited for.
            embedding: (1 or b, tokens, features).
            together: how many rows on end look at each other, and must not be run one by one.

        Returns:
            (b, 4, h, w) float32.
        """
        embedding = embedding.to(self.device, self.dtype).expand(len(latents), -1, -1)
        times = timestep.to(self.device).expand(len(latents))
        parts = max(self.at_once(latents), together)
        rows = (tensor.split(parts) for tensor in (latents.to(self.dtype), times, embedding))
        return at_least_float32(torch.cat([self.unet(*row).sample for row in zip(*rows, strict=True)]))

    def at_once(self, latents: Tensor) -> int:
        """How many of a batch of latents (b, c, h, w) the noise predictor is given together."""
        alone = self.device.type == "cpu" and latents.shape[-2] * latents.shape[-1] > _BATCHED
        return 1 if alone else len(latents)

    @property
    def scaling(self) -> float:
        """What lies between unscaled latents and scaled ones, which have about unit variance.

        Of an `AutoencoderTiny`, that of the Stable Diffusion 1 or 2 autoencoder it stands for.
        """
        tiny = isinstance(self.vae, AutoencoderTiny)
        return _SCALING if tiny else self._config(self.vae)["scaling_factor"]

    @staticmethod
    def _config(net: nn.Module) -> Any:  # noqa: ANN401 - diffusers' frozen dictionary
        return net.config


def at_least_float32(tensor: Tensor) -> Tensor:
    """What networks in half precision make, in float32."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def embed(text_encoder: nn.Module, tokenizer: Any, prompts: Sequence[str]) -> Tensor:  # noqa: ANN401
    """The last hidden states of a CLIP text encoder for `prompts`, padded and cut to its full length.

    Returns:
        (b, tokens, features) in the encoder's precision.
    """
    tokens = tokenizer(
        list(prompts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    )
    device = next(text_encoder.parameters()).device
    return text_encoder(tokens.input_ids.to(device)).last_hidden_state
