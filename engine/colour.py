"""Between a picture's own ICC profile and sRGB, in which methods see colours."""

import io
from functools import lru_cache

import numpy as np
from PIL import Image as PilImage, ImageCms

from engine.edit import Image
from engine.errors import InvalidRequest

_STRIP = 1 << 22  # pixels converted at a time, to bound the memory of Pillow's copies


def to_srgb(image: Image, profile: bytes) -> Image:
    """(h, w, 4) uint8 RGBA in the colours of `profile` → the same in sRGB, relative colorimetric.

    Raises:
        InvalidRequest: the profile is not an RGB profile that can be read.
    """
    return _convert(image, _transform(profile, inward=True))


def from_srgb(image: Image, profile: bytes) -> Image:
    """The inverse of `to_srgb` for colours that both can show.

    Raises:
        InvalidRequest: the profile is not an RGB profile that can be read.
    """
    return _convert(image, _transform(profile, inward=False))


def _convert(image: Image, transform: ImageCms.ImageCmsTransform) -> Image:
    out = np.empty_like(image)
    step = max(_STRIP // image.shape[1], 1)
    for top in range(0, image.shape[0], step):
        part = PilImage.fromarray(np.ascontiguousarray(image[top : top + step, :, :3]))
        ImageCms.applyTransform(part, transform, inPlace=True)
        out[top : top + step, :, :3] = np.asarray(part)
    out[..., 3] = image[..., 3]
    return out


@lru_cache(maxsize=8)
def _transform(profile: bytes, *, inward: bool) -> ImageCms.ImageCmsTransform:
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    try:
        own, srgb = ImageCms.getOpenProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        source, target = (own, srgb) if inward else (srgb, own)
        return ImageCms.buildTransform(
            source, target, "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC, flags
        )
    except (OSError, ImageCms.PyCMSError):
        raise InvalidRequest(
            "The picture's colour profile cannot be read; save the picture as sRGB."
        ) from None
