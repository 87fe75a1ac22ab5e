"""Colours go to sRGB and back as the profile says; alpha and untouched shapes stay."""

import io

import numpy as np
import pytest
from PIL import ImageCms

from engine import colour
from engine.colour import from_srgb, to_srgb
from engine.errors import InvalidRequest

# XYZ (D50) of each space's primaries, as columns.
P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def srgb_oracle(pixels):
    """Gamma 2.2 in Display P3 → sRGB (IEC 61966-2-1), colours outside clipped; float64."""
    linear = (pixels[..., :3] / 255.0) ** (round(2.2 * 256) / 256)
    linear = np.clip(linear @ (np.linalg.inv(SRGB) @ P3).T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded * 255


def noise(width=64, height=48, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 4), np.uint8)


@pytest.fixture(scope="module")
def srgb():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def test_colours_are_converted_as_the_profile_says(display_p3):
    pixels = noise()
    converted = to_srgb(pixels, display_p3)
    error = np.abs(converted[..., :3] - srgb_oracle(pixels))
    assert np.percentile(error, 99) <= 1.5
    # sRGB's curve is a straight line in the deepest shadows, and the converter works from a table there.
    assert error.max() <= 6


def test_a_wide_gamut_is_clipped(display_p3):
    red = np.array([[[255, 0, 0, 255]]], np.uint8)
    assert to_srgb(red, display_p3)[0, 0].tolist() == [255, 0, 0, 255]
    narrow = from_srgb(red, display_p3)[0, 0]
    assert 225 <= narrow[0] <= 240, "sRGB's red is no full red in Display P3"
    assert 40 <= narrow[1] <= 60


def test_alpha_is_not_touched(display_p3):
    pixels = noise()
    assert np.array_equal(to_srgb(pixels, display_p3)[..., 3], pixels[..., 3])
    assert np.array_equal(from_srgb(pixels, display_p3)[..., 3], pixels[..., 3])


def test_there_and_back_keeps_colours_that_both_can_show(display_p3):
    inside = from_srgb(noise(), display_p3)
    again = from_srgb(to_srgb(inside, display_p3), display_p3)
    assert np.abs(again.astype(int) - inside).max() <= 3
    assert np.array_equal(again[..., 3], inside[..., 3])


def test_an_srgb_profile_changes_next_to_nothing(srgb):
    pixels = noise()
    assert np.abs(to_srgb(pixels, srgb).astype(int) - pixels).max() <= 1


def test_greys_stay_grey(display_p3):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 4, axis=2)
    converted = to_srgb(np.ascontiguousarray(ramp), display_p3)
    assert np.ptp(converted[..., :3].astype(int), axis=-1).max() <= 1
    assert (np.diff(converted[0, :, 0].astype(int)) >= 0).all()


def test_strips_make_no_difference(display_p3, monkeypatch):
    pixels = noise(31, 57)
    whole = to_srgb(pixels, display_p3)
    for strip in (1, 31, 100, 31 * 56):
        monkeypatch.setattr(colour, "_STRIP", strip)
        assert np.array_equal(to_srgb(pixels, display_p3), whole)


def test_the_input_is_left_alone_and_may_be_a_view(display_p3):
    pixels = noise()
    before = pixels.copy()
    pixels.flags.writeable = False
    view = pixels[5:40:2, 3:60]
    converted = to_srgb(view, display_p3)
    assert np.array_equal(converted, to_srgb(view.copy(), display_p3))
    assert np.array_equal(pixels, before)
    assert not np.shares_memory(converted, pixels)


def grey_profile():
    """An ICC profile for greyscale: the sRGB one with another colour space named in its header."""
    body = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    body[16:20] = b"GRAY"
    return bytes(body)


def lab_profile():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.mark.parametrize(
    "profile",
    [b"", b"no profile", bytes(500), grey_profile(), lab_profile()],
    ids=["empty", "words", "zeros", "grey", "lab"],
)
@pytest.mark.parametrize("convert", [to_srgb, from_srgb])
def test_a_profile_that_does_not_fit_is_told(profile, convert):
    with pytest.raises(InvalidRequest, match="colour profile"):
        convert(noise(), profile)


def test_a_truncated_profile_is_told(display_p3):
    for length in range(1, len(display_p3), 37):
        with pytest.raises(InvalidRequest, match="colour profile"):
            to_srgb(noise(4, 4), display_p3[:length])


def test_the_profile_of_these_tests_is_sound(display_p3):
    opened = ImageCms.getOpenProfile(io.BytesIO(display_p3))
    assert opened.profile.xcolor_space.strip() == "RGB"
    assert len(display_p3) == int.from_bytes(display_p3[:4], "big")
