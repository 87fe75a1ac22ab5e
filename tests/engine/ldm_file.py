"""Checkpoints in the key layout of Stable Diffusion's training code, written down from published files."""

import torch
from safetensors.torch import save_file

SD1, SD2 = "SD1", "SD2"
PUBLISHED = {"widths": (320, 640, 1280, 1280), "vae": (128, 256, 512, 512), "words": 49408}
TEXT = {SD1: (768, 12), SD2: (1024, 24)}


def shapes(kind, *, widths=(32, 64, 64, 64), vae=(32, 32, 64, 64), words=514, text=(64, 3), channels=4):
    """The shape of every tensor of a file by its key.

    Args:
        text: width and layers of the text encoder.
    """
    encoder = _clip(words, *text) if kind == SD1 else _open_clip(words, *text)
    return {
        **_under("model.diffusion_model.", _unet(widths, text[0], channels, linear=kind == SD2)),
        **_under("first_stage_model.", _vae(vae)),
        **_under("cond_stage_model.", encoder),
        "alphas_cumprod": (1000,),  # files hold more than networks
    }


def weights(found, *, seed=0, dtype=torch.float32):
    """Random tensors of sensible size for such shapes."""
    generator = torch.Generator().manual_seed(seed)
    made = {}
    for key, shape in found.items():
        spread = 0.05 if len(shape) < 2 else torch.Size(shape[1:]).numel() ** -0.5
        # Scales of normalisations lie about 1.
        one = 1.0 if len(shape) == 1 and key.endswith("weight") else 0.0
        made[key] = (one + spread * torch.randn(shape, generator=generator)).to(dtype)
    return made


def write(path, tensors, **facts):
    save_file(tensors, path, facts or None)
    return path


def _under(prefix, found):
    return {prefix + key: shape for key, shape in found.items()}


def _layer(name, *shape, bias=True):
    return {f"{name}.weight": shape} | ({f"{name}.bias": shape[:1]} if bias else {})


def _residual(name, before, after, time):
    return {
        **_layer(f"{name}.in_layers.0", before),
        **_layer(f"{name}.in_layers.2", after, before, 3, 3),
        **_layer(f"{name}.emb_layers.1", after, time),
        **_layer(f"{name}.out_layers.0", after),
        **_layer(f"{name}.out_layers.3", after, after, 3, 3),
        **(_layer(f"{name}.skip_connection", after, before, 1, 1) if before != after else {}),
    }


def _attention(name, width, features, *, linear):
    project = (width, width) if linear else (width, width, 1, 1)
    block = f"{name}.transformer_blocks.0"
    found = {**_layer(f"{name}.norm", width), **_layer(f"{name}.proj_in", *project)}
    for attention, context in (("attn1", width), ("attn2", features)):
        for part, inner in (("to_q", width), ("to_k", context), ("to_v", context)):
            found |= _layer(f"{block}.{attention}.{part}", width, inner, bias=False)
        found |= _layer(f"{block}.{attention}.to_out.0", width, width)
    for number in (1, 2, 3):
        found |= _layer(f"{block}.norm{number}", width)
    found |= _layer(f"{block}.ff.net.0.proj", 8 * width, width) | _layer(
        f"{block}.ff.net.2", width, 4 * width
    )
    return found | _layer(f"{name}.proj_out", *project)


def _unet(widths, features, channels, *, linear):
    time, width = 4 * widths[0], widths[0]
    found = {
        **_layer("time_embed.0", time, widths[0]),
        **_layer("time_embed.2", time, time),
        **_layer("input_blocks.0.0", width, channels, 3, 3),
    }
    waiting, number = [width], 1
    for level, after in enumerate(widths):
        for _ in range(2):
            found |= _residual(f"input_blocks.{number}.0", width, after, time)
            if level < 3:
                found |= _attention(f"input_blocks.{number}.1", after, features, linear=linear)
            width, number = after, number + 1
            waiting.append(width)
        if level < 3:
            found |= _layer(f"input_blocks.{number}.0.op", width, width, 3, 3)
            number += 1
            waiting.append(width)
    found |= _residual("middle_block.0", width, width, time)
    found |= _attention("middle_block.1", width, features, linear=linear)
    found |= _residual("middle_block.2", width, width, time)
    number = 0
    for level, after in reversed(list(enumerate(widths))):
        for place in range(3):
            found |= _residual(f"output_blocks.{number}.0", width + waiting.pop(), after, time)
            width = after
            if level < 3:
                found |= _attention(f"output_blocks.{number}.1", width, features, linear=linear)
            if place == 2 and level > 0:
                found |= _layer(f"output_blocks.{number}.{2 if level < 3 else 1}.conv", width, width, 3, 3)
            number += 1
    return found | _layer("out.0", width) | _layer("out.2", 4, width, 3, 3)


def _plain_residual(name, before, after):
    return {
        **_layer(f"{name}.norm1", before),
        **_layer(f"{name}.conv1", after, before, 3, 3),
        **_layer(f"{name}.norm2", after),
        **_layer(f"{name}.conv2", after, after, 3, 3),
        **(_layer(f"{name}.nin_shortcut", after, before, 1, 1) if before != after else {}),
    }


def _vae_middle(side, width):
    found = _plain_residual(f"{side}.mid.block_1", width, width) | _layer(f"{side}.mid.attn_1.norm", width)
    for part in ("q", "k", "v", "proj_out"):
        found |= _layer(f"{side}.mid.attn_1.{part}", width, width, 1, 1)
    return found | _plain_residual(f"{side}.mid.block_2", width, width)


def _vae(widths):
    found, width = _layer("encoder.conv_in", widths[0], 3, 3, 3), widths[0]
    for level, after in enumerate(widths):
        for block in range(2):
            found |= _plain_residual(f"encoder.down.{level}.block.{block}", width, after)
            width = after
        if level < 3:
            found |= _layer(f"encoder.down.{level}.downsample.conv", width, width, 3, 3)
    found |= _vae_middle("encoder", width) | _layer("encoder.norm_out", width)
    found |= _layer("encoder.conv_out", 8, width, 3, 3) | _layer("decoder.conv_in", width, 4, 3, 3)
    found |= _vae_middle("decoder", width)
    for level, after in reversed(list(enumerate(widths))):
        for block in range(3):
            found |= _plain_residual(f"decoder.up.{level}.block.{block}", width, after)
            width = after
        if level > 0:
            found |= _layer(f"decoder.up.{level}.upsample.conv", width, width, 3, 3)
    found |= _layer("decoder.norm_out", width) | _layer("decoder.conv_out", 3, width, 3, 3)
    return found | _layer("quant_conv", 8, 8, 1, 1) | _layer("post_quant_conv", 4, 4, 1, 1)


def _clip(words, width, layers):
    model = "transformer.text_model"
    found = {
        f"{model}.embeddings.token_embedding.weight": (words, width),
        f"{model}.embeddings.position_embedding.weight": (77, width),
        f"{model}.embeddings.position_ids": (1, 77),
        **_layer(f"{model}.final_layer_norm", width),
    }
    for number in range(layers):
        layer = f"{model}.encoder.layers.{number}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            found |= _layer(f"{layer}.self_attn.{part}", width, width)
        found |= _layer(f"{layer}.layer_norm1", width) | _layer(f"{layer}.layer_norm2", width)
        found |= _layer(f"{layer}.mlp.fc1", 4 * width, width) | _layer(f"{layer}.mlp.fc2", width, 4 * width)
    return found


def _open_clip(words, width, layers):
    found = {
        "model.token_embedding.weight": (words, width),
        "model.positional_embedding": (77, width),
        "model.text_projection": (width, width),
        "model.logit_scale": (),
        **_layer("model.ln_final", width),
    }
    for number in range(layers):
        layer = f"model.transformer.resblocks.{number}"
        found |= {
            f"{layer}.attn.in_proj_weight": (3 * width, width),
            f"{layer}.attn.in_proj_bias": (3 * width,),
        }
        found |= _layer(f"{layer}.attn.out_proj", width, width)
        found |= _layer(f"{layer}.ln_1", width) | _layer(f"{layer}.ln_2", width)
        found |= _layer(f"{layer}.mlp.c_fc", 4 * width, width) | _layer(
            f"{layer}.mlp.c_proj", width, 4 * width
        )
    return found
