"""Networks with random weights, as a load for measurements: the time is the same, and nothing is fetched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.packs import Component, ModelPack
from engine.runtime.components import Components

if TYPE_CHECKING:
    from torch import dtype, nn

    from engine.runtime.memo import Memo

SCHEDULER = {
    "_class_name": "DDIMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}
SD15 = 320  # channels of its noise predictor at its finest
_TOKENS, _FEATURES = 77, 768
_ROLES = ("unet", "vae", "scheduler", "null_prompt", "text_encoder")


def fill_randomly(network: "nn.Module", device: str, precision: "dtype") -> None:
    """Give a network of the meta device small random weights on a real one."""
    import torch  # noqa: PLC0415 - torch loads when something is measured

    from engine.runtime.loaders import placed  # noqa: PLC0415

    network.to(precision).to_empty(device=device)
    generator = torch.Generator(device).manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(0, 0.02, generator=generator)
    placed(network, torch.device(device))


def random_diffusion(device: str, side: int, width: int = SD15) -> Components:
    """A Stable Diffusion 1.5, or a narrower and shallower one, as an opened pack that knows no words.

    Its text encoder is there only to be held in memory, as that of a real pack is.

    It keeps no work of one edit for the next.

    Args:
        side: pixels that it works at, a multiple of 64.
        width: channels of its noise predictor at its finest, a multiple of 32.
    """
    nowhere = Path("random")
    parts = {role: Component(role=role, kind="random", path=nowhere) for role in _ROLES}
    pack = ModelPack(
        name="random",
        title="Random",
        licence="none",
        working_size=side,
        folder=nowhere,
        components=parts,
        methods={},
    )
    return _RandomComponents(pack=pack, device=device, width=width)


@dataclass(frozen=True, kw_only=True)
class _RandomComponents(Components):
    width: int

    @cached_property
    def memo(self) -> "Memo":
        from engine.runtime.memo import Memo  # noqa: PLC0415 - loads torch

        return Memo("random", memory=0, disk=0)

    def _open(self, component: Component, more: Mapping[str, Callable[..., object]]) -> object:
        import torch  # noqa: PLC0415
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL  # noqa: PLC0415
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel  # noqa: PLC0415
        from transformers import CLIPTextConfig, CLIPTextModel  # noqa: PLC0415

        from engine.runtime.loaders import PRECISIONS  # noqa: PLC0415

        precision, role = PRECISIONS[self.device], component.role
        if role == "scheduler":
            return SCHEDULER
        if role == "null_prompt":
            return torch.zeros(1, _TOKENS, _FEATURES, device=self.device, dtype=precision)
        makers: dict[str, Callable[[], nn.Module]] = {
            "unet": lambda: UNet2DConditionModel(**self._unet),
            "vae": lambda: AutoencoderKL(**self._vae),
            "text_encoder": lambda: CLIPTextModel(CLIPTextConfig(**self._text_encoder)),
        }
        with torch.device("meta"):
            network = makers[role]()
        fill_randomly(network, self.device, precision)
        return network

    @property
    def _unet(self) -> dict[str, Any]:
        width = self.width
        return {
            "block_out_channels": (width, 2 * width, 4 * width, 4 * width),
            "cross_attention_dim": _FEATURES,
            "attention_head_dim": 8,
            "layers_per_block": 2 if width == SD15 else 1,
        }

    @property
    def _text_encoder(self) -> dict[str, Any]:
        layers = 12 if self.width == SD15 else 1
        return {"hidden_size": _FEATURES, "intermediate_size": 4 * _FEATURES, "num_hidden_layers": layers}

    @property
    def _vae(self) -> dict[str, Any]:
        width = 128 if self.width == SD15 else 32
        return {
            "block_out_channels": (width, 2 * width, 4 * width, 4 * width),
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "layers_per_block": 2,
        }
