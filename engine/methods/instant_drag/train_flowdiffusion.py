"""Training FlowDiffusion from a Stable Diffusion after InstructPix2Pix, with a flow as the instruction.

Brooks, Holynski, Efros: InstructPix2Pix: Learning to Follow Image Editing Instructions (CVPR 2023).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from engine.diffusion.latent_diffusion import LatentDiffusion, embed
from engine.errors import InvalidRequest
from engine.methods.instant_drag.flow import resize_flow
from engine.methods.instant_drag.flowdiffusion import CONDITIONS
from engine.packs import Component, ModelPack
from engine.runtime.components import Components
from engine.settings import setting
from engine.training.motion_pairs import MotionBatch, MotionSettings, open_motion
from engine.training.stage import Batches, Stage, Turn, adamw

_KINDS = {"text_encoder": "clip_text_model", "tokenizer": "clip_tokenizer", "unet": "unet2dcondition"}
_AUTOENCODERS = {"AutoencoderKL": "autoencoder_kl", "AutoencoderTiny": "autoencoder_tiny"}
_LATENT = 4  # channels
_MEASURED = 16  # held-out pairs
_MEASURED_SEED = 20261121


@dataclass(frozen=True, kw_only=True)
class FlowDiffusionSettings(MotionSettings):
    """The paper publishes the two dropouts; learning rate and averaging are those of InstructPix2Pix."""

    base: str = setting("", help="Folder of the Stable Diffusion to begin with, as on the hub")
    size: int = setting(512, 64, 1024, 64, help="Side of the square pictures, in pixels")
    ema_decay: float = setting(0.9999, 0, 0.999999, help="Decay of the averaged weights, the result")
    image_dropout: float = setting(0.05, 0, 1, help="How often it must do without picture and flow")
    flow_dropout: float = setting(0.1, 0, 1, help="How often it must do without the flow, those included")
    background_consistency: bool = setting(
        True, help="Whether the picture to begin with is given the background of the one to reach"
    )


class FlowDiffusionStage(Stage[MotionBatch]):
    """See `Stage`.

    Raises:
        ModelMissing: a network of the base cannot be used.
    """

    settings_type = FlowDiffusionSettings

    def __init__(self, settings: FlowDiffusionSettings, data: Path, device: torch.device) -> None:
        if settings.image_dropout > settings.flow_dropout:
            raise InvalidRequest("image_dropout is above flow_dropout, which includes it; lower it.")
        self._settings, self._device = settings, device
        self._pairs = open_motion(settings, data, device)
        base = _base(settings)
        unet = base.load("unet", UNet2DConditionModel).requires_grad_(True)
        vae = base.load("vae", nn.Module).to(device)
        assert isinstance(vae, (AutoencoderKL, AutoencoderTiny)), "only these have a loader"
        widen(unet, _LATENT + CONDITIONS)
        self._sd = LatentDiffusion(unet, vae)
        encoder, tokenizer = base.load("text_encoder", nn.Module), base.load("tokenizer", object)
        with torch.no_grad():
            self._null_prompt = embed(encoder, tokenizer, [""]).to(device)
        self._schedule = base.load("scheduler", dict)
        self._diffusion: Any = DDPMScheduler.from_config(self._schedule)
        self.modules: dict[str, nn.Module] = {"unet": unet}
        self.critics: dict[str, nn.Module] = {}

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"unet": adamw(self.modules["unet"], self._settings)}

    def batches(self, seed: int) -> Batches[MotionBatch]:
        return self._pairs.batches(self._settings.batch_size, seed)

    def update(self, batch: MotionBatch, turn: Turn) -> Mapping[str, Tensor]:
        loss = self._loss(batch, self.modules["unet"], turn.generator, self._settings)
        turn.learn("unet", loss)
        return {"denoising": loss.detach()}

    def evaluate(self, modules: Mapping[str, nn.Module]) -> Mapping[str, float]:
        """The mean squared error of predicted noise, with all conditions, at the same times and noises."""
        batch = self._pairs.held_out(_MEASURED)
        if batch is None:
            return {}
        generator = torch.Generator(self._device).manual_seed(_MEASURED_SEED)
        whole = replace(self._settings, image_dropout=0.0, flow_dropout=0.0)
        return {"held_out_denoising": float(self._loss(batch, modules["unet"], generator, whole))}

    def export(self, modules: Mapping[str, nn.Module], folder: Path) -> None:
        own, scheduler = folder / "flowdiffusion", folder / "flowdiffusion" / "scheduler"
        unet, vae = modules["unet"], self._sd.vae
        assert isinstance(unet, UNet2DConditionModel), "it is a copy of the one that was loaded"
        unet.save_pretrained(own / "unet")
        vae.save_pretrained(own / "vae")
        scheduler.mkdir(exist_ok=True)
        (scheduler / "scheduler_config.json").write_text(json.dumps(self._schedule), encoding="utf-8")
        save_file({"null_prompt": self._null_prompt.cpu().contiguous()}, own / "null_prompt.safetensors")

    def _loss(
        self,
        batch: MotionBatch,
        unet: nn.Module,
        generator: torch.Generator,
        settings: FlowDiffusionSettings,
    ) -> Tensor:
        begun = batch.condition if settings.background_consistency else batch.source
        with torch.no_grad():
            latents = self._sd.encode(batch.target * 2 - 1)
            known = self._sd.encode(begun * 2 - 1, scaled=False)
        flow = resize_flow(batch.flow, (latents.shape[2], latents.shape[3]), "normalize_fixed")
        condition = _dropped(known, flow, generator, settings)
        noise = torch.randn(latents.shape, generator=generator, device=latents.device)
        steps = self._diffusion.config.num_train_timesteps
        t = torch.randint(steps, latents.shape[:1], generator=generator, device=latents.device)
        noisy = self._diffusion.add_noise(latents, noise, t)
        prompt = self._null_prompt.expand(len(noisy), -1, -1)
        predicted = unet(torch.cat([noisy, condition], dim=1), t, prompt).sample
        if self._diffusion.config.prediction_type == "v_prediction":
            noise = self._diffusion.get_velocity(latents, noise, t)
        return F.mse_loss(predicted.float(), noise)


def widen(unet: UNet2DConditionModel, channels: int) -> None:
    """Give a noise predictor more input channels, to which it pays no attention yet.

    Raises:
        InvalidRequest: it has other channels than a Stable Diffusion, and not `channels` either.
    """
    old: Any = unet.conv_in
    if old.in_channels == channels:
        return
    if old.in_channels != _LATENT:
        raise InvalidRequest(
            f"The base takes {old.in_channels} channels, and {_LATENT} or {channels} are needed; "
            "choose another."
        )
    wide = nn.Conv2d(channels, old.out_channels, old.kernel_size, old.stride, old.padding)
    with torch.no_grad():
        wide.weight.zero_()[:, :_LATENT] = old.weight
        wide.bias.copy_(old.bias)  # pyright: ignore[reportOptionalMemberAccess] - it was made with one
    unet.conv_in = wide
    unet.register_to_config(in_channels=channels)


def _dropped(
    known: Tensor, flow: Tensor, generator: torch.Generator, settings: FlowDiffusionSettings
) -> Tensor:
    """The six condition channels, in some samples without the flow, and in some of these without the picture:
    the three conditions that guidance asks for, and no other."""
    chance = torch.rand(len(known), 1, 1, 1, generator=generator, device=generator.device).to(known.device)
    kept_image, kept_flow = chance >= settings.image_dropout, chance >= settings.flow_dropout
    return torch.cat([known * kept_image, flow * kept_flow], dim=1)


def _base(settings: FlowDiffusionSettings) -> Components:
    """The Stable Diffusion that a setting names, opened as a pack on the CPU, in full precision."""
    folder = Path(settings.base)
    try:
        text = (folder / "vae" / "config.json").read_text(encoding="utf-8")
        vae = _AUTOENCODERS[json.loads(text)["_class_name"]]
    except (OSError, ValueError, KeyError) as error:
        raise InvalidRequest(
            f"“{folder}” is no folder of a Stable Diffusion with unet, vae, text_encoder, tokenizer and "
            "scheduler; name one with --set base=DIR."
        ) from error
    kinds = {**_KINDS, "vae": vae, "scheduler": "scheduler"}
    parts = {role: Component(role=role, kind=kind, path=folder / role) for role, kind in kinds.items()}
    pack = ModelPack(
        name="base",
        title=str(folder),
        licence="",
        working_size=settings.size,
        folder=folder,
        components=parts,
        methods={},
    )
    return Components(pack=pack, device="cpu", precision="float32")
