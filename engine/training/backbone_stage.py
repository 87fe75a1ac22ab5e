"""Stage `backbone`: a small Stable Diffusion of our own, from photos and their captions.

It learns to denoise (Ho et al.: Denoising Diffusion Probabilistic Models, 2020) what an autoencoder made of
the photos once; timesteps weigh as in Hang et al.: Efficient Diffusion Training via Min-SNR (2023).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers import CLIPTextModel

from engine.diffusion.latent_diffusion import LatentDiffusion, embed
from engine.errors import InvalidRequest
from engine.paths import data_dir
from engine.settings import setting
from engine.training.backbone_networks import (
    HEAD,
    SCHEDULE,
    Backbone,
    alphas_cumprod,
    min_snr_weights,
    noise_predictor,
    noised,
    save_backbone,
    text_encoder,
)
from engine.training.captions import tokenizer_for, tokens_of
from engine.training.correspondence import Followed, correspondence_loss, draw_points
from engine.training.drag_metrics import SEED
from engine.training.latents import Encoder, Latents, Views, open_autoencoder, open_latents
from engine.training.pairs import DragBatch, PairGenerator
from engine.training.photo_source import PhotoSource, readable
from engine.training.photos import Photos, open_photos, working_side
from engine.training.stage import Batches, DrawnBatches, Stage, TrainingSettings, Turn, adamw
from engine.training.tracking import (
    BLOCK,
    Tracking,
    colours,
    diffusion_features,
    made_by,
    measure_tracking,
    resting,
    tracking_pairs,
)

_MEASURED = (100, 300, 500, 700, 900)  # timesteps
_TOKENIZER = "tokenizer"  # folder, in exports and beside averaged weights
_AT_ONCE = 16  # latents measured
_MULTIPLES = {"size": 32, "tracked_size": 32, "width": 32, "text_width": HEAD}
_FOLLOWED = 0.75  # share of the schedule up to which latents are inverted for a drag
_MARGIN = 4  # a view is wider than what is trained on by one part in so many


@dataclass(frozen=True, kw_only=True)
class BackboneSettings(TrainingSettings):
    """What the stage can be told."""

    learning_rate: float = setting(4e-4, 1e-8, 1, help="The highest learning rate")
    ema_decay: float = setting(
        0.9995, 0, 0.999999, help="Decay of the averaged weights, which are the result"
    )
    evaluate_every: int = setting(2500, 0, 1_000_000, help="Steps between measurements; 0 for none")
    vae: str = setting("", help="Folder of the autoencoder whose latents it learns, as on the hub")
    size: int = setting(256, 32, 1024, 32, help="Side in pixels of what is trained on")
    views: int = setting(2, 1, 64, help="How often each photo is encoded, every second time mirrored")
    width: int = setting(64, 32, 512, 32, help="Channels of the noise predictor's first level")
    levels: int = setting(3, 2, 4, help="Its levels, each with as many more channels")
    layers: int = setting(1, 1, 4, help="Its residual blocks on each level")
    text_width: int = setting(256, 64, 1024, HEAD, help="Features of a token")
    text_layers: int = setting(4, 1, 24, help="Layers of the text encoder")
    tokenizer: str = setting("", help="Folder of a tokenizer; without one, it is trained on the captions")
    caption_dropout: float = setting(0.1, 0, 1, help="How often it must do without the caption")
    snr_gamma: float = setting(
        5.0, 0, 1e6, help="Signal-to-noise ratio above which steps weigh less; 0 for none"
    )
    followed: int = setting(
        4, 0, 1024, help="Pairs of pictures a step whose points its features learn to follow; 0 for none"
    )
    following_weight: float = setting(0.05, 0, 1e6, help="Weight of the cross-entropy of where they are")
    held_out: int = setting(64, 1, 100_000, help="Photos to measure with")
    tracked: int = setting(40, 0, 500, help="Pairs of pictures to measure tracking with; 0 for none")
    tracked_size: int = setting(256, 32, 1024, 32, help="Side of these in pixels")


class LatentBatch(NamedTuple):
    """What a step learns from.

    Args:
        latents: (b, c, h, w) float32.
        tokens: (b, length) int64, of their captions.
        pairs: latents (2n, c, h, w) of n pictures and of the same after a motion, if points are followed.
        points: of these.
    """

    latents: Tensor
    tokens: Tensor
    pairs: Tensor | None = None
    points: Followed | None = None


class BackboneStage(Stage[LatentBatch]):
    """Trains a `UNet2DConditionModel` and a `CLIPTextModel`."""

    settings_type = BackboneSettings

    @classmethod
    def going_on(cls, settings: TrainingSettings, folder: Path) -> TrainingSettings:
        """With the tokenizer that the weights were trained with: to another one their tokens mean nothing."""
        assert isinstance(settings, BackboneSettings), "as the loop is told"
        beside = folder / _TOKENIZER
        if (settings.tokenizer and Path(settings.tokenizer).is_dir()) or not beside.is_dir():
            return settings
        return replace(settings, tokenizer=str(beside))

    def accompany(self, folder: Path) -> None:
        self._tokenizer.save_pretrained(folder / _TOKENIZER)

    def __init__(self, settings: BackboneSettings, data: Path, device: torch.device) -> None:
        _check(settings)
        self._settings, self._data, self._device = settings, data, device
        self._vae, vae_name = open_autoencoder(settings.vae, device)
        with readable(data):
            self._source = PhotoSource(data)
        self._tokenizer = tokenizer_for(self._source, settings.tokenizer)
        self._alphas = alphas_cumprod().to(device)
        widths = [settings.width * (level + 1) for level in range(settings.levels)]
        channels: int = self._vae.config["latent_channels"]
        unet = noise_predictor(widths, layers=settings.layers, text=settings.text_width, channels=channels)
        words = text_encoder(self._tokenizer, width=settings.text_width, layers=settings.text_layers)
        self.modules: dict[str, nn.Module] = {"unet": unet, "text_encoder": words}
        self.critics: dict[str, nn.Module] = {}
        diffusion = LatentDiffusion(unet, self._vae)
        self._factor = diffusion.factor
        self._encoder = Encoder(encode=diffusion.encode, name=vae_name)
        margin = settings.size // _MARGIN // self._factor * self._factor
        latents = self._open(Views(side=settings.size + margin, number=settings.views), held_out=False)
        self._values, self._chances = latents.values.to(device), latents.chances
        self._tokens = tokens_of(self._tokenizer, ["", *latents.captions]).to(device)

    def optimizers(self) -> Mapping[str, Optimizer]:
        return {"backbone": adamw(nn.ModuleList(self.modules.values()), self._settings)}

    def batches(self, seed: int) -> Batches[LatentBatch]:
        settings = self._settings
        if not settings.followed:
            return DrawnBatches(self._draw, torch.Generator().manual_seed(seed))
        photos = self._photos(settings.size, held_out=False)
        generator = PairGenerator(photos, settings.size, seed, self._device)
        return DrawnBatches(
            lambda chance: self._with_pairs(self._draw(chance), generator), generator.generator
        )

    def update(self, batch: LatentBatch, turn: Turn) -> Mapping[str, Tensor]:
        times = torch.randint(
            len(self._alphas), batch.latents.shape[:1], generator=turn.generator, device=turn.generator.device
        )
        errors = self._errors(self.modules, batch, _noise_like(batch.latents, turn), times)
        loss = (errors * min_snr_weights(self._alphas[times], self._settings.snr_gamma)).mean()
        found = {"denoising": errors.detach().mean()}
        if batch.pairs is not None and batch.points is not None:
            following = self._following(batch.pairs, batch.points, turn)
            loss = loss + self._settings.following_weight * following
            found["following"] = following.detach()
        turn.learn("backbone", loss)
        return {"loss": loss.detach(), **found}

    @torch.no_grad()
    def evaluate(self, modules: Mapping[str, nn.Module]) -> Mapping[str, float]:
        """The mean squared error of the predicted noise, at the same times and noises of the same photos, and
        how far from true its features track points."""
        generator, found = torch.Generator().manual_seed(SEED), dict[str, float]()
        for t in _MEASURED:
            errors = list[Tensor]()
            for batch in self._held_out:
                noise = torch.randn(batch.latents.shape, generator=generator).to(self._device)
                errors.append(self._errors(modules, batch, noise, torch.full_like(batch.tokens[:, 0], t)))
            found[f"held_out_{t}"] = float(torch.cat(errors).cpu().double().mean())
        found["held_out"] = sum(found.values()) / len(_MEASURED)
        return {**found, **self._tracking(modules)}

    def export(self, modules: Mapping[str, nn.Module], folder: Path) -> None:
        unet, words = modules["unet"], modules["text_encoder"]
        assert isinstance(unet, UNet2DConditionModel), "it is a copy of what was made"
        assert isinstance(words, CLIPTextModel), "likewise"
        save_backbone(Backbone(unet, self._vae, words, self._tokenizer), folder)

    def _draw(self, generator: torch.Generator) -> LatentBatch:
        """Crops of the photos' views, some without their caption."""
        settings = self._settings
        b, side = settings.batch_size, settings.size // self._factor
        _, views, _, height, width = self._values.shape
        photos = torch.multinomial(self._chances, b, replacement=True, generator=generator)
        seen = torch.randint(views, (b,), generator=generator)
        rows = torch.randint(height - side + 1, (b, 1, 1), generator=generator) + torch.arange(side)[:, None]
        columns = torch.randint(width - side + 1, (b, 1, 1), generator=generator) + torch.arange(side)
        dropped = torch.rand(b, generator=generator) < settings.caption_dropout
        place = (photos[:, None, None], seen[:, None, None], slice(None), rows, columns)
        latents = self._values[tuple(at.to(self._device) if isinstance(at, Tensor) else at for at in place)]
        tokens = self._tokens[torch.where(dropped, 0, photos + 1).to(self._device)]
        return LatentBatch(latents.permute(0, 3, 1, 2).float(), tokens)

    def _with_pairs(self, batch: LatentBatch, pairs: PairGenerator) -> LatentBatch:
        made = pairs(self._settings.followed)
        with torch.no_grad():
            latents = self._encoder.encode(torch.cat([made.source, made.target]) * 2 - 1)
        return batch._replace(pairs=latents, points=draw_points(made, pairs.generator))

    def _following(self, latents: Tensor, points: Followed, turn: Turn) -> Tensor:
        """How badly points are found by the features of pictures as noisy as while they are dragged.

        Inverted latents hold less than random noise: how much is drawn too.
        """
        n, generator = len(points.before), turn.generator
        chance = torch.rand(2, n, generator=generator, device=generator.device).repeat(1, 2)
        times = (chance[0] * _FOLLOWED * len(self._alphas)).long()
        noise = _noise_like(latents, turn) * chance[1][:, None, None, None]
        noisy = noised(latents, noise, self._alphas[times])
        unet, words = self.modules["unet"], self.modules["text_encoder"](self._tokens[:1]).last_hidden_state
        unwrapped: nn.Module = getattr(unet, "module", unet)
        features = made_by(unwrapped, BLOCK, lambda: unet(noisy, times, words.expand(2 * n, -1, -1)))
        before, after = features.split(n)
        return correspondence_loss(before, after, points, self._settings.size)

    def _errors(
        self, modules: Mapping[str, nn.Module], batch: LatentBatch, noise: Tensor, t: Tensor
    ) -> Tensor:
        """The mean squared error of the predicted noise, (b,)."""
        words = modules["text_encoder"](batch.tokens).last_hidden_state
        noisy = noised(batch.latents, noise, self._alphas[t])
        predicted: Tensor = modules["unet"](noisy, t, words).sample
        return (predicted.float() - noise).square().mean((1, 2, 3))

    def _tracking(self, modules: Mapping[str, nn.Module]) -> dict[str, float]:
        if not self._settings.tracked:
            return {}
        unet, words = modules["unet"], modules["text_encoder"]
        assert isinstance(unet, UNet2DConditionModel), "it is a copy of what was made"
        prompt = embed(words, self._tokenizer, [""])
        featured = diffusion_features(LatentDiffusion(unet, self._vae), prompt, SCHEDULE)
        tracked = measure_tracking(featured, self._pairs, self._device)
        return _named("tracking", tracked) | self._baselines

    @cached_property
    def _baselines(self) -> dict[str, float]:
        """What needs no training: patches of colours, and not to track at all."""
        patches = measure_tracking(colours, self._pairs, self._device)
        return _named("tracking_colours", patches) | _named("tracking_resting", resting(self._pairs))

    @cached_property
    def _pairs(self) -> DragBatch:
        settings = self._settings
        photos = self._photos(settings.tracked_size, held_out=True)
        return tracking_pairs(photos, settings.tracked, settings.tracked_size)

    def _photos(self, size: int, *, held_out: bool) -> Photos:
        cache = data_dir() / "cache" / "photos"
        return open_photos(self._data, working_side(size), cache, held_out=held_out)

    @cached_property
    def _held_out(self) -> list[LatentBatch]:
        """Photos spread evenly over all that are held out."""
        latents = self._open(Views(side=self._settings.size, number=1), held_out=True)
        n = len(latents.captions)
        chosen = torch.linspace(0, n - 1, min(n, self._settings.held_out)).long()
        values = latents.values[chosen, 0].float().to(self._device)
        tokens = tokens_of(self._tokenizer, [latents.captions[i] for i in chosen.tolist()]).to(self._device)
        return [
            LatentBatch(*part) for part in zip(values.split(_AT_ONCE), tokens.split(_AT_ONCE), strict=True)
        ]

    def _open(self, views: Views, *, held_out: bool) -> Latents:
        cache = data_dir() / "cache" / "latents"
        with readable(self._data):
            return open_latents(self._source, views, self._encoder, cache, held_out=held_out)


def _noise_like(latents: Tensor, turn: Turn) -> Tensor:
    return torch.randn(latents.shape, generator=turn.generator, device=turn.generator.device)


def _check(settings: BackboneSettings) -> None:
    for name, multiple in _MULTIPLES.items():
        value: int = getattr(settings, name)
        if value % multiple:
            near = max(1, round(value / multiple)) * multiple
            raise InvalidRequest(
                f"{name} is {value}, and must be a multiple of {multiple}; set it to {near}."
            )


def _named(name: str, tracked: Tracking) -> dict[str, float]:
    return {f"{name}_{reach}": error for reach, error in tracked._asdict().items()}
