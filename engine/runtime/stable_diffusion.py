"""Opening together what a pack holds of a Stable Diffusion, with sentences for what does not fit together."""

from collections.abc import Callable, Sequence

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from engine.diffusion.ddim import Ddim
from engine.diffusion.latent_diffusion import LatentDiffusion
from engine.errors import ModelMissing
from engine.runtime.components import Components

_WORDS = ("text_encoder", "tokenizer")  # roles that a pack may lack


def open_latent_diffusion(
    components: Components, check: Callable[[], None] = lambda: None
) -> LatentDiffusion:
    """The noise predictor and the autoencoder of a pack, and its text encoder where it has one.

    Args:
        check: called between two networks; what it raises ends the loading, and what is loaded stays so.

    Raises:
        ModelMissing: the pack lacks a network, or they do not fit together.
    """
    unet = components.load("unet", UNet2DConditionModel)
    check()
    vae = components.load("vae", nn.Module)
    if not isinstance(vae, (AutoencoderKL, AutoencoderTiny)):
        raise components.unusable("vae", "is no autoencoder of pictures")
    takes, gives = unet.config["in_channels"], vae.config["latent_channels"]
    if takes != gives:
        raise components.unusable("unet", f"takes {takes} channels, and its vae has {gives}")
    check()
    if not components.has(*_WORDS):
        return LatentDiffusion(unet, vae)
    encoder, tokenizer = (components.load(role, object) for role in _WORDS)
    assert isinstance(encoder, nn.Module)
    wanted, given = unet.config["cross_attention_dim"], getattr(encoder.config, "hidden_size", None)
    if isinstance(wanted, int) and wanted != given:
        raise components.unusable(
            "unet", f"reads {wanted} features of text, and its text encoder gives {given}"
        )
    return LatentDiffusion(unet, vae, encoder, tokenizer)


def embed_prompts(components: Components, diffusion: LatentDiffusion, prompts: Sequence[str]) -> Tensor:
    """What the noise predictor reads of `prompts`; that of no words also where a pack holds but that.

    Returns:
        (prompts, tokens, features), without gradients.

    Raises:
        ModelMissing: the pack reads no text.
    """
    if diffusion.text_encoder is not None:
        with torch.no_grad():
            return diffusion.embed(prompts)
    if components.has("null_prompt") and not any(map(str.strip, prompts)):
        return components.load("null_prompt", Tensor).expand(len(prompts), -1, -1)
    raise ModelMissing(
        f"The pack “{components.title}” reads no text: it holds no text_encoder and tokenizer. "
        "Leave the prompt empty, or choose another pack."
    )


def open_schedule(components: Components, steps: int) -> Ddim:
    """The pack's own noise levels, for so many DDIM steps from noise to a picture.

    Raises:
        ModelMissing: the pack has no such schedule.
    """
    try:
        return Ddim(components.load("scheduler", dict), steps)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise components.unusable("scheduler", f"cannot run {steps} steps ({error})") from error
