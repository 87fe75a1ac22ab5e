"""Tiny random networks in the folder layout of the published packs."""

import json

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from engine.methods.instant_drag.flowgen import FlowGen

TEXT_WIDTH = 16
SCHEDULERS = {
    "DDIMScheduler": {"clip_sample": False, "set_alpha_to_one": False},
    "PNDMScheduler": {"skip_prk_steps": True, "set_alpha_to_one": False},
    "EulerDiscreteScheduler": {"timestep_spacing": "leading"},
    "DPMSolverMultistepScheduler": {"algorithm_type": "dpmsolver++"},
}


def scheduler_config(name):
    common = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}
    return {"_class_name": name, "_diffusers_version": "0.21.4", **common, **SCHEDULERS[name]}


def fill(network, seed):
    """Random weights of sensible size, without the global generator."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in network.named_parameters():
        spread = weight[0].numel() ** -0.5 if weight.ndim > 1 else 0.05
        one = 1.0 if weight.ndim == 1 and name.endswith("weight") else 0.0
        weight.data = one + spread * torch.randn(weight.shape, generator=generator)
    return network


def unet(in_channels):
    return UNet2DConditionModel(
        in_channels=in_channels,
        out_channels=4,
        block_out_channels=(8, 16),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def autoencoder():
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 8, 8, 8),
        norm_num_groups=4,
        latent_channels=4,
    )


def tiny_autoencoder():
    return AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(1, 1, 1, 1),
        num_decoder_blocks=(1, 1, 1, 1),
    )


def write_text_encoder(folder):
    """Every byte is a token, as in CLIP, and nothing is ever merged."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [*map(chr, printable), *(chr(256 + i) for i in range(len(others)))]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir(parents=True)
    (tokenizer / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n")
    marks = {"bos_token": words[-2], "eos_token": words[-1], "unk_token": words[-1], "pad_token": words[-1]}
    facts = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, **marks}
    (tokenizer / "tokenizer_config.json").write_text(json.dumps(facts))
    (tokenizer / "special_tokens_map.json").write_text(json.dumps(marks))
    config = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=TEXT_WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        bos_token_id=len(words) - 2,
        eos_token_id=len(words) - 1,
        pad_token_id=len(words) - 1,
    )
    fill(CLIPTextModel(config), 5).save_pretrained(folder / "text_encoder")


def write_scheduler(folder, name):
    (folder / "scheduler").mkdir(parents=True, exist_ok=True)
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler_config(name)))


def write_packs(root):
    """Both packs as a user would put them in place: root/sd15 and root/instant_drag."""
    with torch.random.fork_rng():  # constructors draw weights before they are filled
        base, drag = root / "sd15", root / "instant_drag"
        fill(unet(4), 1).save_pretrained(base / "unet")
        fill(autoencoder(), 2).save_pretrained(base / "vae")
        write_text_encoder(base)
        write_scheduler(base, "PNDMScheduler")
        fill(unet(10), 3).save_pretrained(drag / "flowdiffusion" / "unet")
        fill(autoencoder(), 2).save_pretrained(drag / "flowdiffusion" / "vae")
        write_scheduler(drag / "flowdiffusion", "DDIMScheduler")
        for number, seed in ((2, 6), (3, 7)):
            write_flowgen(drag / f"flowgen_config{number}.safetensors", seed)


def write_flowgen(path, seed):
    with torch.random.fork_rng():
        save_file(fill(FlowGen(8), seed).state_dict(), path)
