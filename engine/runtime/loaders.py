"""LOADERS: how each kind of component becomes a module, from files on this machine alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.utils.logging import set_verbosity_error as quieten_diffusers
from safetensors import safe_open
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils.logging import (
    disable_progress_bar,
    set_verbosity_error as quieten_transformers,
)

from engine.networks.drag_flow import DragFlow
from engine.networks.fill import FillNet
from engine.runtime.single_file import (
    ldm_null_prompt,
    ldm_scheduler,
    ldm_text_encoder,
    ldm_unet,
    ldm_vae,
    open_clip_tokenizer,
)

Loader = Callable[[Path, torch.device, torch.dtype], object]

PRECISIONS = {"cpu": torch.float32, "cuda": torch.float16, "mps": torch.float16}

quieten_diffusers()
quieten_transformers()
disable_progress_bar()


def placed(network: nn.Module, device: torch.device) -> nn.Module:
    """A network ready to be used, in the memory layout its device runs fastest; its weights are fixed."""
    layout = torch.channels_last if device.type == "cuda" else torch.preserve_format
    network.requires_grad_(False)
    # Torch describes this call only together with a precision.
    return network.eval().to(device=device, memory_format=layout)  # pyright: ignore[reportCallIssue]


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file, on the CPU.

    Raises:
        OSError, SafetensorError: it cannot be read.
    """
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no dictionary


def _diffusers(kind: Any) -> Loader:  # noqa: ANN401 - a model class; what it returns depends on its arguments
    def load(path: Path, device: torch.device, dtype: torch.dtype) -> nn.Module:
        network, report = kind.from_pretrained(
            path, torch_dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        _require_whole(report)
        return placed(network, device)

    return load


def _clip_text_model(path: Path, device: torch.device, dtype: torch.dtype) -> nn.Module:
    opened: Any = CLIPTextModel.from_pretrained(
        path, dtype=dtype, local_files_only=True, use_safetensors=True, output_loading_info=True
    )
    network, report = opened
    _require_whole(report)
    return placed(network, device)


def _clip_tokenizer(path: Path, device: torch.device, dtype: torch.dtype) -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(path, local_files_only=True)


def _ldm(load: Callable[[Path, torch.device, torch.dtype], nn.Module]) -> Loader:
    return lambda path, device, dtype: placed(load(path, device, dtype), device)


def _our_own(load: Callable[[Path], nn.Module]) -> Loader:
    """Small networks, which are always run in float32: that is fast enough, and float16 was never tried."""
    return lambda path, device, dtype: placed(load(path), device)


def _scheduler(path: Path, device: torch.device, dtype: torch.dtype) -> dict[str, object]:
    """The configuration: a scheduler itself holds the state of one run."""
    return json.loads((path / "scheduler_config.json").read_bytes())


def _embedding(path: Path, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The only tensor of a file, (1, tokens, features)."""
    (tensor,) = read_tensors(path).values()
    return tensor.to(device, dtype).reshape(1, *tensor.shape[-2:])


def _require_whole(report: dict[str, Any]) -> None:
    """Libraries fill what is missing from a file at random."""
    for problem in ("missing_keys", "mismatched_keys"):
        if report.get(problem):
            first = sorted(map(str, report[problem]))[0]
            raise ValueError(f"{len(report[problem])} weights are missing or misshapen, as {first}")


LOADERS: dict[str, Loader] = {
    "autoencoder_kl": _diffusers(AutoencoderKL),
    "autoencoder_tiny": _diffusers(AutoencoderTiny),
    "clip_text_model": _clip_text_model,
    "clip_tokenizer": _clip_tokenizer,
    "drag_flow": _our_own(DragFlow.load),
    "embedding": _embedding,
    "fill": _our_own(FillNet.load),
    "ldm_null_prompt": ldm_null_prompt,
    "ldm_scheduler": ldm_scheduler,
    "ldm_text_encoder": _ldm(ldm_text_encoder),
    "ldm_unet": _ldm(ldm_unet),
    "ldm_vae": _ldm(ldm_vae),
    "open_clip_tokenizer": open_clip_tokenizer,
    "scheduler": _scheduler,
    "unet2dcondition": _diffusers(UNet2DConditionModel),
}
