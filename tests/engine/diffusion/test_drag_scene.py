"""DragScene: where points, masks and pictures of a request lie for an optimiser, and how they come back."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.diffusion.drag_scene import DragScene, DragView
from engine.edit import DragEdit, Point, PointPair
from engine.errors import InvalidRequest
from engine.progress import Progress
from engine.region import plan


def drag(image, *ends, **changes):
    points = tuple(PointPair(Point(*pair[:2]), Point(*pair[2:])) for pair in ends)
    changes.setdefault("mask", np.full(image.shape[:2], 255, np.uint8))
    return DragEdit(image=image, points=points, **changes)


def latents(scene, factor=8):
    width, height = scene.frame.working
    return torch.zeros(1, 4, height // factor, width // factor)


def test_a_square_picture_is_what_was_published(paint):
    """Pixels of the papers are counted by their corners: 101 is what the centre of pixel 101 is here."""
    image = paint(512, 512)
    scene = DragScene.of(drag(image, (101.5, 33.5, 7.5, 340.5), (2.5, 4.5, 510.5, 0.5)), 512, 64)
    assert scene.grid == (256, 256)
    assert scene.handles.tolist() == [[16, 50], [2, 1]]
    assert scene.targets.tolist() == [[170, 4], [0, 255]]
    assert scene.image.shape == (1, 3, 512, 512)


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (1000, 90), (7, 5)], ids=str)
def test_points_stay_on_the_grid_and_come_back(paint, size):
    width, height = size
    ends = ((0, 0, width, height), (width / 3, height / 2, width / 2, height / 3))
    scene = DragScene.of(drag(paint(*size), *ends), 128, 16)
    for points in (scene.handles, scene.targets):
        assert (points >= 0).all()
        assert (points <= torch.tensor(scene.grid) - 1).all()
    assert scene.places(scene.handles) == tuple(Point(*end[:2]) for end in ends)
    # Two working pixels to one of the grid.
    moved = scene.places(scene.handles + torch.tensor([3.0, -5.0]))
    for (x, y), end in zip(moved, ends, strict=True):
        assert (x, y) == pytest.approx(
            (end[0] - 10 / scene.frame.scale[0], end[1] + 6 / scene.frame.scale[1])
        )


def test_a_handle_at_its_target_is_told_there(paint):
    scene = DragScene.of(drag(paint(320, 240), (100, 60, 220, 150)), 256, 32)
    (place,) = scene.places(scene.targets)
    assert place == pytest.approx((220, 150), abs=2 / scene.frame.scale[0])


def test_the_mask_is_that_of_the_nearest_pixels(paint):
    mask = np.zeros((256, 256), np.uint8)
    mask[64:128, 32:200] = 3  # what is blended may change
    scene = DragScene.of(drag(paint(256, 256), (100, 100, 110, 110), mask=mask), 256, 32)
    expected = torch.zeros(1, 1, 32, 32)
    expected[..., 8:16, 4:25] = 1
    assert torch.equal(scene.mask(latents(scene)), expected)
    assert scene.mask(latents(scene).double()).dtype == torch.float64


def test_a_mask_of_one_pixel_is_not_lost(paint):
    mask = np.zeros((256, 256), np.uint8)
    mask[101, 101] = 255
    scene = DragScene.of(drag(paint(256, 256), (101.5, 101.5, 110, 110), mask=mask), 256, 32)
    assert scene.mask(latents(scene)).nonzero().tolist() == [[0, 0, 12, 12]]


def test_what_is_mirrored_on_may_change_as_what_it_mirrors(paint):
    mask = np.zeros((200, 256), np.uint8)
    mask[160:] = 255
    scene = DragScene.of(drag(paint(256, 200), (100, 170, 110, 160), mask=mask), 256, 64)
    assert scene.frame.working == (256, 256)
    rows = scene.mask(latents(scene))[0, 0, :, 3]
    assert rows.tolist() == [0] * 20 + [1] * 10 + [0] * 2  # mirrored at row 199


def test_around_pins_nothing_changes(paint):
    request = drag(paint(256, 256), (60, 60, 90, 60), pins=(Point(200, 200),))
    scene = DragScene.of(request, 256, 32)
    mask = scene.mask(latents(scene))[0, 0]
    assert mask[25, 25] == 0
    assert mask[7, 7] == 1
    assert mask.sum() > 0.95 * mask.numel()


def test_a_drag_from_where_nothing_may_change_stays(paint):
    mask = np.zeros((240, 320), np.uint8)
    mask[:, 160:] = 255
    ends = (200, 60, 220, 60), (100, 60, 220, 80), (320, 240, 220, 60)
    scene = DragScene.of(drag(paint(320, 240), *ends, mask=mask), 256, 32)
    stays = (scene.handles == scene.targets).all(1)
    assert stays.tolist() == [False, True, False]
    with pytest.raises(InvalidRequest, match=r"^All 2 drags start where nothing may change; let"):
        DragScene.of(drag(paint(320, 240), *ends[1:2], (0, 0, 300, 9), mask=mask), 256, 32)


def test_automatic_regions_always_hold_their_handles(paint):
    for ends in ((0, 0, 40, 40), (320, 240, 100, 100), (160, 120, 161, 120)):
        request = drag(paint(320, 240), ends, mask=None)
        DragScene.of(plan(request).cut(request), 256, 32)


# --- showing how it gets on


class Flat:
    """Decodes each latent to a picture of its mean."""

    def __init__(self):
        self.decoded = 0

    def decode(self, latent):
        self.decoded += 1
        height, width = latent.shape[-2:]
        return latent.mean().expand(1, 3, height * 8, width * 8)


@pytest.fixture
def shown(paint):
    scene = DragScene.of(drag(paint(320, 240), (100, 60, 220, 150)), 256, 32)
    seen = SimpleNamespace(scene=scene, pictures=[], handles=[], network=Flat())
    seen.progress = Progress(
        on_preview=seen.pictures.append, on_handles=seen.handles.append, preview_interval=0
    )
    known = torch.randn(latents(scene).shape, generator=torch.Generator().manual_seed(0))
    seen.view = DragView(scene, seen.network, known, seen.progress, nullcontext)
    seen.latents = known
    return seen


def test_previews_are_cheap_and_only_what_was_edited_differs(shown):
    after = shown.latents.clone()
    after[..., :10, :10] += 5
    shown.view.show(after.requires_grad_(), shown.latents, shown.scene.handles + 2)
    (picture,) = shown.pictures
    assert picture.shape == (240, 320, 4)
    changed = (picture != shown.scene.request.image).any(-1)
    assert changed[:60, :60].any()
    assert not changed[150:, 200:].any()
    assert shown.network.decoded == 0
    assert shown.handles == [shown.scene.places(shown.scene.handles + 2)]


def test_what_there_is_so_far_is_decoded_when_it_is_wanted(shown):
    assert shown.progress.partial() is None
    shown.view.show(shown.latents + 9, shown.latents, shown.scene.handles)
    result = shown.progress.partial()
    assert shown.network.decoded == 2
    assert result.handles == shown.scene.places(shown.scene.handles)
    assert not np.array_equal(result.image, shown.scene.request.image)
