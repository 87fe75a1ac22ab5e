"""A small Stable Diffusion: the noise predictor, the text encoder and the schedule of our own packs.

Its parts are the libraries' own in Stable Diffusion's layout: whatever opens one opens the other.
"""

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.utils.logging import disable_progress_bar

from engine.diffusion.latent_diffusion import Autoencoder, embed

disable_progress_bar()

HEAD = 64  # channels of an attention head: narrower ones are several times slower on a CPU
_GROUPS = 32  # of normalisation

# Stable Diffusion's.
SCHEDULE: dict[str, Any] = {
    "_class_name": "DDIMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


class Backbone(NamedTuple):
    """What works together in a pack."""

    unet: UNet2DConditionModel
    vae: Autoencoder
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer


def noise_predictor(widths: Sequence[int], *, layers: int, text: int, channels: int) -> UNet2DConditionModel:
    """A noise predictor without attention at its full size, where it would cost more than all the rest.

    Args:
        widths: channels of its levels, multiples of 32, at least two.
        layers: residual blocks of a level on the way down; there is one more on the way up.
        text: features of a token.
        channels: of the latents.
    """
    lower = len(widths) - 1
    heads: Any = tuple(max(1, width // HEAD) for width in widths)
    return UNet2DConditionModel(
        in_channels=channels,
        out_channels=channels,
        block_out_channels=tuple(widths),
        layers_per_block=layers,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * lower),
        up_block_types=(*("CrossAttnUpBlock2D",) * lower, "UpBlock2D"),
        # By this name the library takes the number of heads.
        attention_head_dim=heads,
        cross_attention_dim=text,
        norm_num_groups=_GROUPS,
    )


def text_encoder(tokenizer: CLIPTokenizer, *, width: int, layers: int) -> CLIPTextModel:
    """CLIP's text encoder with inner layers of three times its width.

    Args:
        tokenizer: whose tokens it is to know.
        width: features of a token, a multiple of 64.
    """
    ends: Any = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=3 * width,
        projection_dim=width,
        num_hidden_layers=layers,
        num_attention_heads=width // HEAD,
        max_position_embeddings=tokenizer.model_max_length,
        **ends,
    )
    return CLIPTextModel(config)


def alphas_cumprod() -> Tensor:
    """ᾱ of each timestep, (1000,): the share of the latent's variance in what is noisy."""
    scheduler: Any = DDPMScheduler.from_config(SCHEDULE)
    return scheduler.alphas_cumprod


def noised(latents: Tensor, noise: Tensor, alphas: Tensor) -> Tensor:
    """√ᾱ·latents + √(1 − ᾱ)·noise, with ᾱ (b,) of each of (b, c, h, w)."""
    share = alphas[:, None, None, None]
    return share.sqrt() * latents + (1 - share).sqrt() * noise


def min_snr_weights(alphas: Tensor, gamma: float) -> Tensor:
    """How much the error of the predicted noise weighs: min(SNR, γ) / SNR (Hang et al. 2023, equation 6).

    Args:
        alphas: ᾱ, any shape.
        gamma: 0 for weights of 1.
    """
    ratio = alphas / (1 - alphas)
    return (ratio.clamp(max=gamma) / ratio) if gamma else torch.ones_like(ratio)


def save_backbone(backbone: Backbone, folder: Path) -> None:
    """Write networks into a folder as on the hub, in float16, with the embedding of the empty prompt.

    Raises:
        OSError: a file cannot be written.
    """
    with torch.no_grad():
        null_prompt = embed(backbone.text_encoder, backbone.tokenizer, [""])
    save_file({"null_prompt": null_prompt.half().cpu().contiguous()}, folder / "null_prompt.safetensors")
    for name, network in backbone._asdict().items():
        if isinstance(network, nn.Module):
            halved: Any = copy.deepcopy(network)
            # A file holds rows in order. The library's own `to` would warn of layers that are not there.
            nn.Module.to(halved, dtype=torch.float16, memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
            halved.save_pretrained(folder / name)
    backbone.tokenizer.save_pretrained(folder / "tokenizer")
    scheduler = folder / "scheduler"
    scheduler.mkdir(exist_ok=True)
    (scheduler / "scheduler_config.json").write_text(json.dumps(SCHEDULE, indent=1), encoding="utf-8")
