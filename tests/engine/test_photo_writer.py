"""What is written comes back with pixels, EXIF, XMP and profile, and never at the cost of what was there."""

import dataclasses
import errno
import os
import stat
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from engine.errors import InvalidRequest
from engine.photo import Photo, check_output, open_photo, save_photo

EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"]
LOSSLESS = [".png", ".webp", ".tif"]
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmp:Label="M\xc3\xbcnchen"/></x:xmpmeta>'
AUTHOR, NOTE = "© Ünal".encode() + b"\0", b"NOTE at 68 \0"


def exif_block(order: str = "<") -> bytes:
    """IFD0 with orientation, copyright and an Exif IFD whose MakerNote says where it lies."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    ifd0 = struct.pack(
        order + "HHHIHxxHHIIHHIII", 3, 274, 3, 1, 1, 33432, 2, len(AUTHOR), 80, 0x8769, 4, 1, 50, 0
    )
    nested = struct.pack(order + "HHHIII", 1, 37500, 7, len(NOTE), 68, 0)
    return mark + struct.pack(order + "I", 8) + ifd0 + nested + NOTE + AUTHOR


@pytest.fixture
def photo(picture, display_p3) -> Photo:
    return Photo(pixels=picture, profile=display_p3, exif=exif_block(), xmp=XMP)


@pytest.fixture
def clear_photo(clear_picture, display_p3) -> Photo:
    clear_picture[::3, :, 3] = 0
    return Photo(pixels=clear_picture, has_alpha=True, profile=display_p3, exif=exif_block(), xmp=XMP)


def round_trip(photo: Photo, path: Path) -> Photo:
    save_photo(photo, path)
    return open_photo(path)


def refusal(photo: Photo, path: Path, source: Path | None = None) -> str:
    """The sentence that both the check beforehand and the writer answer with; nothing is left behind."""
    before = {p.name: p.stat() for p in path.parent.iterdir()} if path.parent.is_dir() else {}
    with pytest.raises(InvalidRequest) as checked:
        check_output(path, photo, source=source)
    with pytest.raises(InvalidRequest) as written:
        save_photo(photo, path, source=source)
    assert str(checked.value) == str(written.value)
    assert before == ({p.name: p.stat() for p in path.parent.iterdir()} if path.parent.is_dir() else {})
    return str(checked.value)


# Round trips


@pytest.mark.parametrize("extension", LOSSLESS)
def test_opaque_pixels_come_back_exactly_and_without_alpha(tmp_path, photo, extension):
    back = round_trip(photo, tmp_path / f"a{extension}")
    assert np.array_equal(back.pixels, photo.pixels)
    assert not back.has_alpha
    with Image.open(tmp_path / f"a{extension}") as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize("extension", LOSSLESS)
def test_transparent_pixels_come_back_exactly(tmp_path, clear_photo, extension):
    assert (clear_photo.pixels[::3, :, :3] != 0).any()
    back = round_trip(clear_photo, tmp_path / f"a{extension}")
    assert np.array_equal(back.pixels, clear_photo.pixels)
    assert back.has_alpha


@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_alpha_is_kept_where_all_is_opaque(tmp_path, picture, extension):
    assert round_trip(Photo(pixels=picture, has_alpha=True), tmp_path / f"a{extension}").has_alpha


@pytest.mark.parametrize("extension", LOSSLESS)
def test_alpha_that_came_with_an_edit_is_written(tmp_path, clear_picture, extension):
    back = round_trip(Photo(pixels=clear_picture, has_alpha=False), tmp_path / f"a{extension}")
    assert np.array_equal(back.pixels, clear_picture)


@pytest.mark.parametrize("has_alpha", [False, True])
def test_jpeg_is_close_and_keeps_the_colours_of_each_pixel(tmp_path, picture, has_alpha):
    back = round_trip(Photo(pixels=picture, has_alpha=has_alpha), tmp_path / "a.jpg")
    assert np.abs(back.pixels.astype(int) - picture).max() <= 8
    assert not back.has_alpha
    with Image.open(tmp_path / "a.jpg") as image:
        assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4
        assert max(image.quantization[0]) <= 12  # quality 95


def test_jpeg_shows_transparency_over_white(tmp_path, clear_photo):
    back = round_trip(clear_photo, tmp_path / "a.jpg")
    colours, alpha = clear_photo.pixels[..., :3].astype(float), clear_photo.pixels[..., 3:] / 255
    assert np.abs(back.pixels[..., :3] - (colours * alpha + 255 * (1 - alpha))).mean() < 4
    assert (back.pixels[::3, 8:-8, :3] > 200).mean() > 0.9


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("kind", ["photo", "clear_photo"])
def test_profile_and_xmp_come_back(tmp_path, request, kind, extension):
    photo = request.getfixturevalue(kind)
    back = round_trip(photo, tmp_path / f"a{extension}")
    assert back.profile == photo.profile
    assert back.xmp == XMP
    assert back.notice is None


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_comes_back_byte_for_byte(tmp_path, photo, extension, order):
    photo = dataclasses.replace(photo, exif=exif_block(order))
    assert round_trip(photo, tmp_path / f"a{extension}").exif == exif_block(order)


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_comes_back_from_tiff_by_its_tags(tmp_path, photo, order):
    back = round_trip(dataclasses.replace(photo, exif=exif_block(order)), tmp_path / "a.tif")
    exif = Image.Exif()
    exif.load(back.exif)
    assert exif[33432].encode("latin-1") == AUTHOR[:-1]
    assert exif.get_ifd(0x8769) == {37500: NOTE}
    assert set(exif) == {33432, 0x8769}


def test_exif_that_speaks_of_a_tiff_layout_does_not_disturb_tiff(tmp_path, photo):
    """Cameras write width and height, compression and strips of thumbnails into EXIF."""
    tags = {256: 9999, 257: 9999, 258: 16, 259: 6, 262: 6, 273: 8, 277: 1, 278: 1, 279: 4, 322: 64, 338: 0}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    back = round_trip(dataclasses.replace(photo, exif=block), tmp_path / "a.tif")
    assert np.array_equal(back.pixels, photo.pixels)
    assert back.exif is None


@pytest.mark.parametrize("second", LOSSLESS)
@pytest.mark.parametrize("first", [".png", ".jpg", ".webp", ".tif"])
def test_all_is_kept_across_formats(tmp_path, photo, first, second):
    once = round_trip(photo, tmp_path / f"a{first}")
    twice = round_trip(once, tmp_path / f"b{second}")
    assert np.array_equal(once.pixels, twice.pixels)
    assert (twice.profile, twice.xmp) == (photo.profile, photo.xmp)
    assert AUTHOR[:-1] in twice.exif
    assert NOTE in twice.exif


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_nothing_is_added(tmp_path, picture, extension):
    back = round_trip(Photo(pixels=picture), tmp_path / f"a{extension}")
    assert (back.profile, back.exif, back.xmp) == (None, None, None)


@pytest.mark.parametrize("name", ["A.PNG", "a.b.Jpg", "ü ß 図.webp"])
def test_names_are_free(tmp_path, photo, name):
    assert round_trip(photo, tmp_path / name).pixels.shape == photo.pixels.shape


def test_jpeg_goes_without_what_it_has_no_room_for(tmp_path, photo):
    photo = dataclasses.replace(photo, exif=exif_block() + bytes(66_000), xmp=XMP + b" " * 66_000)
    back = round_trip(photo, tmp_path / "a.jpg")
    assert (back.exif, back.xmp, back.profile) == (None, None, photo.profile)
    back = round_trip(photo, tmp_path / "a.png")
    assert (back.exif, back.xmp) == (photo.exif, photo.xmp)


@pytest.mark.parametrize(("exif", "xmp"), [(65_527, 65_504), (65_528, 65_505)])
def test_jpeg_takes_what_just_fits(tmp_path, photo, exif, xmp):
    photo = dataclasses.replace(
        photo, exif=exif_block().ljust(exif, b"\0"), xmp=XMP.ljust(xmp, b" "), profile=None
    )
    back = round_trip(photo, tmp_path / "a.jpg")
    fits = exif == 65_527
    assert (back.exif is not None, back.xmp is not None) == (fits, fits)


@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize(
    "block", [b"II*\0", b"II*\0\xff\xff\xff\x7f", b"MM\0*\0\0\0\x08\xff\xff", exif_block()[:70]]
)
def test_exif_with_faults_does_not_keep_a_picture_from_being_written(
    tmp_path, capfd, photo, extension, block
):
    back = round_trip(dataclasses.replace(photo, exif=block), tmp_path / f"a{extension}")
    assert back.pixels.shape == photo.pixels.shape
    assert capfd.readouterr() == ("", "")


# Places


@pytest.mark.parametrize("name", ["a", "a.gif", "a.", ".png", "a.png.bak"])
def test_unknown_extension(tmp_path, photo, name):
    assert refusal(photo, tmp_path / name) == (
        f"Pliant cannot tell from the name {name} how to write the picture; end it in .png, .jpg, .jpeg, "
        ".webp, .tif or .tiff."
    )


def test_missing_folder(tmp_path, photo):
    assert refusal(photo, tmp_path / "b" / "a.png") == (
        f"The folder {tmp_path / 'b'} does not exist; create it or choose another."
    )


def test_folder_of_that_name(tmp_path, photo):
    (tmp_path / "a.png").mkdir()
    assert refusal(photo, tmp_path / "a.png") == (
        f"{tmp_path / 'a.png'} is a folder; give the picture a name in it."
    )


def test_folder_without_permission(tmp_path, monkeypatch, photo):
    def touch(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "touch", touch)
    assert refusal(photo, tmp_path / "a.png") == (
        f"a.png could not be written in {tmp_path} (Permission denied); choose another place."
    )


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_folder_that_is_write_protected(tmp_path, photo):
    tmp_path.chmod(0o500)
    try:
        assert "(Permission denied)" in refusal(photo, tmp_path / "a.png")
    finally:
        tmp_path.chmod(0o700)


def test_file_that_is_write_protected(tmp_path, monkeypatch, photo):
    (tmp_path / "a.png").touch()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert refusal(photo, tmp_path / "a.png") == (
        "a.png is write-protected; choose another name or lift the protection."
    )


@pytest.mark.parametrize("name", ["a\0.png", "a" * 300 + ".png"])
def test_impossible_name(tmp_path, photo, name):
    assert " could not be written in " in refusal(photo, tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipe_of_that_name(tmp_path, photo):
    os.mkfifo(tmp_path / "a.png")
    assert refusal(photo, tmp_path / "a.png") == f"{tmp_path / 'a.png'} is not a file; choose another name."


@pytest.mark.parametrize(
    ("size", "extension", "words"),
    [
        ((16_384, 1), ".webp", "A WEBP picture has at most 16383 pixels a side, and this one is 16384 × 1"),
        ((1, 65_501), ".jpg", "A JPEG picture has at most 65500 pixels a side, and this one is 1 × 65501"),
    ],
)
def test_sides_that_a_format_does_not_allow(tmp_path, size, extension, words):
    width, height = size
    photo = Photo(pixels=np.zeros((height, width, 4), np.uint8))
    assert refusal(photo, tmp_path / f"a{extension}") == f"{words}; save it as PNG or TIFF."
    shorter = Photo(pixels=photo.pixels[: height - 1 or 1, : width - 1 or 1].copy())
    assert round_trip(shorter, tmp_path / f"a{extension}").pixels.size == shorter.pixels.size
    assert round_trip(photo, tmp_path / "a.png").pixels.size == photo.pixels.size
    assert round_trip(photo, tmp_path / "a.tif").pixels.size == photo.pixels.size


# Copies


@pytest.fixture
def scan(tmp_path) -> Path:
    path = tmp_path / "scan.png"
    Image.fromarray(np.full((5, 7), 40_000, np.uint16)).save(path)
    return path


SENTENCE = (
    "scan.png has 16 bits per channel and is greyscale; Pliant works on an 8-bit RGB copy and will not "
    "overwrite it. Save under another name."
)


def test_source_of_a_copy_is_not_overwritten(tmp_path, scan, monkeypatch):
    photo = open_photo(scan)
    (tmp_path / "link.png").symlink_to(scan)
    (tmp_path / "twin.png").hardlink_to(scan)
    monkeypatch.chdir(tmp_path)
    for path in (
        scan,
        tmp_path / "link.png",
        tmp_path / "twin.png",
        Path("scan.png"),
        tmp_path / "." / "scan.png",
    ):
        assert refusal(photo, path, source=scan) == SENTENCE
    assert refusal(photo, scan, source=Path("scan.png")) == SENTENCE


def test_copy_is_written_elsewhere(tmp_path, scan):
    photo = open_photo(scan)
    check_output(tmp_path / "b.png", photo, source=scan)
    save_photo(photo, tmp_path / "b.png", source=scan)
    save_photo(photo, tmp_path / "b.png", source=scan)  # and over what was written
    assert open_photo(tmp_path / "b.png").notice is None


def test_source_of_a_faithful_photo_is_overwritten(tmp_path, photo):
    path = tmp_path / "a.png"
    save_photo(photo, path)
    again = open_photo(path)
    check_output(path, again, source=path)
    save_photo(dataclasses.replace(again, pixels=255 - again.pixels), path, source=path)
    assert np.array_equal(open_photo(path).pixels, 255 - photo.pixels)


def test_source_that_is_gone_forbids_nothing(tmp_path, scan):
    photo = open_photo(scan)
    scan.unlink()
    save_photo(photo, scan, source=scan)
    assert open_photo(scan).notice is None


# Whole or not at all


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("step", [(os, "fsync"), (Path, "replace")], ids=["flush", "replace"])
@pytest.mark.parametrize("existing", [False, True])
def test_full_disk_leaves_what_was_there(tmp_path, monkeypatch, photo, step, existing):
    path = tmp_path / "a.png"
    if existing:
        path.write_bytes(b"before")
    monkeypatch.setattr(*step, full_disk)
    with pytest.raises(InvalidRequest) as caught:
        save_photo(photo, path)
    assert str(caught.value) == (
        f"a.png could not be written in {tmp_path} (No space left on device); choose another place."
    )
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"] * existing
    assert not existing or path.read_bytes() == b"before"


@pytest.mark.skipif(os.name == "nt", reason="needs resource limits")
def test_file_that_grows_too_large_leaves_what_was_there(tmp_path, photo):
    import resource
    import signal

    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(InvalidRequest, match="File too large"):
            save_photo(photo, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            OSError("encoder error -2"),
            "a.png could not be written (encoder error -2); choose another format.",
        ),
        (ValueError("no"), "a.png could not be written (no); choose another format."),
        (MemoryError(), "There is not enough memory to write a.png; close other programs and try again."),
    ],
)
def test_failing_encoder_leaves_what_was_there(tmp_path, monkeypatch, photo, error, sentence):
    def save(self, buffer, *_, **__):
        buffer.write(b"half a picture")
        raise error

    (tmp_path / "a.png").write_bytes(b"before")
    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(InvalidRequest) as caught:
        save_photo(photo, tmp_path / "a.png")
    assert str(caught.value) == sentence
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"before"


def test_new_file_grows_hidden_beside_the_old_one(tmp_path, monkeypatch, photo):
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.extend(p.name for p in tmp_path.iterdir()))
    save_photo(photo, tmp_path / "a.png")
    assert len(seen) == 1
    assert seen[0].startswith(".")
    assert seen[0].endswith(".part")


def test_interruption_leaves_nothing(tmp_path, monkeypatch, photo):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_photo(photo, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_link_goes_on_pointing_to_the_picture(tmp_path, photo):
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "a.png", tmp_path / "link.png"
    link.symlink_to(target)
    for _ in range(2):  # to nothing yet, and to the picture
        save_photo(photo, link)
        assert link.is_symlink()
        assert np.array_equal(open_photo(target).pixels, photo.pixels)


def test_circle_of_links(tmp_path, photo):
    (tmp_path / "a.png").symlink_to(tmp_path / "b.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    with pytest.raises(InvalidRequest, match="could not be written"):
        check_output(tmp_path / "a.png", photo)


@pytest.mark.skipif(os.name == "nt", reason="needs access rights")
def test_access_rights_are_the_usual_ones_or_stay(tmp_path, photo):
    path = tmp_path / "a.png"
    usual = tmp_path / "usual"
    usual.touch()
    save_photo(photo, path)
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
    path.chmod(0o640)
    save_photo(photo, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
