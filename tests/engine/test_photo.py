"""Picture files come as 8-bit straight RGBA, upright, exact where they can, and with a sentence where not."""

import functools
import io
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

import engine.photo
from engine.errors import InvalidRequest
from engine.photo import Photo, open_mask, open_photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'tiff:Orientation="1"/></x:xmpmeta>'
)


def noise(width: int, height: int, channels: int, dtype=np.uint8, seed: int = 0):
    values = np.random.default_rng(seed).integers(
        0, np.iinfo(dtype).max + 1, (height, width, channels), dtype
    )
    return values[..., 0] if channels == 1 else values


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def exif_block(orientation: int, order: str = "<", kind: int = 3) -> bytes:
    """IFD0 with Make, orientation and an Exif IFD whose MakerNote says where it lies."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(order + {1: "Bxxx", 3: "Hxx", 4: "I"}[kind], orientation)
    ifd0 = struct.pack(
        order + "HHHI4sHHI4sHHIII", 3, 271, 2, 4, b"Acm\0", 274, kind, 1, value, 0x8769, 4, 1, 50, 0
    )
    nested = struct.pack(order + "HHHIII", 1, 37500, 7, 12, 68, 0)
    return mark + struct.pack(order + "I", 8) + ifd0 + nested + b"NOTE at 68 \0"


def icc(space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A minimal ICC version 2 profile."""
    table, bodies, end = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, body in tags.items():
        table += struct.pack(">4sII", name, end + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    head = (
        struct.pack(">I4sI4s4s4s12x", end + len(bodies), b"test", 0x02100000, b"prtr", space, pcs) + b"acsp"
    )
    head += bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head + bytes(128 - len(head)) + table + bodies


def grey_profile(gamma: float) -> bytes:
    curve = struct.pack(">4sIIHxx", b"curv", 0, 1, round(gamma * 256))
    return icc(
        b"GRAY", b"XYZ ", {b"wtpt": b"XYZ " + struct.pack(">I3i", 0, 63190, 65536, 54061), b"kTRC": curve}
    )


def cmyk_profile() -> bytes:
    """Inks with colours of their own: a table of two levels per ink, in Lab."""
    ramp = bytes(range(256))
    colours = bytearray()
    for inks in np.ndindex(2, 2, 2, 2):
        c, m, y, k = inks
        colours += bytes(
            (round(255 * (1 - 0.3 * c - 0.3 * m - 0.1 * y) * (1 - 0.9 * k)), 128 + 50 * (m - c), 128 + 50 * y)
        )
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + identity + ramp * 4 + bytes(colours) + ramp * 3
    return icc(b"CMYK", b"Lab ", {b"A2B0": table})


def read_rgba(path: Path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA"))


@pytest.fixture
def strips(monkeypatch):
    """Small pictures are converted in several strips, too."""
    monkeypatch.setattr(engine.photo, "_STRIP", 50)


# Pixels


LOSSLESS = [("a.png", {}), ("a.webp", {"lossless": True, "exact": True}), ("a.tif", {}), ("a.bmp", {})]


@pytest.mark.parametrize(("name", "options"), [*LOSSLESS, ("lzw.tif", {"compression": "tiff_lzw"})])
def test_rgb_comes_exactly(tmp_path, strips, name, options):
    pixels = noise(17, 12, 3)
    photo = open_photo(saved(tmp_path / name, Image.fromarray(pixels), **options))
    assert np.array_equal(photo.pixels, np.dstack([pixels, np.full((12, 17), 255, np.uint8)]))
    assert not photo.has_alpha
    assert (photo.profile, photo.exif, photo.xmp, photo.notice) == (None, None, None, None)


@pytest.mark.parametrize(("name", "options"), LOSSLESS[:3])
def test_rgba_comes_exactly_under_transparency_too(tmp_path, strips, name, options):
    pixels = noise(17, 12, 4)
    pixels[::2, :, 3] = 0
    photo = open_photo(saved(tmp_path / name, Image.fromarray(pixels), **options))
    assert np.array_equal(photo.pixels, pixels)
    assert photo.has_alpha
    assert photo.notice is None


def test_pixels_are_contiguous_and_read_only(tmp_path):
    pixels = open_photo(saved(tmp_path / "a.png", Image.new("RGB", (5, 3)))).pixels
    assert pixels.shape == (3, 5, 4)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert not pixels.flags.writeable


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "progressive.jpg", "a.avif", "lossy.webp"])
def test_lossy_files_come_as_decoded(tmp_path, strips, picture, name):
    options = {"progressive": True} if "progressive" in name else {}
    path = saved(tmp_path / name, Image.fromarray(picture).convert("RGB"), **options)
    photo = open_photo(path)
    assert np.array_equal(photo.pixels, read_rgba(path))
    assert photo.notice is None


def test_extension_does_not_matter(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (4, 4), "red"), format="PNG")
    assert open_photo(path).pixels[0, 0].tolist() == [255, 0, 0, 255]


def test_colour_key_of_png_becomes_alpha(tmp_path):
    image = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    photo = open_photo(saved(tmp_path / "a.png", image, transparency=(1, 2, 3)))
    assert photo.pixels.tolist() == [[[1, 2, 3, 0], [4, 5, 6, 255]]]
    assert photo.has_alpha
    assert photo.notice is None


# Files of another kind


def save_16_bit(path: Path, pixels) -> Path:
    order = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[
        pixels.ndim if pixels.ndim == 2 else pixels.shape[2]
    ]
    assert cv2.imwrite(str(path), pixels if order is None else cv2.cvtColor(pixels, order))
    return path


@pytest.mark.parametrize(
    ("extension", "channels"), [(".png", 1), (".png", 3), (".png", 4), (".tif", 1), (".tif", 3)]
)
def test_16_bits_come_as_the_upper_8(tmp_path, strips, extension, channels):
    pixels = noise(17, 12, channels, np.uint16)
    photo = open_photo(save_16_bit(tmp_path / f"a{extension}", pixels))
    kept = np.atleast_3d((pixels >> 8).astype(np.uint8))
    assert np.array_equal(
        photo.pixels[..., : max(channels, 3)], np.broadcast_to(kept, (12, 17, max(channels, 3)))
    )
    assert photo.has_alpha == (channels == 4)
    kind = "has 16 bits per channel" + " and is greyscale" * (channels == 1)
    assert photo.notice == (
        f"a{extension} {kind}; Pliant works on an 8-bit RGB copy and will not overwrite it."
    )


def test_12_bits_come_as_the_upper_8(tmp_path):
    """Two grey values, 0xABC and 0x123, packed in three bytes."""
    tags = {
        256: (3, 2),
        257: (3, 1),
        258: (3, 12),
        259: (3, 1),
        262: (3, 1),
        273: (4, 110),
        277: (3, 1),
        279: (4, 3),
    }
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in tags.items())
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + b"\xab\xc1\x23")
    photo = open_photo(path)
    assert photo.pixels[..., 0].tolist() == [[0xAB, 0x12]]
    assert "has 12 bits per channel and is greyscale" in photo.notice


FLOATS = [
    ([0, 0.5, 1], [0, 128, 255]),
    ([0, 100, 255], [0, 100, 255]),
    ([0, 25600, 65535], [0, 100, 255]),
    ([-100, 0, 100], [0, 128, 255]),
    ([0, 1, np.nan], [0, 255, 0]),
    ([7e7, 7e7, 7e7], [0, 0, 0]),
    ([0, 1e-45, 3e38], [0, 0, 255]),
]


@pytest.mark.parametrize(("values", "grey"), FLOATS)
def test_floats_are_scaled_to_their_range(tmp_path, values, grey):
    photo = open_photo(saved(tmp_path / "a.tif", Image.fromarray(np.array([values], np.float32))))
    assert photo.pixels[0, :, 0].tolist() == grey
    assert photo.notice.startswith("a.tif has 32 bits per channel and is greyscale;")


@pytest.mark.parametrize(("values", "grey"), [([0, 1, 255], [0, 1, 255]), ([0, 512, 65535], [0, 2, 255])])
def test_integers_are_scaled_to_their_range(tmp_path, values, grey):
    photo = open_photo(saved(tmp_path / "a.tif", Image.fromarray(np.array([values], np.int32))))
    assert photo.pixels[0, :, 0].tolist() == grey


COPIES = [
    ("a.png", "L", "is greyscale"),
    ("a.png", "LA", "is greyscale"),
    ("a.jpg", "L", "is greyscale"),
    ("a.tif", "L", "is greyscale"),
    ("a.png", "1", "is black and white"),
    ("a.tif", "1", "is black and white"),
    ("a.png", "P", "has a palette"),
    ("a.gif", "P", "has a palette"),
    ("a.bmp", "P", "has a palette"),
    ("a.tif", "CMYK", "is in CMYK"),
    ("a.jpg", "CMYK", "is in CMYK"),
    ("a.tif", "YCbCr", "is in YCbCr"),
]


@pytest.mark.parametrize(("name", "mode", "words"), COPIES)
def test_other_kinds_come_as_copies(tmp_path, strips, picture, name, mode, words):
    path = saved(tmp_path / name, Image.fromarray(picture[::8, ::8, :3]).convert(mode))
    photo = open_photo(path)
    assert photo.notice == f"{name} {words}; Pliant works on an 8-bit RGB copy and will not overwrite it."
    assert np.array_equal(photo.pixels, read_rgba(path))
    assert photo.has_alpha == (mode == "LA")


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_transparent_palette_becomes_rgba(tmp_path, name):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    photo = open_photo(saved(tmp_path / name, image, transparency=0))
    assert photo.pixels.tolist() == [[[10, 20, 30, 0], [40, 50, 60, 255]]]
    assert photo.has_alpha
    assert "has a palette" in photo.notice


def test_lab_is_converted(tmp_path, picture):
    rgb = Image.fromarray(picture).convert("RGB")
    lab = ImageCms.profileToProfile(rgb, SRGB, ImageCms.createProfile("LAB"), outputMode="LAB")
    photo = open_photo(saved(tmp_path / "a.tif", lab))
    back = ImageCms.profileToProfile(lab, ImageCms.createProfile("LAB"), SRGB, outputMode="RGB")
    assert np.array_equal(photo.pixels[..., :3], np.asarray(back))
    assert np.abs(photo.pixels.astype(int) - picture).mean() < 2
    assert "is in Lab" in photo.notice


def tiff_with(tag: int, old: int, new: int, image: Image.Image) -> bytes:
    """`image` as TIFF, whose short `tag` says `new` instead."""
    buffer = io.BytesIO()
    image.save(buffer, "TIFF")
    entry = struct.pack("<HHII", tag, 3, 1, old)
    assert buffer.getvalue().count(entry) == 1
    return buffer.getvalue().replace(entry, struct.pack("<HHII", tag, 3, 1, new))


@pytest.mark.parametrize(
    ("kind", "words"), [(0, "has channels beyond RGB and alpha"), (1, "has its colours multiplied by alpha")]
)
def test_fourth_channel_that_is_no_straight_alpha_is_named(tmp_path, kind, words):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_with(338, 2, kind, Image.new("RGBA", (3, 2), (10, 20, 30, 128))))
    assert f"a.tif {words};" in open_photo(path).notice


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.gif", "has a palette and has 3 frames"), ("a.png", "has 3 frames"), ("a.webp", "has 3 frames"),
     ("a.tif", "has 3 pages"), ("a.avif", "has 3 frames")],
)  # fmt: skip
def test_first_of_several_frames_is_opened(tmp_path, name, words):
    first, *others = (Image.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue"))
    photo = open_photo(saved(tmp_path / name, first, save_all=True, append_images=others, lossless=True))
    assert np.abs(photo.pixels[5, 5].astype(int) - (255, 0, 0, 255)).max() <= 3
    assert photo.notice == f"{name} {words}; Pliant works on an 8-bit RGB copy and will not overwrite it."


def test_frames_that_cannot_be_counted_do_not_keep_the_first_from_opening(tmp_path):
    path = tmp_path / "a.tif"
    pages = [Image.new("RGB", (20, 10), colour) for colour in ("red", "lime")]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    content = path.read_bytes()
    second = content.rindex(struct.pack("<HHI", 262, 3, 1))  # photometric interpretation of page 2
    path.write_bytes(content[: second + 8] + b"\x63" + content[second + 9 :])
    photo = open_photo(path)
    assert photo.pixels[0, 0].tolist() == [255, 0, 0, 255]
    assert "has several pages" in photo.notice


def test_previews_in_a_jpeg_are_no_frames(tmp_path):
    red, blue = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    photo = open_photo(saved(tmp_path / "a.jpg", red, format="MPO", save_all=True, append_images=[blue]))
    assert photo.notice is None
    assert photo.pixels[0, 0, 2] < 5


def test_deep_avif_is_a_copy():
    head = bytes(40) + b"av1C\x81\x08"
    image = Image.new("RGB", (1, 1))
    image.format = "AVIF"
    depths = [engine.photo._bits_per_channel(image, head + bytes([flags])) for flags in (0x0C, 0x4C, 0x6C)]
    assert depths == [8, 10, 12]


# Profiles


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.avif"])
def test_rgb_profile_is_kept(tmp_path, display_p3, name):
    photo = open_photo(saved(tmp_path / name, Image.new("RGB", (9, 7), "red"), icc_profile=display_p3))
    assert photo.profile == display_p3
    assert photo.pixels[0, 0, 0] > 250


def test_cmyk_goes_through_its_profile_to_srgb(tmp_path, strips):
    image = Image.frombytes("CMYK", (17, 12), noise(17, 12, 4).tobytes())
    profile = cmyk_profile()
    photo = open_photo(saved(tmp_path / "a.tif", image, icc_profile=profile))
    managed = ImageCms.profileToProfile(
        image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB, outputMode="RGB"
    )
    assert np.array_equal(photo.pixels[..., :3], np.asarray(managed))
    assert np.abs(photo.pixels[..., :3].astype(int) - np.asarray(image.convert("RGB"))).mean() > 5
    assert photo.profile is None
    assert "is in CMYK" in photo.notice


def test_grey_goes_through_its_profile_to_srgb(tmp_path):
    image = Image.fromarray(np.array([[0, 128, 255]], np.uint8))
    photo = open_photo(saved(tmp_path / "a.png", image, icc_profile=grey_profile(1.0)))
    assert photo.pixels[0, :, :3].tolist() == [[0] * 3, [188] * 3, [255] * 3]  # linear 0.5 is 188 in sRGB
    assert photo.profile is None


def test_grey_with_alpha_keeps_it_through_its_profile(tmp_path):
    image = Image.frombytes("LA", (2, 1), bytes((128, 0, 128, 77)))
    photo = open_photo(saved(tmp_path / "a.png", image, icc_profile=grey_profile(1.0)))
    assert photo.pixels.tolist() == [[[188, 188, 188, 0], [188, 188, 188, 77]]]


def test_16_bit_grey_goes_through_its_profile(tmp_path):
    image = Image.fromarray(np.array([[0, 0x80FF, 0xFFFF]], np.uint16))
    photo = open_photo(saved(tmp_path / "a.png", image, icc_profile=grey_profile(1.0)))
    assert photo.pixels[0, :, 0].tolist() == [0, 188, 255]


def test_rgb_profile_of_a_grey_picture_fits_the_copy(tmp_path, display_p3):
    photo = open_photo(saved(tmp_path / "a.png", Image.new("L", (3, 2), 100), icc_profile=display_p3))
    assert photo.profile == display_p3
    assert photo.pixels[0, 0].tolist() == [100, 100, 100, 255]


MISFITS = [
    (mode, profile)
    for mode, fitting in (("RGB", b"RGB "), ("RGBA", b"RGB "), ("L", b"GRAY"), ("CMYK", b"CMYK"))
    for profile in (grey_profile(2.2), cmyk_profile(), b"no profile", SRGB.tobytes()[:200])
    if profile[16:20] != fitting or len(profile) == 200
]


@pytest.mark.parametrize(("mode", "profile"), MISFITS)
def test_profile_that_is_broken_or_does_not_fit_is_left_out(tmp_path, mode, profile):
    path = saved(tmp_path / "a.tif", Image.new(mode, (3, 2), 77), icc_profile=profile)
    photo = open_photo(path)
    assert photo.profile is None
    assert np.array_equal(photo.pixels, read_rgba(path))


# EXIF and XMP


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_orientation_is_applied(tmp_path, strips, name, orientation):
    tags = Image.Exif()
    tags[274] = orientation
    path = saved(tmp_path / name, Image.fromarray(noise(17, 12, 3)), exif=tags)
    photo = open_photo(path)
    with Image.open(path) as image:
        assert np.array_equal(photo.pixels, np.asarray(ImageOps.exif_transpose(image).convert("RGBA")))
    assert photo.pixels.flags.c_contiguous
    kept = Image.Exif()
    kept.load(photo.exif or b"")
    assert kept.get(274, 1) == 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_only_the_orientation_of_an_exif_block_changes(tmp_path, order, kind):
    block = exif_block(6, order, kind)
    photo = open_photo(saved(tmp_path / "a.jpg", Image.new("RGB", (17, 12)), exif=b"Exif\0\0" + block))
    assert photo.pixels.shape == (17, 12, 4)
    assert photo.exif == exif_block(1, order, kind)
    assert photo.exif[68:] == b"NOTE at 68 \0"


@pytest.mark.parametrize("orientation", [0, 9, 200, 65535])
def test_odd_orientations_are_ignored(tmp_path, orientation):
    block = exif_block(orientation)
    photo = open_photo(saved(tmp_path / "a.jpg", Image.new("RGB", (17, 12)), exif=b"Exif\0\0" + block))
    assert photo.pixels.shape == (12, 17, 4)
    assert photo.exif == exif_block(1)


@pytest.mark.parametrize(
    ("block", "kept"),
    [
        (b"Exif\0\0" * 2 + exif_block(1), exif_block(1)),
        (exif_block(3)[:30], exif_block(3)[:30]),  # ends amid its tags
        (b"II*\0\xff\xff\xff\x7f", b"II*\0\xff\xff\xff\x7f"),
        (b"II*\0", b"II*\0"),
        (b"nonsense", None),
    ],
)
def test_exif_blocks_with_faults_do_no_harm(tmp_path, capfd, block, kept):
    head = b"" if block.startswith(b"Exif") else b"Exif\0\0"
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (17, 12)))
    content = path.read_bytes()
    segment = head + block
    path.write_bytes(content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:])
    photo = open_photo(path)
    assert photo.pixels.shape == (12, 17, 4)
    assert photo.exif == kept
    assert capfd.readouterr() == ("", "")


def test_exif_of_tiff_holds_what_describes_the_picture(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[271], tags[315], tags[33432] = "Acme", "Ünal".encode(), "© me".encode()
    tags[34665] = {33434: TiffImagePlugin.IFDRational(1, 250), 36867: "2020:01:01 00:00:00", 37500: b"NOTE"}
    tags[34853] = {1: "N", 2: (1.0, 2.0, 3.0)}
    path = saved(tmp_path / "a.tif", Image.new("RGB", (3, 2)), tiffinfo=tags, icc_profile=SRGB.tobytes())
    block = open_photo(path).exif
    exif = Image.Exif()
    exif.load(block)
    assert set(exif) == {271, 315, 33432, 34665, 34853}
    assert "© me".encode() in block
    assert "Ünal".encode() in block
    assert exif.get_ifd(34665) == {33434: 0.004, 36867: "2020:01:01 00:00:00", 37500: b"NOTE"}
    assert exif.get_ifd(34853) == {1: "N", 2: (1.0, 2.0, 3.0)}


@pytest.mark.parametrize(
    ("xmp", "kept"),
    [
        (XMP, XMP),
        (XMP.replace(b'"1"', b'"6"'), XMP),
        (XMP.replace(b'="1"', b" = '8'"), XMP.replace(b'="1"', b" = '1'")),
        (b"<tiff:Orientation>3</tiff:Orientation>", b"<tiff:Orientation>1</tiff:Orientation>"),
        (b"<x>\xff\xfe no text</x>", b"<x>\xff\xfe no text</x>"),
    ],
)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_xmp_is_kept_and_turns_nothing(tmp_path, name, xmp, kept):
    texts, tags = PngInfo(), Image.Exif()
    texts.add_itxt("XML:com.adobe.xmp", xmp)
    tags[700] = xmp
    options = {".png": {"pnginfo": texts}, ".tif": {"exif": tags}}.get(Path(name).suffix, {"xmp": xmp})
    photo = open_photo(saved(tmp_path / name, Image.new("RGB", (17, 12)), **options))
    assert photo.xmp == kept
    assert photo.pixels.shape == (12, 17, 4)


def test_metadata_after_the_pixels_of_png_is_found(tmp_path):
    path = saved(tmp_path / "a.png", Image.new("RGB", (17, 12)))
    chunks = b""
    for name, body in ((b"eXIf", exif_block(6)), (b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + XMP)):
        chunks += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    content = path.read_bytes()
    path.write_bytes(content[:-12] + chunks + content[-12:])
    photo = open_photo(path)
    assert photo.pixels.shape == (17, 12, 4)
    assert (photo.exif, photo.xmp) == (exif_block(1), XMP)


# Files that cannot be opened


def refusal(path: Path) -> str:
    with pytest.raises(InvalidRequest) as caught:
        open_photo(path)
    return str(caught.value)


def test_missing_file(tmp_path):
    assert refusal(tmp_path / "a.png") == f"a.png was not found in {tmp_path}; check its name and folder."


def test_folder(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path.name} is a folder; choose a picture in it."


def test_empty_file(tmp_path):
    (tmp_path / "a.png").touch()
    assert refusal(tmp_path / "a.png") == (
        "a.png is empty (0 bytes); open another copy of it or fetch it again."
    )


@pytest.mark.parametrize(
    "content", [b"Hello.", bytes(100), b"%PDF-1.7", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"]
)
def test_other_file(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    assert refusal(tmp_path / "a.jpg") == (
        "a.jpg is no picture that Pliant reads; convert it to PNG, JPEG, WebP, TIFF, BMP, GIF or AVIF."
    )


def test_tiff_of_an_unknown_kind_is_no_damage(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_with(262, 2, 32845, Image.new("RGB", (3, 2))))  # LogLuv
    assert refusal(path) == (
        "a.tif is damaged or stored in a way that Pliant does not read; fetch it again or make a PNG of it."
    )


def test_kinds_beyond_the_list_are_refused(tmp_path):
    path = saved(tmp_path / "a.ppm", Image.new("RGB", (3, 2)))
    assert "is no picture that Pliant reads" in refusal(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.gif", "a.bmp"])
def test_file_cut_short(tmp_path, picture, name):
    path = saved(tmp_path / name, Image.fromarray(picture).convert("RGB"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert refusal(path) == f"{name} is damaged or incomplete; open another copy of it or fetch it again."


def test_file_without_permission(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.new("RGB", (3, 2)))
    monkeypatch.setattr(
        Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied"))
    )
    assert refusal(path) == "a.png may not be read; ask for permission to read it or choose another picture."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipe(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert refusal(tmp_path / "a.png") == "a.png is not a file; choose a picture."


@pytest.mark.parametrize("name", ["a\0.png", "a" * 300 + ".png"])
def test_impossible_name(tmp_path, name):
    assert " cannot be opened (" in refusal(tmp_path / name)


def test_full_memory(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.new("RGB", (3, 2)))
    monkeypatch.setattr(engine.photo, "_pixels", lambda *_: (_ for _ in ()).throw(MemoryError))
    assert refusal(path) == "a.png needs more memory than is free; close other programs and try again."


def huge_png(width: int, height: int) -> bytes:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n\0\0\0\r" + head + struct.pack(">I", zlib.crc32(head))
    return start + bytes(4) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def test_too_large_a_picture_is_refused_by_its_header(tmp_path, capfd):
    (tmp_path / "a.png").write_bytes(huge_png(20_000, 15_000))
    assert refusal(tmp_path / "a.png") == (
        "a.png has 300.0 megapixels; Pliant edits up to 100. Make it smaller first."
    )
    assert capfd.readouterr() == ("", "")


def test_largest_picture_is_not_refused_for_its_size(tmp_path):
    (tmp_path / "a.png").write_bytes(huge_png(10_000, 10_000))
    assert "is damaged" in refusal(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(huge_png(10_000, 10_001))
    assert "has 100.0 megapixels" in refusal(tmp_path / "a.png")


# Damage of every kind


@functools.cache
def samples() -> dict[str, bytes]:
    """Small files of every kind, with metadata."""
    rgba, rgb = Image.fromarray(noise(9, 7, 4)), Image.fromarray(noise(9, 7, 3))
    texts, tags = PngInfo(), TiffImagePlugin.ImageFileDirectory_v2()
    texts.add_itxt("XML:com.adobe.xmp", XMP)
    tags[700], tags[34665] = XMP, {33434: 0.004}
    extras = {"exif": b"Exif\0\0" + exif_block(6), "icc_profile": grey_profile(2.2)}
    frames = {"save_all": True, "append_images": [rgb.transpose(Image.Transpose.FLIP_TOP_BOTTOM)]}
    plan = {
        "a.png": (rgba, {**extras, "pnginfo": texts}),
        "palette.png": (rgb.quantize(7), {"transparency": b"\0\x80"}),
        "frames.png": (rgb, frames),
        "a.jpg": (rgb, {**extras, "xmp": XMP}),
        "progressive.jpg": (rgb, {"progressive": True}),
        "cmyk.jpg": (rgb.convert("CMYK"), {}),
        "a.webp": (rgba, {**extras, "xmp": XMP, "lossless": True}),
        "lossy.webp": (rgb, {}),
        "frames.webp": (rgb, frames),
        "a.tif": (rgba, {"tiffinfo": tags, "icc_profile": grey_profile(2.2)}),
        "packbits.tif": (rgb, {"compression": "packbits"}),
        "float.tif": (Image.fromarray(noise(9, 7, 1).astype(np.float32)), {}),
        "frames.tif": (rgb, frames),
        "a.gif": (rgb, {}),
        "frames.gif": (rgb, frames),
        "a.bmp": (rgb, {}),
        "a.avif": (rgba, {**extras, "xmp": XMP}),
    }
    files = {}
    for name, (image, options) in plan.items():
        buffer = io.BytesIO()
        image.save(
            buffer, {".jpg": "JPEG", ".tif": "TIFF"}.get(Path(name).suffix, Path(name).suffix[1:]), **options
        )
        files[name] = buffer.getvalue()
    return files


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Cut off somewhere, or with some bytes changed, more of them near the beginning."""
    if rng.random() < 0.2:
        return content[: rng.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        place = rng.randrange(len(changed) if rng.random() < 0.5 else min(len(changed), 300))
        changed[place] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return bytes(changed)


@pytest.mark.parametrize("count", [60, pytest.param(6000, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", samples())
def test_damaged_files_are_opened_or_refused(tmp_path, name, count):
    """What other errors Pillow raises came out this way, in 10⁵ files cut and changed."""
    content, rng, path = samples()[name], random.Random(name), tmp_path / name
    refused = 0
    for _ in range(count):
        path.write_bytes(damaged(content, rng))
        try:
            photo = open_photo(path)
        except InvalidRequest as error:
            refused += 1
            assert str(error).startswith(name)
        else:
            assert isinstance(photo, Photo)
    assert refused > 0


# Masks


def test_mask_of_one_channel_comes_exactly(tmp_path):
    values = noise(17, 12, 1)
    mask = open_mask(
        saved(tmp_path / "m.png", Image.fromarray(values), icc_profile=grey_profile(1.0)), "mask"
    )
    assert np.array_equal(mask, values)
    assert mask.flags.c_contiguous
    assert not mask.flags.writeable


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "LA"])
def test_mask_is_the_brightness_of_a_picture(tmp_path, clear_picture, mode):
    image = Image.fromarray(clear_picture).convert(mode)
    mask = open_mask(saved(tmp_path / "m.png", image), "mask")
    assert np.array_equal(mask, np.asarray(image.convert("RGBA").convert("L")))


def test_mask_of_grey_colours_comes_exactly(tmp_path):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    mask = open_mask(saved(tmp_path / "m.png", Image.fromarray(np.dstack([values] * 3))), "mask")
    assert np.array_equal(mask, values)


@pytest.mark.parametrize("colour", [0, 200, 255])
def test_mask_is_alpha_where_there_is_one_colour(tmp_path, colour):
    pixels = np.full((12, 17, 4), colour, np.uint8)
    pixels[..., 3] = noise(17, 12, 1)
    mask = open_mask(saved(tmp_path / "m.png", Image.fromarray(pixels)), "mask")
    assert np.array_equal(mask, pixels[..., 3])
    assert not mask.flags.writeable


def test_mask_of_one_colour_and_opaque_is_its_brightness(tmp_path):
    mask = open_mask(saved(tmp_path / "m.png", Image.new("RGBA", (3, 2), (7, 7, 7, 9))), "mask")
    assert mask.tolist() == [[7] * 3] * 2


def test_mask_of_16_bits_comes_as_the_upper_8(tmp_path):
    values = noise(17, 12, 1, np.uint16)
    assert np.array_equal(open_mask(saved(tmp_path / "m.png", Image.fromarray(values)), "mask"), values >> 8)


def test_mask_is_turned_upright(tmp_path):
    values = noise(17, 12, 1)
    path = saved(tmp_path / "m.png", Image.fromarray(values), exif=b"Exif\0\0" + exif_block(6))
    assert np.array_equal(open_mask(path, "mask"), np.rot90(values, -1))


@pytest.mark.parametrize("name", ["mask", "subject"])
def test_mask_that_cannot_be_opened_is_named(tmp_path, name):
    with pytest.raises(InvalidRequest, match=f"^The {name} m.png was not found in "):
        open_mask(tmp_path / "m.png", name)
    (tmp_path / "m.png").write_bytes(huge_png(20_000, 10_000))
    with pytest.raises(InvalidRequest, match=f"^The {name} m.png has 200.0 megapixels"):
        open_mask(tmp_path / "m.png", name)


# Memory


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_memory_of_opening_and_saving(tmp_path, picture, name):
    """At most 4 times the pixels' bytes, of which 100 megapixels have 400 MB."""
    path = saved(tmp_path / name, Image.fromarray(np.tile(picture[..., :3], (8, 8, 1))))
    script = f"""
import re
from pathlib import Path
from engine.photo import open_photo, save_photo
def size(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
open_photo(Path({str(tmp_path / "small.png")!r}))
before = size("VmRSS")
photo = open_photo(Path({str(path)!r}))
save_photo(photo, Path({str(path.with_stem("b"))!r}))
print((size("VmHWM") - before) / photo.pixels.nbytes)
"""
    saved(tmp_path / "small.png", Image.new("RGB", (3, 2)), icc_profile=SRGB.tobytes())
    root = Path(engine.photo.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 4
