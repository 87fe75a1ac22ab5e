"""What a photo is, and how it is written with its EXIF, XMP and ICC profile: whole, or not at all."""

import os
import secrets
import shutil
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import PIL.Image
from PIL import ImageCms, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from engine.edit import Image
from engine.errors import InvalidRequest
from engine.origin import Origin
from engine.recipe import KEY, write_recipe

# What Pillow raises on damaged files; found by cutting them and flipping their bytes at every place.
PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError,
    AssertionError, RuntimeError, struct.error, zlib.error, PIL.Image.DecompressionBombError,
    ImageCms.PyCMSError,
)  # fmt: skip

_XMP_TAG = 700  # of TIFF
_EXIF_IFD, _GPS_IFD, _INTEROP_IFD = 0x8769, 0x8825, 0xA005
_SUB_IFDS = {0: (_EXIF_IFD, _GPS_IFD), _EXIF_IFD: (_INTEROP_IFD,)}
# The tags of a first IFD that describe the picture; the others say how a TIFF file is laid out.
_DESCRIPTIVE = {
    270, 271, 272, 282, 283, 296, 305, 306, 315, 316, 18246, 18249, 33432, *_SUB_IFDS[0], *range(40091, 40096)
}  # fmt: skip

_JPEG_SEGMENT = 65533  # bytes of one of JPEG's segments
_XMP_HEAD = 29  # bytes before the packet in its segment


@dataclass(frozen=True, kw_only=True, eq=False)
class Photo:
    """A picture and what its file says about it.

    Args:
        pixels: (h, w, 4) uint8 straight RGBA, C-contiguous and read-only, upright, in the profile below.
        has_alpha: the file has transparency, even where every pixel is opaque.
        profile: the ICC profile; None where sRGB is assumed.
        exif: the EXIF block from its byte-order mark on, its orientation set to 1.
        xmp: the XMP packet, its orientation set to 1 where it has one.
        notice: a sentence, where `pixels` is only an 8-bit RGB(A) copy of a file of another kind.
        origin: how `pixels` were generated, where they were; only PNG tells it.
    """

    pixels: Image
    has_alpha: bool = False
    profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    notice: str | None = None
    origin: Origin | None = None

    def with_pixels(self, pixels: Image) -> "Photo":
        """The same file with another picture, which is no generated one."""
        return replace(self, pixels=pixels, origin=None)


class _Format(NamedTuple):
    name: str
    side: int  # pixels, at most
    options: Callable[[Photo], dict[str, Any]]


def check_output(path: Path, photo: Photo, *, source: Path | None = None) -> None:
    """Call before the work whose result, as large as `photo`, shall go to `path`.

    Args:
        source: the file that `photo` was opened from; not overwritten where `photo` is only a copy of it.

    Raises:
        InvalidRequest: `save_photo` could not write there.
    """
    written = _format(path)
    height, width = photo.pixels.shape[:2]
    if max(width, height) > written.side:
        raise InvalidRequest(
            f"A {written.name} picture has at most {written.side} pixels a side, and this one is {width} × "
            f"{height}; save it as PNG or TIFF."
        )
    try:
        target = path.resolve()
        if target.is_dir():
            raise InvalidRequest(f"{path} is a folder; give the picture a name in it.")
        if not target.parent.is_dir():
            raise _no_folder(target)
        if target.exists():
            _check_overwriting(target, photo, source)
        part = _part(target)
        part.touch(exist_ok=False)  # access rights alone do not tell on every system
        part.unlink()
    except (OSError, ValueError, RuntimeError) as error:  # no access, an impossible name, a circle of links
        raise _refusal(path, error) from error


def save_photo(photo: Photo, path: Path, *, source: Path | None = None) -> None:
    """Write `photo` in the format of the extension: .png, .jpg, .jpeg, .webp, .tif or .tiff.

    PNG, TIFF and WebP keep every pixel, also under transparent alpha; JPEG (quality 95, 4:4:4) shows what is
    transparent over white. Opaque pictures of files without alpha get none. All of the EXIF block is kept,
    but in TIFF the tags that describe the picture; JPEG has no room for an EXIF block or XMP packet above
    64 KB and goes without it. A file that was there stays untouched until the new one is complete.

    Raises:
        InvalidRequest: as for `check_output`; also where the disk is full or fails.
    """
    check_output(path, photo, source=source)
    encoded = _encoded(photo, path)
    target = path.resolve()  # a link goes on pointing to the picture
    part = _part(target)
    try:
        with part.open("xb") as file:
            file.write(encoded)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        raise _refusal(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _format(path: Path) -> _Format:
    written = _FORMATS.get(path.suffix.lower())
    if written is None:
        raise InvalidRequest(
            f"Pliant cannot tell from the name {path.name} how to write the picture; end it in .png, .jpg, "
            ".jpeg, .webp, .tif or .tiff."
        )
    return written


def _no_folder(target: Path) -> InvalidRequest:
    found = next(folder for folder in target.parents if folder.exists())
    if not found.is_dir():
        return InvalidRequest(f"{found} is a file, so no picture fits in it; choose a folder.")
    return InvalidRequest(f"The folder {target.parent} does not exist; create it or choose another.")


def _check_overwriting(target: Path, photo: Photo, source: Path | None) -> None:
    if photo.notice and source is not None and source.exists() and target.samefile(source):
        raise InvalidRequest(f"{photo.notice} Save under another name.")
    if not target.is_file():
        raise InvalidRequest(f"{target} is not a file; choose another name.")
    if not os.access(target, os.W_OK):
        raise InvalidRequest(f"{target.name} is write-protected; choose another name or lift the protection.")


def _part(target: Path) -> Path:
    """Where the new file grows: in the same folder, as only there it can take the old one's place at once."""
    return target.with_name(f".{secrets.token_hex(8)}.part")


def _refusal(path: Path, error: Exception) -> InvalidRequest:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return InvalidRequest(
        f"{path.name} could not be written in {path.parent} ({reason}); choose another place."
    )


def _encoded(photo: Photo, path: Path) -> bytes | memoryview:
    """The whole file, in memory: what then fails is the disk, with its own reason."""
    written = _format(path)
    buffer = BytesIO()
    try:
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of EXIF blocks with faults
            options = {name: value for name, value in written.options(photo).items() if value is not None}
            _picture(photo, written).save(buffer, written.name, **options)
    except MemoryError as error:
        raise InvalidRequest(
            f"There is not enough memory to write {path.name}; close other programs and try again."
        ) from error
    except PILLOW_ERRORS as error:
        raise InvalidRequest(f"{path.name} could not be written ({error}); choose another format.") from error
    return buffer.getbuffer()


def _picture(photo: Photo, written: _Format) -> PIL.Image.Image:
    """RGB, or RGBA where there is transparency to keep; it shares the memory of `photo` where it can."""
    height, width = photo.pixels.shape[:2]
    opaque = int(photo.pixels[..., 3].min()) == 255
    mode = "RGBX" if opaque and (not photo.has_alpha or written.name == "JPEG") else "RGBA"
    rgba = PIL.Image.frombuffer(mode, (width, height), photo.pixels, "raw", mode, 0, 1)
    if mode == "RGBX":  # which WebP and JPEG write as RGB, but TIFF with a fourth channel and PNG not at all
        return rgba if written.name in ("WEBP", "JPEG") else rgba.convert("RGB")
    if written.name != "JPEG":
        return rgba
    flat = PIL.Image.new("RGB", rgba.size, "white")
    flat.paste(rgba, mask=rgba)
    return flat


def _png(photo: Photo) -> dict[str, Any]:
    texts = PngInfo()
    if photo.xmp:
        texts.add_itxt("XML:com.adobe.xmp", photo.xmp)
    if photo.origin:
        texts.add_text(KEY, write_recipe(photo.origin, photo.pixels))
    # Level 2: 24 megapixels in 1.7 s; each further one takes much longer and saves 3 % at most.
    return {"icc_profile": photo.profile, "exif": photo.exif, "pnginfo": texts, "compress_level": 2}


def _jpeg(photo: Photo) -> dict[str, Any]:
    exif = b"Exif\0\0" + photo.exif if photo.exif else None
    return {
        "icc_profile": photo.profile,
        "exif": exif if len(exif or b"") <= _JPEG_SEGMENT else None,
        "xmp": photo.xmp if len(photo.xmp or b"") <= _JPEG_SEGMENT - _XMP_HEAD else None,
        "quality": 95,
        "subsampling": "4:4:4",
    }


def _webp(photo: Photo) -> dict[str, Any]:
    # Without effort: 24 megapixels in 2.4 s; with the usual one 7 % smaller in 16 s.
    effort = {"lossless": True, "exact": True, "method": 0, "quality": 0}
    return {"icc_profile": photo.profile, "exif": photo.exif, "xmp": photo.xmp, **effort}


def _tiff(photo: Photo) -> dict[str, Any]:
    """Uncompressed: Pillow compresses through libtiff, which cannot write EXIF's nested tags."""
    exif = PIL.Image.Exif()
    if photo.exif:
        with suppress(*PILLOW_ERRORS):
            exif.load(photo.exif)
    tags = portable_tags(exif)
    if photo.xmp:
        tags[_XMP_TAG] = photo.xmp
    return {"icc_profile": photo.profile, "tiffinfo": tags, "compression": "raw"}


def portable_tags(exif: PIL.Image.Exif) -> TiffImagePlugin.ImageFileDirectory_v2:
    """The tags of `exif` that describe the picture and can be written, bound to no place in a file."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in _writable(exif, exif, 0).items():
        if tag in _DESCRIPTIVE:
            tags[tag] = value
    return tags


def _writable(exif: PIL.Image.Exif, tags: Mapping[int, Any], group: int) -> dict[int, Any]:
    """`tags` of one IFD and those nested in it, but for values that their types do not allow."""
    writable: dict[int, Any] = {}
    for tag in tags:
        with suppress(*PILLOW_ERRORS):
            value = tags[tag]
            if tag in _SUB_IFDS.get(group, ()):
                value = _writable(exif, exif.get_ifd(tag), tag)
            elif isinstance(value, str) and not value.isascii():
                value = value.encode("latin-1")  # as Pillow reads all text; it would write ASCII only
            trial = TiffImagePlugin.ImageFileDirectory_v2(group=group or None)
            trial[tag] = value
            trial.tobytes()
            writable[tag] = value
    return writable


_FORMATS = {
    ".png": _Format("PNG", 2**31 - 1, _png),
    ".jpg": _Format("JPEG", 65500, _jpeg),
    ".jpeg": _Format("JPEG", 65500, _jpeg),
    ".webp": _Format("WEBP", 16383, _webp),
    ".tif": _Format("TIFF", 2**31 - 1, _tiff),
    ".tiff": _Format("TIFF", 2**31 - 1, _tiff),
}
