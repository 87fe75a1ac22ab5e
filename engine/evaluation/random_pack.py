"""Writes a pack for InstantDrag with random weights, as a load for measurements: `python -m … FOLDER WIDTH`.

An edit with it computes what one with trained weights does, only smaller; what it paints is noise.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file

from engine.evaluation.random_networks import SCHEDULER
from engine.methods.instant_drag.flowgen import FlowGen
from engine.packs.manifest import MANIFEST

_TEXT = 64  # features of the embedding
_VAE: dict[str, Any] = {
    "block_out_channels": (8, 16, 16, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "norm_num_groups": 8,
}
_MANIFEST = """
name = "{name}"
title = "Random"
licence = "none"
working_size = 512
components.flowgen = {{ kind = "flowgen", path = "flowgen.safetensors" }}
components.flow_unet = {{ kind = "unet2dcondition", path = "unet" }}
components.vae = {{ kind = "autoencoder_kl", path = "vae" }}
components.scheduler = {{ kind = "scheduler", path = "scheduler" }}
components.null_prompt = {{ kind = "embedding", path = "null_prompt.safetensors" }}
"""


def write_random_pack(folder: Path, width: int) -> None:
    """A pack that is named like its folder.

    Args:
        width: channels of the noise predictor at its finest; a multiple of 8. Stable Diffusion's is 320.
    """
    unet = UNet2DConditionModel(
        in_channels=10,
        block_out_channels=(width, 2 * width, 4 * width, 4 * width),
        cross_attention_dim=_TEXT,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(**_VAE)
    unet.save_pretrained(folder / "unet")
    vae.save_pretrained(folder / "vae")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(SCHEDULER))
    save_file(FlowGen(16).state_dict(), folder / "flowgen.safetensors")
    save_file({"null_prompt": torch.zeros(1, 77, _TEXT)}, folder / "null_prompt.safetensors")
    (folder / MANIFEST).write_text(_MANIFEST.format(name=folder.name), encoding="utf-8")


if __name__ == "__main__":
    write_random_pack(Path(sys.argv[1]), int(sys.argv[2]))
