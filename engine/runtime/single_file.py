"""Loading the networks of a Stable Diffusion from a single file; `engine.packs.single_file` describes it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import safe_open
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.packs.ldm_keys import Place, unet_place, vae_place
from engine.packs.single_file import TOKENS, Checkpoint

N = TypeVar("N", bound=nn.Module)


def ldm_unet(path: Path, device: torch.device, dtype: torch.dtype) -> UNet2DConditionModel:
    """Raises: ValueError: a weight is missing or misshapen."""
    config = Checkpoint.read(path).unet_config()
    return _filled(partial(UNet2DConditionModel, **config), unet_place, path, dtype)


def ldm_vae(path: Path, device: torch.device, dtype: torch.dtype) -> AutoencoderKL:
    """Raises: ValueError: a weight is missing or misshapen."""
    config = Checkpoint.read(path).vae_config()
    return _filled(partial(AutoencoderKL, **config), vae_place, path, dtype)


def ldm_text_encoder(path: Path, device: torch.device, dtype: torch.dtype) -> CLIPTextModel:
    """Raises: ValueError: a weight is missing or misshapen."""
    checkpoint = Checkpoint.read(path)
    config = CLIPTextConfig(**checkpoint.text_config())
    encoder = _filled(lambda: CLIPTextModel(config), checkpoint.text_place, path, dtype)
    for name, buffer in tuple(encoder.named_buffers()):
        if buffer.is_meta:  # the numbers of the positions, which no file holds
            owner, _, own = name.rpartition(".")
            positions = torch.arange(buffer.shape[-1]).expand(buffer.shape)
            encoder.get_submodule(owner).register_buffer(own, positions, persistent=False)
    return encoder


def ldm_scheduler(path: Path, device: torch.device, dtype: torch.dtype) -> dict[str, object]:
    return Checkpoint.read(path).scheduler_config()


def ldm_null_prompt(path: Path, device: torch.device, dtype: torch.dtype) -> Tensor:
    """What the text encoder makes of no words, (1, 77, features); for that no vocabulary is needed."""
    checkpoint = Checkpoint.read(path)
    encoder: Any = ldm_text_encoder(path, device, dtype)
    encoder.eval().to(device)
    tokens = torch.full((1, TOKENS), checkpoint.padding)
    tokens[0, :2] = torch.tensor([checkpoint.words - 2, checkpoint.words - 1])  # begin and end
    with torch.inference_mode(False), torch.no_grad():
        return encoder(tokens.to(device)).last_hidden_state


def open_clip_tokenizer(path: Path, device: torch.device, dtype: torch.dtype) -> CLIPTokenizer:
    """CLIP's, but filling prompts up with the vocabulary's first word, as Stable Diffusion 2 was trained."""
    tokenizer = CLIPTokenizer.from_pretrained(path, local_files_only=True)
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(0)
    return tokenizer


def _filled(build: Callable[[], N], where: Callable[[str], Place], path: Path, dtype: torch.dtype) -> N:
    """A network with its weights from a file, read one by one so that no second copy is needed."""
    with torch.device("meta"):
        network = build()
    weights: dict[str, Tensor] = {}
    with safe_open(path, framework="pt") as file:
        keys = set(file.keys())
        for name, expected in network.state_dict().items():
            place = where(name)
            if place.key not in keys:
                raise ValueError(f"{place.key} is missing")
            weight = file.get_tensor(place.key)
            if place.third is not None:
                weight = weight.chunk(3)[place.third]
            if _squeezed(weight) != _squeezed(expected):
                raise ValueError(f"{place.key} is {tuple(weight.shape)}, not {tuple(expected.shape)}")
            weights[name] = weight.reshape(expected.shape).to(dtype)
    network.load_state_dict(weights, assign=True)
    return network


def _squeezed(weight: Tensor) -> tuple[int, ...]:
    """The shape as a linear layer's, which a convolution of one pixel is."""
    return tuple(weight.shape[:2]) if weight.shape[2:] == (1, 1) else tuple(weight.shape)
