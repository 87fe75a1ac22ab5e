"""Where the original training code of Stable Diffusion keeps the weights that libraries of today name anew.

Each function takes a weight's name in diffusers' or transformers' module and gives its key in a checkpoint
file of four levels with two residual blocks each.
"""

import re
from typing import NamedTuple

UNET, VAE, TEXT = "model.diffusion_model.", "first_stage_model.", "cond_stage_model."
CLIP, OPEN_CLIP = f"{TEXT}transformer.", f"{TEXT}model."
LEVELS = 4

_PER_LEVEL = 3  # modules of a level: the residual blocks, and what scales or one block more
_UNET_ENDS = {
    "time_embedding.linear_1.": "time_embed.0.",
    "time_embedding.linear_2.": "time_embed.2.",
    "conv_in.": "input_blocks.0.0.",
    "conv_norm_out.": "out.0.",
    "conv_out.": "out.2.",
}
_UNET_RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
_OPEN_CLIP_ENDS = {
    "embeddings.token_embedding.weight": "token_embedding.weight",
    "embeddings.position_embedding.weight": "positional_embedding",
    "final_layer_norm.weight": "ln_final.weight",
    "final_layer_norm.bias": "ln_final.bias",
}
_OPEN_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


class Place(NamedTuple):
    """Where a weight is.

    Args:
        key: of a tensor.
        third: which third of its rows, where queries, keys and values lie in one; else None.
    """

    key: str
    third: int | None = None


def unet_place(name: str) -> Place:
    """Of a weight of a `UNet2DConditionModel`."""
    for ours, theirs in _UNET_ENDS.items():
        if name.startswith(ours):
            return Place(UNET + theirs + name.removeprefix(ours))
    part, _, rest = name.partition(".")
    if part == "mid_block":
        kind, number, inner = rest.split(".", 2)
        block = 1 if kind == "attentions" else 2 * int(number)
        return Place(f"{UNET}middle_block.{block}.{_inner(kind, inner)}")
    level, kind, number, inner = rest.split(".", 3)
    first = _PER_LEVEL * int(level)
    if kind == "downsamplers":
        return Place(f"{UNET}input_blocks.{first + _PER_LEVEL}.0.{inner.replace('conv', 'op')}")
    if kind == "upsamplers":  # behind the attention, where there is one
        return Place(f"{UNET}output_blocks.{first + 2}.{1 if level == '0' else 2}.{inner}")
    block = (
        f"input_blocks.{first + int(number) + 1}"
        if part == "down_blocks"
        else f"output_blocks.{first + int(number)}"
    )
    return Place(f"{UNET}{block}.{0 if kind == 'resnets' else 1}.{_inner(kind, inner)}")


def vae_place(name: str) -> Place:
    """Of a weight of an `AutoencoderKL`."""
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    name = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", name)
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    name = re.sub(r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample", name)
    up = r"up_blocks\.(\d)\."  # counted from the other end
    name = re.sub(up, lambda found: f"up.{LEVELS - 1 - int(found[1])}.", name)
    name = re.sub(r"(up\.\d)\.resnets", r"\1.block", name).replace("upsamplers.0", "upsample")
    if "mid_block.attentions.0." in name:
        whose, _, inner = name.partition("mid_block.attentions.0.")
        inner, _, kind = inner.rpartition(".")
        name = f"{whose}mid.attn_1.{_VAE_ATTENTION[inner]}.{kind}"
    return Place(VAE + name)


def clip_place(name: str) -> Place:
    """Of a weight of a `CLIPTextModel`, in a checkpoint of Stable Diffusion 1."""
    return Place(f"{CLIP}text_model.{name}")


def open_clip_place(name: str) -> Place:
    """Of a weight of a `CLIPTextModel`, in a checkpoint of Stable Diffusion 2."""
    if name in _OPEN_CLIP_ENDS:
        return Place(OPEN_CLIP + _OPEN_CLIP_ENDS[name])
    _, _, number, inner = name.split(".", 3)
    inner, _, kind = inner.rpartition(".")
    layer = f"{OPEN_CLIP}transformer.resblocks.{number}."
    if inner in _OPEN_CLIP_LAYER:
        return Place(f"{layer}{_OPEN_CLIP_LAYER[inner]}.{kind}")
    third = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj").index(inner)
    return Place(f"{layer}attn.in_proj_{kind}", third)


def _inner(kind: str, name: str) -> str:
    """Inside a block: attentions are named alike, residual blocks are not."""
    if kind != "resnets":
        return name
    part, _, rest = name.partition(".")
    return f"{_UNET_RESIDUAL[part]}.{rest}"
