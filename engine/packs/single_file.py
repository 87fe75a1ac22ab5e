"""A Stable Diffusion 1.x or 2.x checkpoint in a single .safetensors file, in the key layout of the original
training code: told by its header, and described as a pack.

Rombach et al.: High-Resolution Image Synthesis with Latent Diffusion Models (2022). What shapes do not tell
are the numbers published with the two families.
"""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from engine.errors import ModelMissing
from engine.packs.ldm_keys import LEVELS, OPEN_CLIP, TEXT, UNET, VAE, Place, clip_place, open_clip_place
from engine.packs.manifest import Component, ModelPack

SUFFIX = ".safetensors"

_LAYERS = 2  # residual blocks of a level
_HEAD = 64  # channels of a head of CLIP's attention, and of Stable Diffusion 2's
_HEADS = 8  # of Stable Diffusion 1's
TOKENS = 77
_SIDES = {"epsilon": 512, "v_prediction": 768}  # pixels, of the published checkpoints
_MISSING = {  # what a file must hold → what to call it
    f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": "noise predictor",
    f"{VAE}post_quant_conv.weight": "autoencoder",
    TEXT: "text encoder",
}


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What the header of such a file says.

    Args:
        path: of the file.
        shapes: of its tensors, by key.
        facts: its metadata.
    """

    path: Path
    shapes: Mapping[str, tuple[int, ...]]
    facts: Mapping[str, str]

    @staticmethod
    def read(path: Path) -> "Checkpoint":
        """Read the header of a file.

        Raises:
            ModelMissing: it cannot be read, or holds something else.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
                facts: dict[str, str] = file.metadata() or {}
        except (OSError, SafetensorError) as error:
            raise ModelMissing(f"{path} cannot be read ({error}). Get the file again.") from error
        problem = _problem(shapes)
        found = Checkpoint(path=path, shapes=shapes, facts=facts)
        try:
            _ = problem or (found.unet_config(), found.vae_config(), found.text_config())
        except (LookupError, ValueError):
            problem = "is built in another way than published ones"
        if problem:
            raise ModelMissing(
                f"{path.name} {problem}. Pliant reads whole Stable Diffusion 1.x and 2.x checkpoints; choose "
                "another file."
            )
        return found

    @property
    def second(self) -> bool:
        """Whether it is of Stable Diffusion 2.x, and not of 1.x."""
        return any(key.startswith(OPEN_CLIP) for key in self.shapes)

    @property
    def prediction(self) -> str:
        """What its network predicts: "epsilon" or "v_prediction".

        Weights do not tell. Where the file's metadata do not either, its name does: of the published ones
        of 2.x, those called 512 or base predict ε, and the others v.
        """
        told = self.facts.get("modelspec.prediction_type", "")
        if told:
            return "v_prediction" if told.startswith("v") else "epsilon"
        name = self.facts.get("modelspec.architecture") or self.path.stem
        return "v_prediction" if self.second and not re.search("512|base", name.lower()) else "epsilon"

    @property
    def side(self) -> int:
        """Pixels along a side of the pictures that it was trained on."""
        return _SIDES[self.prediction] if self.second else _SIDES["epsilon"]

    @property
    def words(self) -> int:
        """How many tokens its text encoder knows."""
        return self._text("embeddings.token_embedding.weight")[0]

    @property
    def padding(self) -> int:
        """The token that prompts are filled up with: OpenCLIP's first, or CLIP's last."""
        return 0 if self.second else self.words - 1

    def unet_config(self) -> dict[str, Any]:
        """Of a diffusers `UNet2DConditionModel`."""
        shapes, first = self.shapes, f"{UNET}input_blocks.1.1."
        widths = [
            shapes[f"{UNET}input_blocks.{3 * level + 1}.0.out_layers.3.weight"][0] for level in range(LEVELS)
        ]
        return {
            "in_channels": shapes[f"{UNET}input_blocks.0.0.weight"][1],
            "out_channels": shapes[f"{UNET}out.2.weight"][0],
            "block_out_channels": tuple(widths),
            "layers_per_block": _LAYERS,
            "cross_attention_dim": shapes[f"{first}transformer_blocks.0.attn2.to_k.weight"][1],
            # The library's name for how many heads there are.
            "attention_head_dim": [max(width // _HEAD, 1) for width in widths] if self.second else _HEADS,
            "use_linear_projection": len(shapes[f"{first}proj_in.weight"]) == 2,
            "upcast_attention": self.second,  # that of 2.1 overflows in half precision
        }

    def vae_config(self) -> dict[str, Any]:
        """Of a diffusers `AutoencoderKL`."""
        widths = [
            self.shapes[f"{VAE}encoder.down.{level}.block.0.conv1.weight"][0] for level in range(LEVELS)
        ]
        return {
            "block_out_channels": tuple(widths),
            "down_block_types": ("DownEncoderBlock2D",) * LEVELS,
            "up_block_types": ("UpDecoderBlock2D",) * LEVELS,
            "layers_per_block": _LAYERS,
            "latent_channels": self.shapes[f"{VAE}post_quant_conv.weight"][0],
            "scaling_factor": 0.18215,
        }

    def text_config(self) -> dict[str, Any]:
        """Of a transformers `CLIPTextModel`; of OpenCLIP's layers the last is not used, as in training."""
        words, width = self._text("embeddings.token_embedding.weight")
        found = (re.search(r"\.(?:layers|resblocks)\.(\d+)\.", key) for key in self.shapes)
        last = max(int(number[1]) for number in found if number)
        return {
            "vocab_size": words,
            "hidden_size": width,
            "intermediate_size": self._text("encoder.layers.0.mlp.fc1.weight")[0],
            "num_hidden_layers": last if self.second else last + 1,
            "num_attention_heads": max(width // _HEAD, 1),
            "max_position_embeddings": TOKENS,
            "hidden_act": "gelu" if self.second else "quick_gelu",
            "bos_token_id": words - 2,
            "eos_token_id": words - 1,
            "pad_token_id": self.padding,
        }

    def scheduler_config(self) -> dict[str, Any]:
        """Of a diffusers `DDIMScheduler`: the noise levels that both families were trained with."""
        return {
            "_class_name": "DDIMScheduler",
            "num_train_timesteps": 1000,
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "clip_sample": False,
            "set_alpha_to_one": False,
            "steps_offset": 1,
            "prediction_type": self.prediction,
        }

    def as_pack(self, tokenizer: Path | None) -> ModelPack:
        """The file as a pack, named like it.

        Args:
            tokenizer: the folder of CLIP's; None where there is none, and then it reads no words.
        """
        kinds = {"unet": "ldm_unet", "vae": "ldm_vae", "text_encoder": "ldm_text_encoder"}
        kinds |= {"scheduler": "ldm_scheduler"} | (
            {"null_prompt": "ldm_null_prompt"} if tokenizer is None else {}
        )
        parts = {role: Component(role=role, kind=kind, path=self.path) for role, kind in kinds.items()}
        if tokenizer is not None:
            kind = "open_clip_tokenizer" if self.second else "clip_tokenizer"
            parts["tokenizer"] = Component(role="tokenizer", kind=kind, path=tokenizer)
        return ModelPack(
            name=file_pack_name(self.path),
            title=self.path.stem,
            licence="unknown",
            working_size=self.side,
            folder=self.path.parent.absolute(),
            components=parts,
            methods={},
        )

    def text_place(self, name: str) -> Place:
        """Where a weight of a transformers `CLIPTextModel` is."""
        if self.second:
            return open_clip_place(name)
        place = clip_place(name)
        return place if place.key in self.shapes else Place(place.key.replace("text_model.", ""))

    def _text(self, name: str) -> tuple[int, ...]:
        return self.shapes[self.text_place(name).key]


def find_tokenizer(folders: Iterable[Path], words: int) -> Path | None:
    """The first folder with a CLIP tokenizer of so many words; networks know words by their numbers."""
    for folder in folders:
        with suppress(OSError, ValueError, TypeError, RecursionError):
            if len(json.loads((folder / "vocab.json").read_bytes())) == words:
                return folder
    return None


def file_pack_name(path: Path) -> str:
    """A name as packs have it, of a-z, 0-9 and _."""
    return re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "checkpoint"


def _problem(shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Why a file with such tensors is not one of the kind, as the rest of a sentence."""
    if any(key.startswith("conditioner.embedders.") for key in shapes):
        return "is a Stable Diffusion XL"
    absent = [name for key, name in _MISSING.items() if not any(found.startswith(key) for found in shapes)]
    if len(absent) == len(_MISSING):
        return "is no Stable Diffusion checkpoint"
    return f"holds no {' and no '.join(absent)}" if absent else None
