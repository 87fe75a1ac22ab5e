"""Picture files in the document's form: 8-bit straight RGBA, upright; their EXIF, XMP and ICC profile."""

import logging
import math
import re
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageCms, TiffImagePlugin

from engine.edit import MAX_PIXELS, Image, Mask
from engine.errors import InvalidRequest
from engine.photo_writer import PILLOW_ERRORS, Photo, check_output, portable_tags, save_photo
from engine.recipe import KEY, read_recipe

__all__ = ["Photo", "check_output", "open_mask", "open_photo", "save_photo"]

PIL.Image.MAX_IMAGE_PIXELS = None  # `_photo` refuses by our own limit, with a sentence and no warning
logging.getLogger("PIL").addHandler(logging.NullHandler())  # else it logs to stderr where no log is set up

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "AVIF")
_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"II*\0", b"MM\0*", b"BM", b"GIF8")
_HEAD = 4096  # bytes; PNG's first chunk and AVIF's description of the picture lie in them
_STRIP = 1 << 20  # pixels converted at a time: no second whole copy is made

_GREY = dict.fromkeys(("L", "LA", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"), "is greyscale")
_KINDS = {
    **_GREY, "1": "is black and white", "P": "has a palette", "PA": "has a palette", "CMYK": "is in CMYK",
    "LAB": "is in Lab", "YCbCr": "is in YCbCr",
}  # fmt: skip

_BITS_PER_SAMPLE, _SAMPLES, _EXTRA_SAMPLES = 258, 277, 338
_ORIENTATION = 0x0112
# How upright rows and columns run through a stored picture, which orientations from 5 on have transposed.
_RUNS = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}

_Convert = Callable[[PIL.Image.Image], PIL.Image.Image]


def open_photo(path: Path) -> Photo:
    """The picture in a PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF file; of several frames or pages, the first.

    8-bit RGB(A) pixels come as they are, also under transparent alpha. More than 8 bits lose the lowest ones;
    floats and 32-bit integers are scaled to their range. CMYK, Lab and grey with a grey profile are converted
    to sRGB. A profile that is broken or does not fit is left out, and so is an EXIF block without a header.

    Raises:
        InvalidRequest: the file cannot be read, is no such picture, is damaged, or exceeds `MAX_PIXELS`.
    """
    return _read(path, path.name or str(path), managed=True)


def open_mask(path: Path, name: str) -> Mask:
    """(h, w) uint8, read-only: the brightness of a picture, or its alpha where only that says anything.

    That is where all pixels have one colour while alpha varies; otherwise alpha is ignored. Profiles are
    ignored too, as a mask's values are numbers and not colours. EXIF orientation is applied.

    Args:
        name: what sentences call it: "mask" or "subject".

    Raises:
        InvalidRequest: as for `open_photo`.
    """
    pixels = _read(path, f"The {name} {path.name}", managed=False).pixels
    alpha = pixels[..., 3]
    if (alpha != alpha[0, 0]).any() and (pixels[..., :3] == pixels[0, 0, :3]).all():
        mask = alpha.copy()
    else:
        mask = np.array(
            PIL.Image.frombuffer("RGBA", alpha.shape[::-1], pixels, "raw", "RGBA", 0, 1).convert("L")
        )
    mask.flags.writeable = False
    return mask


def _read(path: Path, label: str, *, managed: bool) -> Photo:
    """`label` names the file in sentences; profiles are ignored unless `managed`."""
    head = None
    try:
        if path.is_dir():
            raise InvalidRequest(f"{label} is a folder; choose a picture in it.")
        if path.exists() and not path.is_file():  # a pipe would keep us waiting for ever
            raise InvalidRequest(f"{label} is not a file; choose a picture.")
        with path.open("rb") as file, warnings.catch_warnings(action="ignore", category=UserWarning):
            head = file.read(_HEAD)
            return _photo(PIL.Image.open(file, formats=_FORMATS), head, label, managed=managed)
    except (MemoryError, *PILLOW_ERRORS) as error:
        raise InvalidRequest(f"{label} {_cause(error, head, path)}") from error


def _cause(error: Exception, head: bytes | None, path: Path) -> str:
    """Why a file that begins with `head` could not be read, and what to do about it."""
    if isinstance(error, MemoryError):
        return "needs more memory than is free; close other programs and try again."
    if head is None:  # it could not even be opened
        if isinstance(error, FileNotFoundError):
            return f"was not found in {path.parent}; check its name and folder."
        if isinstance(error, PermissionError):
            return "may not be read; ask for permission to read it or choose another picture."
        return f"cannot be opened ({error}); choose another picture."
    if not head:
        return "is empty (0 bytes); open another copy of it or fetch it again."
    if isinstance(error, PIL.UnidentifiedImageError):
        if head.startswith(_SIGNATURES):
            return (
                "is damaged or stored in a way that Pliant does not read; fetch it again or make a PNG of it."
            )
        return "is no picture that Pliant reads; convert it to PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF."
    return "is damaged or incomplete; open another copy of it or fetch it again."


def _photo(im: PIL.Image.Image, head: bytes, label: str, *, managed: bool) -> Photo:
    width, height = im.size
    if width * height > MAX_PIXELS:
        raise InvalidRequest(
            f"{label} has {width * height / 1e6:.1f} megapixels; Pliant edits up to "
            f"{MAX_PIXELS // 1_000_000}. Make it smaller first."
        )
    bits = _bits_per_channel(im, head)
    facts = _differences(im, bits)
    xmp = im.info.pop("xmp", None)  # else Pillow turns a TIFF picture by it
    im.load()
    xmp = _upright_xmp(im.info.get("xmp", xmp))
    if bits > 8:
        im.info.pop("transparency", None)  # a colour of more bits than those that are left
    if im.format == "TIFF":  # Pillow has turned it upright
        tags, orientation = portable_tags(im.getexif()), 1
        exif = b"II*\0\x08\0\0\0" + tags.tobytes(8) if len(tags) else None
    else:
        exif, orientation = _upright_exif(im.info.get("exif"))
    has_alpha = im.has_transparency_data
    convert, profile = _conversion(im, bits, im.info.get("icc_profile") if managed else None)
    pixels = _pixels(im, convert, orientation)
    facts += _frames(im)
    notice = f"{label} {' and '.join(facts)}; Pliant works on an 8-bit RGB copy and will not overwrite it."
    return Photo(
        pixels=pixels,
        has_alpha=has_alpha,
        profile=profile,
        exif=exif,
        xmp=xmp,
        notice=notice if facts else None,
        origin=read_recipe(im.info.get(KEY), pixels),
    )


def _bits_per_channel(im: PIL.Image.Image, head: bytes) -> int:
    """Pillow hides how deep PNG and AVIF are."""
    if im.format == "PNG":
        return head[24]  # of its first chunk, IHDR
    if isinstance(im, TiffImagePlugin.TiffImageFile):
        return max(im.tag_v2.get(_BITS_PER_SAMPLE, (1,)))
    coded = head.find(b"av1C") if im.format == "AVIF" else -1
    if coded < 0 or not head[coded + 6] & 0x40:
        return 8
    return 12 if head[coded + 6] & 0x20 else 10


def _differences(im: PIL.Image.Image, bits: int) -> list[str]:
    """What makes an RGBA copy of the first frame differ from the file."""
    facts = [f"has {bits} bits per channel"] if bits > 8 else []
    if im.mode in _KINDS:
        facts.append(_KINDS[im.mode])
    if isinstance(im, TiffImagePlugin.TiffImageFile) and im.mode in ("RGB", "RGBA"):
        if im.tag_v2.get(_SAMPLES, 3) > len(im.mode):
            facts.append("has channels beyond RGB and alpha")
        if im.mode == "RGBA" and 1 in im.tag_v2[_EXTRA_SAMPLES]:
            facts.append("has its colours multiplied by alpha")
    return facts


def _frames(im: PIL.Image.Image) -> list[str]:
    """Counted last, as that may leave `im` at a broken frame. A JPEG's previews (MPO) are no frames."""
    try:
        count = 1 if im.format == "MPO" else getattr(im, "n_frames", 1)
    except PILLOW_ERRORS:
        count = "several"
    return [] if count == 1 else [f"has {count} {'pages' if im.format == 'TIFF' else 'frames'}"]


def _conversion(im: PIL.Image.Image, bits: int, icc: Any) -> tuple[_Convert, bytes | None]:  # noqa: ANN401
    """What makes RGBA of strips of `im`, and the profile that they are then in."""
    reduce = _reduction(im, bits)
    mode = "L" if im.mode in _GREY else im.mode if im.mode in ("CMYK", "LAB") else "RGB"
    transform = _to_srgb(ImageCms.createProfile("LAB") if mode == "LAB" else icc, mode)
    if transform is None or mode == "RGB":
        fits = transform or _to_srgb(icc, "RGB")
        return (lambda strip: reduce(strip).convert("RGBA")), (icc if fits else None)

    def convert(strip: PIL.Image.Image) -> PIL.Image.Image:
        strip = reduce(strip)
        rgb = transform.apply(strip.convert(mode))
        if strip.has_transparency_data:
            rgb.putalpha(strip.convert("RGBA").getchannel("A"))
        return rgb.convert("RGBA")

    return convert, None


def _to_srgb(icc: object, mode: str) -> ImageCms.ImageCmsTransform | None:
    """None where there is no profile, or a broken one, or one for pixels of another kind than `mode`."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(icc) if isinstance(icc, bytes) else icc)
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except PILLOW_ERRORS:
        return None


def _reduction(im: PIL.Image.Image, bits: int) -> _Convert:
    """What makes 8-bit greyscale of strips of deeper greyscale, and leaves others as they are."""
    if im.mode[:1] not in ("I", "F"):
        return lambda strip: strip
    low, white = _range(im) if im.mode in ("I", "F") else (0.0, 2.0**bits)
    scale = 256 / ((white - low) or 1)

    def reduce(strip: PIL.Image.Image) -> PIL.Image.Image:
        with np.errstate(all="ignore"):  # floats need not be numbers
            levels = (np.asarray(strip, np.float64) - low) * scale
        return PIL.Image.fromarray(np.nan_to_num(levels).clip(0, 255).astype(np.uint8))

    return reduce


def _range(im: PIL.Image.Image) -> tuple[float, float]:
    """Black and white: 0 and 1 (of floats), 2⁸ or 2¹⁶ where all values lie between, else the extremes."""
    low, high = im.getextrema()
    assert isinstance(low, (int, float)) and isinstance(high, (int, float))
    if not math.isfinite(high - low):
        return 0.0, 1.0
    usual = (white for white in (1.0, 2.0**8, 2.0**16)[im.mode == "I" :] if low >= 0 and high <= white)
    white = next(usual, None)
    return (low, high) if white is None else (0.0, white)


def _pixels(im: PIL.Image.Image, convert: _Convert, orientation: int) -> Image:
    """(h, w, 4), converted strip by strip and turned upright on the way."""
    width, height = im.size
    shape = (width, height) if orientation >= 5 else (height, width)
    upright = np.empty(shape, np.uint32)  # one word a pixel turns faster than four bytes
    stored = _as_stored(upright, orientation)
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        strip = convert(im.crop((0, top, width, min(top + rows, height))))
        stored[top : top + rows] = np.asarray(strip).view(np.uint32)[..., 0]
    pixels = upright.view(np.uint8).reshape(*shape, 4)
    pixels.flags.writeable = False
    return pixels


def _as_stored(upright: NDArray[np.uint32], orientation: int) -> NDArray[np.uint32]:
    """A view of an upright picture, turned and mirrored as EXIF's `orientation` says that it is stored."""
    down, right = _RUNS.get(orientation, (1, 1))
    mirrored = upright[::down, ::right]
    return mirrored.swapaxes(0, 1) if orientation >= 5 else mirrored


def _upright_exif(raw: object) -> tuple[bytes | None, int]:
    """An EXIF block whose orientation is patched to 1, so that nothing moves, and the one it had, 1 to 8."""
    block = bytearray(re.sub(rb"^(Exif\0\0)+", b"", raw) if isinstance(raw, bytes) else b"")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(block[:4]))
    if order is None:
        return None, 1
    with suppress(struct.error):  # tags that lie past the end
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(order + "HHI", block, entry)
            if tag == _ORIENTATION and number == 1 and kind in (1, 3, 4):
                form = order + {1: "B", 3: "H", 4: "I"}[kind]
                (orientation,) = struct.unpack_from(form, block, entry + 8)
                struct.pack_into(form, block, entry + 8, 1)
                return bytes(block), orientation if 1 <= orientation <= 8 else 1
    return bytes(block), 1


def _upright_xmp(raw: object) -> bytes | None:
    """An XMP packet with orientation 1. Only EXIF's is applied, as viewers have it."""
    xmp = raw.encode() if isinstance(raw, str) else raw
    if not isinstance(xmp, bytes) or not xmp:
        return None
    return re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|[^<>]*>)\s*)\d+", rb"\g<1>1", xmp)
