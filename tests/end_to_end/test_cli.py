"""The command line from file to file: what it writes, what it says, how it ends."""

import errno
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageOps
import pytest
from safetensors.numpy import save_file

from engine import METHODS, Engine, cli
from engine.edit import Box, DragEdit, EditResult, Point, PointPair, TextEdit
from engine.errors import DownloadFailed, ModelMissing, OutOfMemory
from engine.method import Method
from engine.region import plan
from engine.settings import Settings
from engine.subject import with_subject

ROOT = Path(__file__).parents[2]
DRAG = "90,90:120,100"  # in all pictures here
PRECIOUS = b"something that was there before"

EXIF_ARTIST, EXIF_ORIENTATION = 315, 274
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="a field"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


@pytest.fixture
def run(capsys):
    """run(*words) → (status, stdout, stderr) of the command line in this process."""

    def call(*words):
        status = cli.main([str(word) for word in words])
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture
def photo(tmp_path, picture):
    """photo(name, array=…, **options) writes a picture and returns its path."""

    def write(name="photo.png", array=picture, **options):
        path = tmp_path / name
        image = PIL.Image.fromarray(
            array if array.ndim == 2 or name.endswith((".png", ".webp", ".tif")) else array[..., :3]
        )
        image.save(path, **options)
        return path

    return write


def decoded(path):
    with PIL.Image.open(path) as image:
        return np.asarray(image.convert("RGBA"))


def request_of(image, drag=DRAG, **changes):
    handle, target = (Point(*map(float, end.split(","))) for end in drag.split(":"))
    return DragEdit(image=image, points=(PointPair(handle, target),), **changes)


def changed(before, after):
    return (before != after).any(-1)


def allowed(request):
    region = plan(with_subject(request))
    mask = np.zeros(request.image.shape[:2], np.uint8)
    mask[region.crop.slices] = region.mask
    return mask > 0


def is_one_sentence(text):
    return text.endswith(".\n") and text.count("\n") == 1 and "Traceback" not in text and len(text) > 10


# --- edits that work


@pytest.mark.parametrize("source", ["photo.png", "photo.jpg", "photo.webp", "photo.tif", "photo.bmp"])
@pytest.mark.parametrize("output", ["out.png", "out.jpg", "out.jpeg", "out.webp", "out.tif", "out.tiff"])
def test_a_drag_on_a_file_of_each_format(run, photo, tmp_path, source, output):
    source, output = photo(source), tmp_path / output
    status, out, err = run("edit", "flow_warp", source, "-o", output, "--drag", DRAG)
    assert (status, out, err) == (0, f"{output}\n", "")
    before, after = decoded(source), decoded(output)
    assert after.shape == before.shape
    inside = allowed(request_of(before))
    assert not inside.all()
    assert changed(before, after)[inside].mean() > 0.3
    if output.suffix in (".jpg", ".jpeg"):
        assert np.abs(after.astype(int) - before)[~inside].mean() < 2
    else:
        assert not changed(before, after)[~inside].any(), "outside the region every byte is kept"
    with PIL.Image.open(output) as written:
        assert written.format == {".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}.get(
            output.suffix, output.suffix[1:].upper()
        )


@pytest.mark.parametrize("output", ["out.png", "out.webp", "out.tif"])
def test_alpha_moves_with_the_colour_and_is_kept_outside(run, photo, tmp_path, clear_picture, output):
    clear_picture[80:100, 80:100] = (250, 10, 10, 255)
    clear_picture[10, 300] = (12, 34, 56, 0)  # a colour that nobody sees
    source, output = photo("photo.png", clear_picture), tmp_path / output
    assert run("edit", "flow_warp", source, "-o", output, "--drag", DRAG)[0] == 0
    after = decoded(output)
    outside = ~allowed(request_of(clear_picture))
    assert np.array_equal(after[outside], clear_picture[outside])
    assert after[10, 300].tolist() == [12, 34, 56, 0]
    assert np.abs(after[100, 120].astype(int) - (250, 10, 10, 255)).max() <= 3


def test_what_lay_under_the_handle_comes_to_lie_under_the_target(run, photo, tmp_path, picture):
    picture[85:95, 85:95] = (255, 0, 0, 255)
    output = tmp_path / "out.png"
    assert run("edit", "flow_warp", photo("photo.png", picture), "-o", output, "--drag", DRAG)[0] == 0
    assert decoded(output)[100, 120].tolist() == [255, 0, 0, 255]


def test_a_mask_bounds_the_change(run, photo, tmp_path, picture):
    mask = np.zeros(picture.shape[:2], np.uint8)
    mask[60:140, 60:170] = 255
    output = tmp_path / "out.png"
    words = ("--mask", photo("mask.png", mask), "--pin", "65,65", "--json")
    status, out, _ = run("edit", "flow_warp", photo(), "-o", output, "--drag", DRAG, *words)
    assert status == 0
    difference = changed(picture, decoded(output))
    assert difference[mask > 0].any()
    assert not difference[mask == 0].any()
    assert json.loads(out)["region"] == [60, 60, 170, 140]


def test_a_subject_is_lifted_and_moved(run, photo, tmp_path):
    picture = np.full((240, 320, 4), (20, 90, 160, 255), np.uint8)
    picture[80:100, 80:100] = (250, 200, 10, 255)
    subject = np.zeros(picture.shape[:2], np.uint8)
    subject[80:100, 80:100] = 255
    output = tmp_path / "out.png"
    words = ("--subject", photo("subject.png", subject), "--motion", "move", "--set", "fill=smooth")
    assert run("edit", "flow_warp", photo("photo.png", picture), "-o", output, "--drag", DRAG, *words)[0] == 0
    after = decoded(output)
    assert after[100, 120].tolist() == [250, 200, 10, 255]
    assert np.abs(after[84, 84].astype(int) - (20, 90, 160, 255)).max() <= 3, "what was behind it is filled"


def test_json_tells_what_was_done_in_one_object(run, photo, tmp_path):
    output = tmp_path / "out.png"
    words = ("--drag", DRAG, "--drag", "60,60:60,70", "--seed", "7", "--device", "cpu", "--json")
    status, out, err = run("edit", "flow_warp", photo(), "-o", output, *words)
    assert (status, err) == (0, "")
    assert out.count("\n") == 1
    report = json.loads(out)
    assert set(report) == {
        "output", "method", "pack", "device", "seed", "region", "handles", "partial", "evaluations",
        "seconds",
    }  # fmt: skip
    assert report["output"] == str(output)
    assert (report["method"], report["pack"], report["device"]) == ("flow_warp", None, "cpu")
    assert (report["seed"], report["partial"]) == (7, False)
    x0, y0, x1, y1 = report["region"]
    assert 0 <= x0 < x1 <= 320
    assert 0 <= y0 < y1 <= 240
    assert report["handles"] == [[pytest.approx(120, abs=1), pytest.approx(100, abs=1)], [
        pytest.approx(60, abs=1), pytest.approx(70, abs=1),
    ]]  # fmt: skip
    assert report["evaluations"] == {}, "flow warp runs no network"
    assert {"Open", "Plan", "Warp", "Fill", "Save"} <= set(report["seconds"])
    assert all(seconds >= 0 for seconds in report["seconds"].values())


def test_settings_take_effect(run, photo, tmp_path):
    results = []
    for stiffness in ("0", "1"):
        output = tmp_path / f"{stiffness}.png"
        words = ("--drag", DRAG, "--set", f"stiffness={stiffness}", "--set", "fill=smooth")
        assert run("edit", "flow_warp", photo(), "-o", output, *words)[0] == 0
        results.append(decoded(output))
    assert not np.array_equal(*results)


def test_the_same_command_writes_the_same_bytes(run, photo, tmp_path):
    written = []
    for name in ("a.png", "b.png"):
        words = ("--drag", DRAG, "--motion", "move", "--seed", "3")
        assert run("edit", "flow_warp", photo(), "-o", tmp_path / name, *words)[0] == 0
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]


def test_a_file_may_be_edited_in_place(run, photo, picture):
    source = photo()
    assert run("edit", "flow_warp", source, "-o", source, "--drag", DRAG)[0] == 0
    difference = changed(picture, decoded(source))
    assert difference.any()
    assert not difference[~allowed(request_of(picture))].any()


def test_200_pairs_work_however_they_cross(run, photo, tmp_path, picture):
    random = np.random.default_rng(0)
    words = []
    for x, y, u, v in random.uniform(0, 1, (200, 4)) * (320, 240, 320, 240):
        words += ["--drag", f"{x},{y}:{u},{v}"]
    status, _, err = run("edit", "flow_warp", photo(), "-o", tmp_path / "out.png", *words)
    assert (status, err) == (0, "")
    assert decoded(tmp_path / "out.png").shape == picture.shape


# --- orientation, metadata, colours


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_are_pixels_of_the_upright_picture(run, tmp_path, picture, orientation):
    picture[85:95, 85:95] = (255, 0, 0, 255)
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    turned = PIL.Image.Exif()
    turned[EXIF_ORIENTATION] = inverse
    stored = PIL.Image.fromarray(picture[..., :3])
    stored.getexif()[EXIF_ORIENTATION] = inverse
    stored = PIL.ImageOps.exif_transpose(stored)  # stored so that turning it upright gives `picture`
    exif = PIL.Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    source, output = tmp_path / "turned.png", tmp_path / "out.png"
    stored.save(source, exif=exif)
    with PIL.Image.open(source) as image:
        upright = np.asarray(PIL.ImageOps.exif_transpose(image).convert("RGBA"))
    assert np.array_equal(upright, picture), "the test's own picture is stored as it means to"

    status, out, _ = run("edit", "flow_warp", source, "-o", output, "--drag", DRAG, "--json")
    assert status == 0
    after = decoded(output)
    assert after.shape == picture.shape
    assert after[100, 120].tolist() == [255, 0, 0, 255]
    inside = allowed(request_of(picture))
    assert not changed(picture, after)[~inside].any()
    assert json.loads(out)["region"] == list(plan(request_of(picture)).box)
    with PIL.Image.open(output) as image:
        assert image.getexif().get(EXIF_ORIENTATION, 1) == 1


@pytest.mark.parametrize("source", [".png", ".jpg", ".webp", ".tif"])
@pytest.mark.parametrize("output", [".png", ".jpg", ".webp", ".tif"])
def test_exif_xmp_and_icc_are_kept(run, photo, tmp_path, display_p3, source, output):
    exif = PIL.Image.Exif()
    exif[EXIF_ARTIST] = "A. Painter"
    options = {"exif": exif, "icc_profile": display_p3}
    if source == ".png":
        texts = PIL.PngImagePlugin.PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = texts
    elif source == ".tif":
        exif[700] = XMP
    else:
        options["xmp"] = XMP
    source = photo(f"photo{source}", **options)
    output = tmp_path / f"out{output}"
    assert run("edit", "flow_warp", source, "-o", output, "--drag", DRAG)[0] == 0
    with PIL.Image.open(output) as image:
        image.load()
        assert image.info["icc_profile"] == display_p3
        assert image.getexif()[EXIF_ARTIST] == "A. Painter"
    assert b'dc:source="a field"' in output.read_bytes()


def test_a_wide_gamut_is_kept_byte_for_byte_outside(run, photo, tmp_path, picture, display_p3):
    picture[:] = (0, 255, 0, 255)
    picture[85:95, 85:95] = (255, 0, 255, 255)
    output = tmp_path / "out.png"
    source = photo("photo.png", picture, icc_profile=display_p3)
    assert run("edit", "flow_warp", source, "-o", output, "--drag", DRAG)[0] == 0
    after = decoded(output)
    outside = ~allowed(request_of(picture))
    assert np.array_equal(after[outside], picture[outside])
    assert after[100, 120].tolist() == [255, 0, 255, 255]


# --- pictures of other kinds: an 8-bit copy, and the file they came from stays


def save_16_bit(path, picture):
    deep = picture[..., :3].astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    write_png(path, picture.shape[1], picture.shape[0], zlib.compress(rows), depth=16)


def write_png(path, width, height, data, depth=8):
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def save_animation(path, picture):
    frames = [PIL.Image.fromarray(picture[..., :3]), PIL.Image.fromarray(255 - picture[..., :3])]
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        **({"lossless": True} if path.suffix == ".webp" else {}),
    )


OTHER_KINDS = {
    "16-bit": ("deep.png", save_16_bit, "16 bits"),
    "CMYK": ("cmyk.jpg", lambda path, p: PIL.Image.fromarray(p[..., :3]).convert("CMYK").save(path), "CMYK"),
    "palette": (
        "few.png",
        lambda path, p: PIL.Image.fromarray(p[..., :3]).quantize(64).save(path),
        "palette",
    ),
    "grey": ("grey.tif", lambda path, p: PIL.Image.fromarray(p[..., 0]).save(path), "greyscale"),
    "animated PNG": ("two.png", save_animation, "2 frames"),
    "animated WebP": ("two.webp", save_animation, "2 frames"),
    "animated GIF": ("two.gif", save_animation, "2 frames"),
    "pages": ("two.tif", save_animation, "2 pages"),
}


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_another_kind_is_edited_as_an_8_bit_copy_with_a_notice(run, tmp_path, picture, kind):
    name, save, words = OTHER_KINDS[kind]
    save(tmp_path / name, picture)
    before = (tmp_path / name).read_bytes()
    status, out, err = run("edit", "flow_warp", tmp_path / name, "-o", tmp_path / "out.png", "--drag", DRAG)
    assert status == 0
    assert out == f"{tmp_path / 'out.png'}\n"
    assert is_one_sentence(err)
    assert name in err
    assert words in err
    assert (tmp_path / name).read_bytes() == before
    after = decoded(tmp_path / "out.png")
    assert after.shape == picture.shape
    if kind in ("16-bit", "animated PNG", "animated WebP", "pages"):  # the others lose on the way in
        outside = ~allowed(request_of(picture))
        assert np.array_equal(after[outside], picture[outside])


@pytest.mark.parametrize("kind", [kind for kind in OTHER_KINDS if "GIF" not in kind])
@pytest.mark.parametrize("way", ["same path", "dotted path", "symbolic link", "hard link"])
def test_a_file_of_another_kind_is_never_overwritten(run, tmp_path, picture, kind, way):
    name, save, _ = OTHER_KINDS[kind]
    source = tmp_path / name
    save(source, picture)
    before = source.read_bytes()
    output = source
    if way == "dotted path":
        (tmp_path / "below").mkdir()
        output = tmp_path / "below" / ".." / name
    elif way != "same path":
        output = tmp_path / f"link{source.suffix}"
        (output.symlink_to if way == "symbolic link" else output.hardlink_to)(source)
    status, out, err = run("edit", "flow_warp", source, "-o", output, "--drag", DRAG)
    assert (status, out) == (2, "")
    assert err.endswith(".\n")
    assert err.count("\n") == 1
    assert name in err
    assert source.read_bytes() == before


# --- small and long pictures


@pytest.mark.parametrize("drag", ["0,0:1,1", "0.5,0.5:1,0.5", "1,0:0,1"])
@pytest.mark.parametrize("motion", ["deform", "move"])
def test_one_pixel_works(run, photo, tmp_path, drag, motion):
    source, output = photo("photo.png", np.full((1, 1, 4), 77, np.uint8)), tmp_path / "out.png"
    status, _, err = run("edit", "flow_warp", source, "-o", output, "--drag", drag, "--motion", motion)
    assert (status, err) == (0, "")
    assert decoded(output).shape == (1, 1, 4)


@pytest.mark.parametrize("shape", [(10, 30_000), (30_000, 10)], ids=["30000x10", "10x30000"])
@pytest.mark.parametrize("motion", ["deform", "move"])
@pytest.mark.parametrize("far", [False, True], ids=["near", "from end to end"])
def test_long_pictures_work(run, photo, paint, tmp_path, shape, motion, far):
    height, width = shape
    picture = paint(width, height)
    ends = ((5, 5), (min(width, 29_000), min(height, 29_000))) if far else ((5, 5), (7, 7))
    drag = ":".join(f"{x},{y}" for x, y in ends)
    output = tmp_path / "out.png"
    words = ("--drag", drag, "--motion", motion)
    status, _, err = run("edit", "flow_warp", photo("photo.png", picture), "-o", output, *words)
    assert (status, err) == (0, "")
    after = decoded(output)
    assert after.shape == picture.shape
    outside = ~allowed(request_of(picture, drag, motion=motion))
    assert np.array_equal(after[outside], picture[outside])


def test_a_picture_too_long_for_webp_gives_a_sentence(run, photo, paint, tmp_path):
    source, output = photo("photo.png", paint(30_000, 10)), tmp_path / "out.webp"
    status, out, err = run("edit", "flow_warp", source, "-o", output, "--drag", "5,5:7,7")
    assert (status, out) == (2, "")
    assert is_one_sentence(err)
    assert "30000 × 10" in err
    assert not output.exists()


# --- bad input: a sentence, exit 2, and nothing is lost


def pack_folder(folder, component="small", damage=None):
    """A pack folder, sound or damaged."""
    (folder / component).mkdir(parents=True)
    weights = folder / component / "model.safetensors"
    save_file({"w": np.zeros(8, np.float32)}, weights)
    (folder / component / "config.json").write_text("{}")
    (folder / "pack.toml").write_text(
        'name = "small"\ntitle = "Small"\nlicence = "CC0-1.0"\nworking_size = 64\n'
        f'[components.unet]\nkind = "unet"\npath = "{component}"\n'
        f'[[components.unet.files]]\npath = "model.safetensors"\nbytes = {weights.stat().st_size}\n'
    )
    if damage:
        damage(folder)
    return folder


PACK_DAMAGES = {
    "no manifest": lambda folder: (folder / "pack.toml").unlink(),
    "corrupt manifest": lambda folder: (folder / "pack.toml").write_text("name = "),
    "binary manifest": lambda folder: (folder / "pack.toml").write_bytes(b"\xff\0\xfe"),
    "missing weights": lambda folder: (folder / "small" / "model.safetensors").unlink(),
    "truncated weights": lambda folder: (folder / "small" / "model.safetensors").write_bytes(b"\x10\0\0"),
    "corrupt weights": lambda folder: (folder / "small" / "model.safetensors").write_bytes(bytes(112)),
    "corrupt config": lambda folder: (folder / "small" / "config.json").write_text("{"),
    "a pickle": lambda folder: (folder / "small" / "model.bin").write_bytes(b"\x80"),
}


def bad_files(folder, picture):
    """Files of every kind that cannot be edited, and masks that do not fit."""
    png = (folder / "photo.png").read_bytes()
    jpeg = folder / "good.jpg"
    PIL.Image.fromarray(picture[..., :3]).save(jpeg)
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes(png[: len(png) // 2])
    (folder / "cut.jpg").write_bytes(jpeg.read_bytes()[:2000])
    (folder / "head.png").write_bytes(png[:20])
    (folder / "words.png").write_text("this is no picture")
    (folder / "words.txt").write_text("this is no picture")
    (folder / "program.jpg").write_bytes(b"\x7fELF" + bytes(500))
    write_png(folder / "bomb.png", 60_000, 60_000, zlib.compress(bytes(10_000_000)))
    write_png(folder / "short.png", 320, 240, zlib.compress(bytes(1000)))
    PIL.Image.new("L", (320, 241), 255).save(folder / "taller.png")
    PIL.Image.new("L", (320, 240), 0).save(folder / "black.png")
    (folder / "folder.png").mkdir()
    for number, damage in enumerate(PACK_DAMAGES.values()):
        pack_folder(folder / f"pack{number}", damage=damage)


def edit(*words, source="photo.png", method="flow_warp", drags=(DRAG,)):
    """A command whose output is to be out.png."""
    drags = [word for drag in drags for word in ("--drag", drag)]
    return ("edit", method, source, "-o", "out.png", *drags, *words)


MANY = [f"{x / 4},10:{x / 4},20" for x in range(501)]
BAD_INPUT = {
    # the file
    "missing": (edit(source="nope.png"), "nope.png"),
    "missing folder": (edit(source="nowhere/photo.png"), "photo.png"),
    "folder": (edit(source="folder.png"), "folder"),
    "empty": (edit(source="empty.png"), "empty"),
    "truncated PNG": (edit(source="cut.png"), "cut.png"),
    "truncated JPEG": (edit(source="cut.jpg"), "cut.jpg"),
    "head only": (edit(source="head.png"), "head.png"),
    "too few rows": (edit(source="short.png"), "short.png"),
    "words as PNG": (edit(source="words.png"), "words.png"),
    "words": (edit(source="words.txt"), "words.txt"),
    "program as JPEG": (edit(source="program.jpg"), "program.jpg"),
    "decompression bomb": (edit(source="bomb.png"), "3600.0 megapixels"),
    # the points
    "no points": (edit(drags=()), "handle"),
    "target outside": (edit(drags=["90,90:321,90"]), "320 × 240"),
    "handle outside": (edit(drags=[DRAG, "90,241:90,90"]), "handle of drag 2"),
    "negative, with =": ((*edit(drags=()), "--drag=-1,90:90,90"), "(-1, 90)"),
    "negative": (edit(drags=["-1,90:90,90"]), ""),
    "NaN": (edit(drags=["nan,90:120,90"]), "nan"),
    "infinite": (edit(drags=["90,90:inf,90"]), "inf"),
    "huge": (edit(drags=["90,90:1e400,90"]), "outside"),
    "handle and target equal": (edit(drags=[DRAG, "50,50:50,50"]), "Drag 2"),
    "two targets": (edit(drags=[DRAG, "90,90:60,60"]), "Drags 1 and 2"),
    "501 pairs": (edit(drags=MANY), "501"),
    "not a pair": (edit(drags=["90,90"]), "90,90"),
    "no numbers": (edit(drags=["a,b:c,d"]), "a,b"),
    "three numbers": (edit(drags=["1,2,3:4,5"]), "1,2,3"),
    "empty drag": (edit(drags=[""]), "--drag"),
    "pin outside": (edit("--pin", "400,10"), "Pin 1"),
    "pin on a handle": (edit("--pin", "90,90"), "pin"),
    "no pin": (edit("--pin", "90"), "--pin"),
    # the masks
    "mask of another size": (edit("--mask", "taller.png"), "320 × 241"),
    "subject of another size": (edit("--subject", "taller.png"), "320 × 241"),
    "black mask": (edit("--mask", "black.png"), "mask is empty"),
    "black subject": (edit("--subject", "black.png"), "subject is empty"),
    "missing mask": (edit("--mask", "nope.png"), "nope.png"),
    "mask is no picture": (edit("--mask", "words.png"), "words.png"),
    # what is asked for
    "unknown method": (edit(method="magic"), "magic"),
    "empty method": (edit(method=""), "flow_warp"),
    "unknown setting": (edit("--set", "stiff=1"), "stiffness"),
    "setting above its range": (edit("--set", "stiffness=1.5"), "0 to 1"),
    "setting below its range": (edit("--set", "stiffness=-0.1"), "0 to 1"),
    "setting NaN": (edit("--set", "stiffness=nan"), "0 to 1"),
    "setting in words": (edit("--set", "stiffness=high"), "high"),
    "setting without a value": (edit("--set", "stiffness"), "NAME=VALUE"),
    "no such choice": (edit("--set", "fill=magic"), "texture, smooth"),
    "unknown device": (edit("--device", "gpu"), "gpu"),
    "device of another machine": (edit("--device", "mps"), "Apple GPU"),
    "seed in words": (edit("--seed", "x"), "--seed"),
    "negative seed": (edit("--seed", "-1"), "-1"),
    "seed too large": (edit("--seed", str(2**63)), str(2**63)),
    "broken seed": (edit("--seed", "1.5"), "1.5"),
    "endless seed": (edit("--seed", "9" * 5000), "--seed"),
    "unknown motion": (edit("--motion", "fly"), "fly"),
    "motion in no word": (edit("--motion", ""), "motion"),
    "a prompt that is not read": (edit("--prompt", "a cat"), "--prompt"),
    "an empty prompt that is not read": (edit("--prompt", ""), "--prompt"),
    "a flag of another method": (edit("--exemplar", "photo.png"), "--exemplar"),
    "unknown flag": (edit("--magic"), "--magic"),
    "abbreviated flag": (edit("--dev", "cpu"), "--dev"),
    "a word too many": (edit("more"), "more"),
    "no output": (("edit", "flow_warp", "photo.png", "--drag", DRAG), "-o"),
    "no input": (("edit", "flow_warp"), "INPUT"),
    "a newline": (edit(method="two\nlines"), "two"),
    # packs
    "unknown pack": (edit("--pack", "nowhere"), "nowhere"),
    "empty pack": (edit("--pack", ""), "pack"),
    **{
        f"pack with {name}": (edit("--pack", f"pack{number}"), "pack")
        for number, name in enumerate(PACK_DAMAGES)
    },
}
if sys.platform == "darwin":
    del BAD_INPUT["device of another machine"]


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_gives_a_sentence_and_loses_nothing(run, photo, tmp_path, monkeypatch, picture, case):
    photo()
    bad_files(tmp_path, picture)
    (tmp_path / "out.png").write_bytes(PRECIOUS)
    monkeypatch.chdir(tmp_path)
    files = sorted(tmp_path.rglob("*"))
    words, told = BAD_INPUT[case]
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert is_one_sentence(err)
    assert told in err
    assert (tmp_path / "out.png").read_bytes() == PRECIOUS
    assert sorted(tmp_path.rglob("*")) == files


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("nowhere/out.png", "does not exist"),
        ("photo.png/out.png", "photo.png is a file"),
        ("photo.png/deep/out.png", "photo.png is a file"),
        ("folder.png", "folder"),
        ("out", ".png"),
        ("out.bmp", ".png"),
        ("out.", ".png"),
        (f"{'x' * 300}.png", "written"),
        ("nul\0.png", "out"),
        ("", ".png"),
    ],
    ids=[
        "missing folder",
        "below a file",
        "far below a file",
        "a folder",
        "no ending",
        "other ending",
        "dot",
        "long",
        "NUL",
        "empty",
    ],
)
def test_an_output_that_cannot_be_written_is_told_first(run, photo, tmp_path, monkeypatch, output, told):
    source = photo()
    (tmp_path / "folder.png").mkdir()
    before = source.read_bytes()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Engine, "edit", lambda *_, **__: pytest.fail("the work was begun"))
    files = sorted(tmp_path.rglob("*"))
    status, out, err = run("edit", "flow_warp", "photo.png", "-o", output, "--drag", DRAG)
    assert (status, out) == (2, "")
    assert is_one_sentence(err)
    assert told in err or told == "out"
    assert source.read_bytes() == before
    assert sorted(tmp_path.rglob("*")) == files


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind this user")
@pytest.mark.parametrize("locked", ["folder", "file"])
def test_an_output_without_permission_is_told(run, photo, tmp_path, locked):
    folder = tmp_path / "locked"
    folder.mkdir()
    output = folder / "out.png"
    output.write_bytes(PRECIOUS)
    place = folder if locked == "folder" else output
    place.chmod(0o500 if locked == "folder" else 0o400)
    try:
        status, out, err = run("edit", "flow_warp", photo(), "-o", output, "--drag", DRAG)
    finally:
        place.chmod(0o700)
    assert (status, out) == (2, "")
    assert is_one_sentence(err)
    assert output.read_bytes() == PRECIOUS


def test_a_full_disk_leaves_the_old_picture(run, photo, tmp_path, monkeypatch):
    output = tmp_path / "out.png"
    output.write_bytes(PRECIOUS)
    source = photo()

    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    status, out, err = run("edit", "flow_warp", source, "-o", output, "--drag", DRAG)
    assert (status, out) == (2, "")
    assert is_one_sentence(err)
    assert "No space left" in err
    assert output.read_bytes() == PRECIOUS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "photo.png"]


def test_a_sound_pack_may_be_named_by_its_folder(run, photo, tmp_path):
    folder = pack_folder(tmp_path / "pack")
    words = ("--drag", DRAG, "--pack", folder, "--json")
    status, out, _ = run("edit", "flow_warp", photo(), "-o", tmp_path / "out.png", *words)
    assert status == 0
    assert json.loads(out)["pack"] == str(folder)


# --- other commands


def test_methods_are_listed_with_their_settings(run):
    status, out, err = run("methods")
    assert (status, err) == (0, "")
    for method in METHODS.values():
        assert method.name in out
        assert method.title in out
        for declaration in method.settings.declarations():
            assert declaration.name in out
            assert declaration.help in out


def test_methods_as_json(run):
    status, out, err = run("methods", "--json")
    assert (status, err, out.count("\n")) == (0, "", 1)
    listed = json.loads(out)["methods"]
    assert [method["name"] for method in listed] == list(METHODS)
    for method in listed:
        assert method["request"] in ("drag", "text", "exemplar")
        for setting, declared in zip(
            method["settings"], METHODS[method["name"]].settings.declarations(), strict=True
        ):
            assert set(setting) == {
                "name", "default", "range", "low", "high", "step", "choices", "help",
            }  # fmt: skip
            assert setting["default"] == declared.default


@pytest.mark.parametrize(
    "words",
    [("bench", "nope"), ("bench",), ("nope",), (), ("methods", "more"), ("bench", "speed", "--magic")],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_a_wrong_command_gives_a_sentence(run, words):
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert is_one_sentence(err)
    assert all(word in err for word in words[-1:] if word in ("nope", "more", "--magic"))


@pytest.mark.parametrize("as_json", [False, True])
def test_bench_prints_its_rows(run, monkeypatch, as_json):
    from engine.evaluation.speed import Row

    rows = [Row("open", 1.5, 2.5, 9, 5), Row("warp", 3.0, 4.0, 9, None)]
    monkeypatch.setitem(cli.BENCHMARKS, "speed", lambda: rows)
    status, out, err = run("bench", "speed", *(["--json"] if as_json else []))
    assert (status, err) == (0, "")
    if as_json:
        assert json.loads(out) == {"benchmark": "speed", "rows": [row._asdict() for row in rows]}
    else:
        assert out == "".join(f"{row}\n" for row in rows)


@pytest.mark.parametrize("words", [("--help",), ("edit", "--help")])
def test_help_is_printed(run, words):
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert "usage: pliant" in out


# --- failures of the engine, cancelling


@pytest.fixture
def act(monkeypatch):
    """act(edit, **declared): register a method “act” that edits by a function."""

    def register(edit, **declared):
        class Act:
            def edit(self, request, settings, progress):
                return edit(request, settings, progress)

        usual = {"name": "act", "title": "Act", "request": DragEdit, "settings": Settings}
        usual |= {"roles": frozenset(), "build": lambda components: Act()}
        monkeypatch.setitem(METHODS, "act", Method(**usual | declared))

    return register


@pytest.mark.parametrize(
    ("declared", "words", "prompt"),
    [
        ({"reads_prompt": True}, ("--drag", DRAG, "--prompt", "a cat"), "a cat"),
        ({"reads_prompt": True}, ("--drag", DRAG), ""),
        ({"request": TextEdit}, ("--prompt", "a cat"), "a cat"),
    ],
    ids=["drag with text", "drag without", "text"],
)
def test_a_prompt_reaches_a_method_that_reads_it(run, photo, tmp_path, act, declared, words, prompt):
    def edit(request, settings, progress):
        assert request.prompt == prompt
        assert getattr(request, "motion", "deform") == "deform"
        return EditResult(image=request.image, region=Box(0, 0, *request.size))

    act(edit, **declared)
    assert run("edit", "act", photo(), "-o", tmp_path / "out.png", *words) == (0, f"{tmp_path}/out.png\n", "")


def test_a_motion_is_refused_where_nothing_is_dragged(run, photo, tmp_path, act):
    act(lambda *_: pytest.fail("the work was begun"), request=TextEdit)
    words = ("--prompt", "a cat", "--motion", "deform")
    status, out, err = run("edit", "act", photo(), "-o", tmp_path / "out.png", *words)
    assert (status, out, err) == (2, "", "Act takes no --motion; leave it out.\n")


def raising(error):
    def edit(request, settings, progress):
        raise error

    return edit


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (OutOfMemory("Memory did not suffice."), 3, "Memory did not suffice"),
        (DownloadFailed("The file could not be fetched."), 3, "could not be fetched"),
        (ModelMissing("The pack is damaged."), 2, "pack is damaged"),
        (MemoryError(), 3, "320 × 240"),
        (ZeroDivisionError("a bug\nin two lines"), 3, "unexpected"),
    ],
    ids=["memory", "download", "pack", "MemoryError", "bug"],
)
def test_a_failure_of_the_engine_gives_a_sentence(run, photo, tmp_path, act, error, status, told):
    act(raising(error))
    output = tmp_path / "out.png"
    output.write_bytes(PRECIOUS)
    ended, out, err = run("edit", "act", photo(), "-o", output, "--drag", DRAG)
    assert (ended, out) == (status, "")
    assert is_one_sentence(err)
    assert told in err
    assert output.read_bytes() == PRECIOUS


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_before_a_checkpoint_cancels(run, photo, tmp_path, act):
    def edit(request, settings, progress):
        interrupt()
        with progress.phase("More"):
            pytest.fail("it went on")

    act(edit)
    output = tmp_path / "out.png"
    output.write_bytes(PRECIOUS)
    before = signal.getsignal(signal.SIGINT)
    status, out, err = run("edit", "act", photo(), "-o", output, "--drag", DRAG)
    assert (status, out, err) == (130, "", "Cancelled.\n")
    assert output.read_bytes() == PRECIOUS
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("as_json", [False, True])
def test_an_interrupt_after_a_checkpoint_keeps_what_there_is(run, photo, tmp_path, picture, act, as_json):
    def edit(request, settings, progress):
        progress.checkpoint(lambda: EditResult(image=255 - request.image, region=Box(0, 0, *request.size)))
        interrupt()
        with progress.phase("More"):
            pytest.fail("it went on")

    act(edit)
    output, partial = tmp_path / "out.png", tmp_path / "out.partial.png"
    output.write_bytes(PRECIOUS)
    words = ["--json"] if as_json else []
    status, out, err = run("edit", "act", photo(), "-o", output, "--drag", DRAG, *words)
    assert status == 130
    assert is_one_sentence(err)
    assert str(partial) in err
    assert output.read_bytes() == PRECIOUS, "a complete picture is not replaced by half of one"
    assert (decoded(partial)[90, 90, :3] == 255 - picture[90, 90, :3]).all()
    if as_json:
        report = json.loads(out)
        assert report["partial"]
        assert report["output"] == str(partial)
    else:
        assert out == ""


def half_done(request, settings, progress):
    progress.checkpoint(lambda: EditResult(image=255 - request.image, region=Box(0, 0, *request.size)))
    interrupt()
    with progress.phase("More"):
        pytest.fail("it went on")


def test_half_a_picture_replaces_neither_the_input_nor_another_file(run, photo, tmp_path, act):
    act(half_done)
    source, other = photo("out.partial.png"), tmp_path / "out.partial2.png"
    before = source.read_bytes()
    other.write_bytes(PRECIOUS)
    (tmp_path / "out.partial3.png").symlink_to(tmp_path / "nowhere.png")
    for free in ("out.partial4.png", "out.partial5.png"):
        status, _, err = run("edit", "act", source, "-o", tmp_path / "out.png", "--drag", DRAG)
        assert status == 130
        assert free in err
        assert (decoded(tmp_path / free)[90, 90, :3] == 255 - decoded(source)[90, 90, :3]).all()
    assert (source.read_bytes(), other.read_bytes()) == (before, PRECIOUS)
    assert not (tmp_path / "nowhere.png").exists()


def test_an_interrupt_while_it_saves_comes_too_late(run, photo, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda file: interrupt())
    output = tmp_path / "out.png"
    assert run("edit", "flow_warp", photo(), "-o", output, "--drag", DRAG) == (0, f"{output}\n", "")
    assert decoded(output).shape == (240, 320, 4)


def test_further_interrupts_while_it_saves_leave_the_old_picture_alone(run, photo, tmp_path, monkeypatch):
    remove = Path.unlink

    def fsync(file):
        interrupt()
        interrupt()
        pytest.fail("it went on")

    def unlink(path, *words, **named):
        if path.stat().st_size:  # not that which only tries whether one can write here
            interrupt()
        remove(path, *words, **named)

    source, output = photo(), tmp_path / "out.png"
    output.write_bytes(PRECIOUS)
    files = sorted(tmp_path.iterdir())
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "unlink", unlink)
    ended = run("edit", "flow_warp", source, "-o", output, "--drag", DRAG)
    assert ended == (130, "", "Cancelled.\n")
    assert output.read_bytes() == PRECIOUS
    assert sorted(tmp_path.iterdir()) == files


@pytest.mark.parametrize("way", ["cancelled", "failed", "done"])
def test_on_a_terminal_the_progress_line_is_ended(run, photo, tmp_path, act, monkeypatch, way):
    def edit(request, settings, progress):
        for number in progress.track("Work", range(3)):
            if number == 1 and way == "cancelled":
                interrupt()
            if number == 1 and way == "failed":
                raise OutOfMemory("Memory did not suffice.")
        return EditResult(image=request.image, region=Box(0, 0, *request.size))

    act(edit)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, _, err = run("edit", "act", photo(), "-o", tmp_path / "out.png", "--drag", DRAG)
    shown = "\rPlan 0/1\rPlan 1/1\n\rWork 0/3\rWork 1/3"
    assert err == shown + {
        "cancelled": "\nCancelled.\n",
        "failed": "\nMemory did not suffice.\n",
        "done": "\rWork 2/3\rWork 3/3\n",
    }[way]  # fmt: skip


def test_a_second_interrupt_ends_at_once(run, photo, tmp_path, act):
    def edit(request, settings, progress):
        interrupt()
        interrupt()
        pytest.fail("it went on")

    act(edit)
    status, out, err = run("edit", "act", photo(), "-o", tmp_path / "out.png", "--drag", DRAG)
    assert (status, out, err) == (130, "", "Cancelled.\n")
    assert not (tmp_path / "out.png").exists()


def test_it_runs_beside_the_main_thread(photo, tmp_path):
    source, ended = photo(), []
    words = ["edit", "flow_warp", str(source), "-o", str(tmp_path / "out.png"), "--drag", DRAG]
    thread = threading.Thread(target=lambda: ended.append(cli.main(words)))
    thread.start()
    thread.join(60)
    assert ended == [0]


# --- the program itself


def program(*words, code=None, **options):
    start = ["-c", code] if code else ["-m", "engine"]
    command = [sys.executable, *start, *map(str, words)]
    streams = {"capture_output": True, "text": True, "errors": "backslashreplace"}
    return subprocess.run(command, cwd=ROOT, timeout=120, check=False, **streams, **options)


def test_the_program_edits_a_picture(photo, tmp_path, picture):
    source, output = photo("photo.jpg", quality=90), tmp_path / "out.png"
    done = program("edit", "flow_warp", source, "-o", output, "--drag", DRAG, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["output"] == str(output)
    before = decoded(source)
    outside = ~allowed(request_of(before))
    assert np.array_equal(decoded(output)[outside], before[outside])


def test_the_program_tells_bad_input_in_a_sentence(tmp_path):
    done = program("edit", "flow_warp", tmp_path / "nope.png", "-o", tmp_path / "out.png", "--drag", DRAG)
    assert (done.returncode, done.stdout) == (2, "")
    assert is_one_sentence(done.stderr)


WITH_A_METHOD = """
import sys, time
from engine import METHODS, cli
from engine.edit import DragEdit
from engine.method import Method
from engine.settings import Settings

class Act:
    def edit(self, request, settings, progress):
        {edit}

METHODS["act"] = Method(name="act", title="Act", request=DragEdit, settings=Settings,
                        roles=frozenset(), build=lambda components: Act())
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("log", [None, "debug"])
def test_a_bug_shows_its_traceback_only_where_it_is_asked_for(photo, tmp_path, log):
    environment = {**os.environ, **({"PLIANT_LOG": log} if log else {})}
    code = WITH_A_METHOD.format(edit="raise ZeroDivisionError('a bug')")
    words = ("edit", "act", photo(), "-o", tmp_path / "out.png", "--drag", DRAG)
    done = program(*words, code=code, env=environment)
    assert (done.returncode, done.stdout) == (3, "")
    if log:
        assert "ZeroDivisionError: a bug" in done.stderr
    else:
        assert is_one_sentence(done.stderr)
        assert "PLIANT_LOG=debug" in done.stderr


def test_ctrl_c_ends_the_program_with_130(photo, tmp_path):
    edit = "sys.stderr.write('working\\n'); [time.sleep(0.01) for _ in progress.track('Work', range(3000))]"
    words = ("edit", "act", photo(), "-o", tmp_path / "out.png", "--drag", DRAG)
    command = [sys.executable, "-c", WITH_A_METHOD.format(edit=edit), *map(str, words)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "working\n"
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "Cancelled.\n")
    assert time.monotonic() - asked < 10
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("module", ["engine", "desktop"])
@pytest.mark.parametrize("loading", ["engine.cli", "numpy", "cv2", "typing"])
def test_ctrl_c_while_the_program_loads_ends_it_without_a_word(tmp_path, module, loading):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {loading!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", module, "methods"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.skipif(os.name == "nt", reason="asks a POSIX shell")
@pytest.mark.parametrize("module", ["engine", "desktop"])
@pytest.mark.parametrize("streams", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_trouble(photo, tmp_path, module, streams):
    source, output = photo(), tmp_path / "out.png"
    command = [sys.executable, "-m", module, "edit", "flow_warp", str(source), "-o", str(output)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {streams}', "sh", *command, "--drag", DRAG],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = f"{output}\n" if streams == "2>&-" else ""
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert decoded(output).shape == decoded(source).shape


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "words", [("edit",), ("methods",), ("methods", "--json"), ("edit", "--help")], ids=str
)
def test_an_answer_that_cannot_be_written_is_told(photo, tmp_path, words, unbuffered):
    output = tmp_path / "out.png"
    if words == ("edit",):
        words = ("edit", "flow_warp", str(photo()), "-o", str(output), "--drag", DRAG)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "engine", *words],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 3
    assert is_one_sentence(done.stderr)
    assert "No space left" in done.stderr
    assert output.exists() == ("-o" in words)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_errors_that_cannot_be_written_keep_their_status(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "engine", "nope"], cwd=ROOT, stderr=full, timeout=60, check=False
        )
    assert done.returncode == 2


def test_a_reader_that_goes_away_is_no_trouble():
    for unbuffered in ("", "1"):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            [sys.executable, "-m", "engine", "methods"],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="file names are Unicode there")
def test_a_file_name_that_is_no_text(photo, tmp_path):
    output = tmp_path / os.fsdecode(b"out\xff.png")
    done = program("edit", "flow_warp", photo(), "-o", output, "--drag", DRAG)
    assert (done.returncode, done.stderr) == (0, "")
    assert output.exists()
    done = program("edit", "flow_warp", photo(), "-o", output, "--drag", DRAG, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["output"] == str(output)


def test_a_console_that_knows_few_letters(photo, tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    output = tmp_path / "größe.png"
    done = program("edit", "flow_warp", photo(), "-o", output, "--drag", DRAG, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert output.exists()
    done = program("edit", "flow_warp", photo(), "-o", output, "--drag", "90,90:999,90", env=environment)
    assert done.returncode == 2
    assert is_one_sentence(done.stderr)
