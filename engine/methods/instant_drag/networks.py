"""The networks of InstantDrag as a pack holds them, in the published folder's layout, and the null prompt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from engine.diffusion.latent_diffusion import LatentDiffusion, embed
from engine.diffusion.schedule import Schedule
from engine.errors import ModelMissing
from engine.methods.instant_drag.flowdiffusion import CONDITIONS, FlowDiffusion
from engine.methods.instant_drag.flowgen import FlowGen, load_flowgen
from engine.networks.drag_flow import DragFlow
from engine.networks.fill import FillNet
from engine.runtime.cache import cached
from engine.runtime.components import Components

_FLOWGENS = {"few": "flowgen", "many": "flowgen_many"}  # roles
_LATENT = 4  # channels


@dataclass(frozen=True, kw_only=True)
class Networks:
    """What an edit runs on.

    Args:
        flowgen: the published FlowGen, or the drag network of our own in its place.
        flowdiffusion: None where the pack has none: then the picture is warped, and its gaps are filled.
        scheduler: configuration of a diffusers scheduler.
        working_size: the side of the square, in pixels, at which FlowDiffusion was trained.
        fill: what fills gaps where there is no FlowDiffusion, or None to fill them without a network.
    """

    flowgen: FlowGen | DragFlow
    flowdiffusion: FlowDiffusion | None
    scheduler: Mapping[str, object]
    working_size: int
    fill: FillNet | None = None

    @property
    def all(self) -> tuple[nn.Module, ...]:
        painters = () if self.flowdiffusion is None else self.flowdiffusion.sd.networks
        return self.flowgen, *painters, *(() if self.fill is None else (self.fill,))


class PackedNetworks:
    """Opens the networks of a pack, each when it is first needed."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._null_prompt: Tensor | None = None

    def __call__(
        self, flowgen: Literal["few", "many"], steps: int, check: Callable[[], None] = lambda: None
    ) -> Networks:
        """The networks with that FlowGen, for so many denoising steps.

        Args:
            check: called between two of them; what it raises ends the loading, and what is loaded stays so.

        Raises:
            ModelMissing: the pack lacks one of them, or one cannot be used.
        """
        parts = self._components
        painted = parts.has("flow_unet")
        first = self._flowgen(flowgen)
        check()
        return Networks(
            flowgen=first,
            flowdiffusion=self._flowdiffusion(check) if painted else None,
            scheduler=self._scheduler(steps) if painted else {},
            working_size=parts.working_size,
            fill=parts.load("fill", FillNet) if parts.has("fill") and not painted else None,
        )

    def _flowgen(self, name: str) -> FlowGen | DragFlow:
        parts, role = self._components, _FLOWGENS[name]
        if not parts.has(role):
            other = next(word for word in _FLOWGENS if word != name)
            raise ModelMissing(
                f"The pack “{parts.title}” has no FlowGen for {name} drags ({role}). "
                f"Set flowgen to {other}, or choose another pack."
            )
        network = parts.load(role, nn.Module, loaders={"flowgen": load_flowgen})
        if not isinstance(network, (FlowGen, DragFlow)):
            raise parts.unusable(role, f"is a {parts.component(role).kind}, which does not fit there")
        return network

    def _flowdiffusion(self, check: Callable[[], None]) -> FlowDiffusion:
        parts = self._components
        unet = parts.load("flow_unet", UNet2DConditionModel)
        wanted, width = _LATENT + CONDITIONS, unet.config["in_channels"]
        if width != wanted:
            raise parts.unusable("flow_unet", f"takes {width} channels, and {wanted} are needed")
        check()
        vae = parts.load("vae", nn.Module)
        if not isinstance(vae, (AutoencoderKL, AutoencoderTiny)):
            raise parts.unusable("vae", "is no autoencoder of pictures")
        check()
        expected = unet.config["cross_attention_dim"]
        if self._null_prompt is None:
            self._null_prompt = self._embed_nothing(expected, check).to(unet.device, unet.dtype)
        features = self._null_prompt.shape[-1]
        if features != expected:
            raise parts.unusable("flow_unet", f"reads {expected} features of text, and there are {features}")
        return FlowDiffusion(LatentDiffusion(unet, vae), self._null_prompt)

    def _scheduler(self, steps: int) -> Mapping[str, object]:
        config: dict[str, object] = self._components.load("scheduler", dict)
        try:
            Schedule(config, steps)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise self._components.unusable("scheduler", f"cannot run {steps} steps ({error})") from error
        return config

    def _embed_nothing(self, features: int, check: Callable[[], None]) -> Tensor:
        """The null prompt: shipped in the pack, or what its text encoder makes of no words.

        Args:
            features: that it should have; if the kept one has others, it is made again.

        Returns:
            (1, 77, features).
        """
        parts = self._components
        if parts.has("null_prompt"):
            return parts.load("null_prompt", Tensor)
        if not parts.has("text_encoder", "tokenizer"):
            raise ModelMissing(
                "InstantDrag needs null_prompt, or text_encoder and tokenizer, which the pack "
                f"“{parts.title}” does not hold. Choose another pack."
            )
        # In full precision whatever the device is, and let go of at once: it is needed once in a lifetime.
        exact = replace(parts, device="cpu", precision="float32")

        def make() -> Tensor:
            text_encoder = exact.load("text_encoder", nn.Module)
            check()
            with torch.no_grad():
                return embed(text_encoder, exact.load("tokenizer", object), [""])

        def fits(null: Tensor) -> bool:
            return null.ndim == 3 and null.shape[::2] == (1, features) and bool(null.isfinite().all())

        roles = ("text_encoder", "tokenizer")
        return cached("null_prompt", [parts.component(role).path for role in roles], make, fits)
