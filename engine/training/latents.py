"""Photos as latents of an autoencoder, encoded once and mapped from a cache, with their captions.

A photo is encoded in a few views, mirrored or not, a quarter larger than what is trained on: crops of latents
cost nothing, and there are many of them in each view.
"""

import hashlib
import json
import logging
import shutil
import tempfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.utils.logging import set_verbosity_error as quieten_diffusers
from numpy.typing import NDArray
from torch import Tensor

from engine.diffusion.latent_diffusion import Autoencoder
from engine.errors import InvalidRequest
from engine.training.captions import captions
from engine.training.photo_source import PhotoSource, Picture, ahead, fingerprint, upright
from engine.training.photos import appear, family_chances, side_of

MOST_BYTES = 2 << 30  # of one set of latents

_FORMAT = 1  # of the cache; another number makes it anew
_WHOLE = 2  # views that show the whole of the middle square; the others are drawn from within
_LEAST = 0.6  # of the short side that a drawn view shows
_TOLD_EVERY = 500  # photos
_KINDS = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}

quieten_diffusers()  # of settings in an autoencoder's file that it does not know

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class Latents:
    """Encoded photos.

    Args:
        values: (n, v, c, s, s) float16, scaled, of v views of each photo.
        captions: (n).
        chances: (n) with which a photo is drawn; they sum to 1.
    """

    values: Tensor
    captions: tuple[str, ...]
    chances: Tensor


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """How pictures become latents.

    Args:
        encode: pictures (b, 3, h, w) from −1 to 1 → scaled latents; called without gradients.
        name: tells its weights from others.
    """

    encode: Callable[[Tensor], Tensor]
    name: str


@dataclass(frozen=True, kw_only=True)
class Views:
    """What is encoded of each photo.

    Args:
        side: of each view, in pixels.
        number: of views. The first shows the middle square, the second its mirror image, and those after them
            squares from anywhere, with at least 0.6 of the short side, every other one mirrored.
    """

    side: int
    number: int


def open_autoencoder(place: str, device: torch.device) -> tuple[Autoencoder, str]:
    """The autoencoder in a folder as on the hub, and what tells it from others.

    Raises:
        InvalidRequest: there is none, or it cannot be read.
    """
    if not place:
        raise InvalidRequest("An autoencoder is needed; name its folder with --set vae=DIR.")
    folder = Path(place)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind: Any = _KINDS[config["_class_name"]]
        vae = kind.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)
        digest = hashlib.sha256()
        for file in sorted(folder.glob("*.*")):
            digest.update(file.read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(
            f"“{folder}” is no folder of an autoencoder (AutoencoderTiny or AutoencoderKL) as on the hub; "
            "name another with --set vae=DIR."
        ) from error
    return vae.requires_grad_(False).eval().to(device), digest.hexdigest()[:16]


def open_latents(
    source: PhotoSource, views: Views, encoder: Encoder, cache: Path, *, held_out: bool
) -> Latents:
    """The latents of one side of the split; the first time all photos are encoded.

    Those of the same views by another encoder are removed: an autoencoder is mostly followed by a better one.

    Raises:
        InvalidRequest: there are too few photos, one cannot be read, or there are too many views of them.
        OSError: the cache cannot be written.
    """
    pictures = side_of(source, held_out=held_out)
    split = "held_out" if held_out else "train"
    same = f"{fingerprint(source)}-{_FORMAT}-{views.side}x{views.number}-{split}-"
    folder = cache / f"{same}{encoder.name}"
    if not folder.is_dir():
        _log.info("Encoding %d photos in %s", len(pictures), folder)
        _build(source, pictures, views, encoder, folder)
        for former in cache.glob(f"{same}*"):
            if former != folder:
                shutil.rmtree(former, ignore_errors=True)
    told = captions(source)
    return Latents(
        values=torch.from_numpy(np.load(folder / "values.npy", mmap_mode="c")),
        captions=tuple(told[picture.file] for picture in pictures),
        chances=torch.from_numpy(family_chances([picture.family for picture in pictures])),
    )


def _build(
    source: PhotoSource, pictures: list[Picture], views: Views, encoder: Encoder, folder: Path
) -> None:
    """Encode everything beside `folder`, which appears when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        _fill(source, pictures, views, encoder, unfinished / "values.npy")
        appear(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _fill(source: PhotoSource, pictures: list[Picture], views: Views, encoder: Encoder, file: Path) -> None:
    places = {picture.file: i for i, picture in enumerate(pictures)}

    def prepare(item: tuple[Picture, bytes]) -> tuple[int, Tensor]:
        picture, content = item
        photo = upright(content, picture.file)
        seen = [view(photo, picture.file, number, views.side) for number in range(views.number)]
        pixels = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2)
        return places[picture.file], pixels.float() / 127.5 - 1

    values: NDArray[np.float16] | None = None
    with ThreadPoolExecutor() as pool, torch.no_grad():
        for done, (i, pixels) in enumerate(ahead(pool, prepare, source.read(pictures)), 1):
            encoded = encoder.encode(pixels).half().cpu().numpy()
            if values is None:
                values = _mapped(file, (len(pictures), *encoded.shape))
            values[i] = encoded
            if done % _TOLD_EVERY == 0:
                _log.info("%d of %d photos are encoded", done, len(pictures))


def _mapped(file: Path, shape: tuple[int, ...]) -> NDArray[np.float16]:
    size = int(np.prod(shape)) * 2
    if size > MOST_BYTES:
        raise InvalidRequest(
            f"{shape[1]} views of {shape[0]} photos make {size >> 20} MiB of latents, and {MOST_BYTES >> 20} "
            "MiB are the most; lower views or size."
        )
    return np.lib.format.open_memmap(file, "w+", np.float16, shape)


def view(photo: PIL.Image.Image, name: str, number: int, side: int) -> NDArray[np.uint8]:
    """View `number` of a photo, (side, side, 3); always the same one for the same name."""
    short = min(photo.size)
    share, x, y = 1.0, 0.5, 0.5
    if number >= _WHOLE:
        random = np.random.default_rng(zlib.crc32(f"{name} {number}".encode()))
        share, x, y = random.uniform((_LEAST, 0, 0), 1)
    length = share * short
    left, top = x * (photo.width - length), y * (photo.height - length)
    box = (left, top, left + length, top + length)
    square = photo.resize((side, side), PIL.Image.Resampling.LANCZOS, box=box)
    pixels = np.asarray(square, np.uint8)
    return pixels[:, ::-1].copy() if number % 2 else pixels
