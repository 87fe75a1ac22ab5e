"""A tiny random Stable Diffusion as a pack of its own, in the hub's layout."""

import torch

from tests.engine.methods.instant_drag.tiny_pack import (
    autoencoder,
    fill,
    tiny_autoencoder,
    unet,
    write_scheduler,
    write_text_encoder,
)

KINDS = {
    "unet": "unet2dcondition",
    "vae": "autoencoder_kl",
    "text_encoder": "clip_text_model",
    "tokenizer": "clip_tokenizer",
    "scheduler": "scheduler",
}


def write_sd_pack(folder, *, roles=tuple(KINDS), seed=1, tiny=False, more=""):
    """A pack named like its folder; pictures have sides that are multiples of 16.

    Args:
        tiny: with an `AutoencoderTiny`.
        more: lines for the manifest's end.
    """
    folder.mkdir(parents=True)
    with torch.random.fork_rng():  # constructors draw weights before they are filled
        fill(unet(4), seed).save_pretrained(folder / "unet")
        fill(tiny_autoencoder() if tiny else autoencoder(), 2).save_pretrained(folder / "vae")
        write_text_encoder(folder)
    write_scheduler(folder, "PNDMScheduler")
    kinds = KINDS | ({"vae": "autoencoder_tiny"} if tiny else {})
    lines = [f'name = "{folder.name}"', 'title = "Painter"', 'licence = "CC0-1.0"', "working_size = 64"]
    lines += [f'components.{role} = {{ kind = "{kinds[role]}", path = "{role}" }}' for role in roles]
    (folder / "pack.toml").write_text("\n".join([*lines, more]))
    return folder
