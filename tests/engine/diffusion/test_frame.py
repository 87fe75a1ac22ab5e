"""Frame: every size keeps its shape, its points and its place."""

import cv2
import numpy as np
import PIL.Image
import pytest
from hypothesis import given, strategies as st

from engine.diffusion.frame import Frame


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from([128, 512]), st.sampled_from([8, 16, 64]))
def test_the_shape_is_kept_and_the_tensors_size_allowed(width, height, side, multiple):
    frame = Frame.of((width, height), side, multiple)
    assert max(frame.content) == side
    assert all(a <= b < a + multiple for a, b in zip(frame.content, frame.working, strict=True))
    assert not any(length % multiple for length in frame.working)
    for length, of in zip(frame.content, (width, height), strict=True):
        assert abs(length - of * side / max(width, height)) <= max(0.5, 1 - of * side / max(width, height))


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200)), min_size=1))
def test_points_go_in_and_out(points):
    frame = Frame.of((300, 200), 512, 64)
    array = np.array(points)
    np.testing.assert_allclose(frame.outside(frame.inside(array)), array, atol=1e-9)
    assert (frame.inside(array) <= np.array(frame.content) + 1e-9).all()


def test_corners_are_corners():
    frame = Frame.of((300, 200), 512, 64)
    assert frame.content == (512, 341)
    assert frame.inside(np.array([[0, 0], [300, 200.0]])).tolist() == [[0, 0], [512, 341]]


def test_a_square_picture_is_what_the_demo_made_of_it(paint):
    image = paint(700, 700)
    tensor = Frame.of((700, 700), 512, 64).tensor(image)
    resized = PIL.Image.fromarray(image[..., :3]).resize((512, 512), PIL.Image.Resampling.BICUBIC)
    expected = np.asarray(resized).astype(np.float64) / 255 * 2 - 1
    np.testing.assert_allclose(tensor[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_what_is_missing_is_mirrored(paint):
    frame = Frame.of((300, 200), 512, 64)
    tensor = frame.tensor(paint(300, 200))[0].numpy()
    assert tensor.shape == (3, 384, 512)
    np.testing.assert_array_equal(tensor[:, 341:384], tensor[:, 339:296:-1])


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (512, 512), (33, 900)], ids=str)
def test_a_tensor_and_back(paint, size):
    image = paint(*size)
    frame = Frame.of(size, 512, 64)
    assert np.array_equal(frame.colours(frame.tensor(image)), frame.shrink(image))


def test_enlarging_undoes_shrinking(paint):
    image = paint(900, 600)
    frame = Frame.of((900, 600), 512, 64)
    again = frame.enlarge(frame.shrink(image))
    assert np.abs(again.astype(int) - image[..., :3])[8:-8, 8:-8].max() <= 3


def test_a_crop_that_was_enlarged_is_averaged_back(paint):
    image = paint(100, 60)
    frame = Frame.of((100, 60), 512, 64)
    assert np.abs(frame.enlarge(frame.shrink(image)).astype(int) - image[..., :3]).max() <= 6


def test_clear_pixels_show_the_mean_and_not_what_lies_under_them(paint):
    image = paint(256, 256)
    image[..., :3] = (200, 100, 50)
    cv2.circle(image, (128, 128), 60, (0, 255, 0, 0), -1)
    colours = Frame.of((256, 256), 128, 8).shrink(image)
    assert np.abs(colours.astype(int) - (200, 100, 50)).max() <= 12  # bicubic alpha rings at a hard edge


def test_a_wholly_clear_picture_is_dark():
    image = np.full((20, 20, 4), 255, np.uint8)
    image[..., 3] = 0
    assert Frame.of((20, 20), 64, 8).shrink(image).max() == 0


def test_values_beyond_the_range_are_cut():
    import torch

    frame = Frame.of((8, 8), 8, 8)
    assert frame.colours(torch.full((1, 3, 8, 8), 1.5)).min() == 255
    assert frame.colours(torch.full((1, 3, 8, 8), -1.5)).max() == 0
