"""What follows the pointer: the finished picture but for detail, at any size, and never a stale one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.edit import Box, DragEdit, Point, PointPair
from engine.engine import Engine
from engine.halving import halve_straight
from engine.methods.flow_warp.preview import Preview, WarpPreview
from engine.methods.flow_warp.settings import FlowWarpSettings
from engine.region import plan

SIZE = WIDTH, HEIGHT = 640, 480
PAIR = PointPair(Point(300, 240), Point(360, 215))


def disc(radius, at=(300, 240)):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, at, radius, 255, -1)
    return mask


def halved(image, times):
    for _ in range(times):
        image = halve_straight(image)
    return image


def pasted(preview: Preview, asked: DragEdit):
    """The whole halved picture with the preview in it."""
    whole = halved(asked.image, preview.halvings).copy()
    assert preview.image.shape == whole[preview.box.slices].shape
    whole[preview.box.slices] = preview.image
    return whole


@pytest.mark.parametrize("motion", ["deform", "move"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("mask", [None, disc(150)], ids=["automatic", "painted"])
@pytest.mark.parametrize("halvings", [0, 1, 2])
def test_it_is_the_finished_picture_but_for_detail(paint, motion, alpha, mask, halvings):
    image = cv2.GaussianBlur(paint(*SIZE, seed=3, alpha=alpha), (0, 0), 2)
    asked = DragEdit(image=image, mask=mask, points=(PAIR,), subject=disc(50), motion=motion)
    preview = WarpPreview().show(asked, halvings=halvings)
    assert preview.halvings == halvings
    shown = pasted(preview, asked).astype(int)
    final = Engine().edit("flow_warp", asked, FlowWarpSettings(fill="smooth")).image
    before, after = halved(image, halvings).astype(int), halved(final, halvings).astype(int)
    part = preview.box.slices
    moved, difference = (np.abs((a - b)[part]).mean() for a, b in ((after, before), (shown, after)))
    assert difference < 0.25 * moved
    assert np.array_equal(preview.region.mask, plan(asked).mask)


@pytest.mark.parametrize("halvings", [0, 1, 3])
@pytest.mark.parametrize("motion", ["deform", "move"])
def test_protected_pixels_keep_every_byte(paint, halvings, motion):
    mask = cv2.blur(disc(120), (9, 9))
    asked = DragEdit(image=paint(*SIZE, seed=1), mask=mask, points=(PAIR,), subject=disc(60), motion=motion)
    shown, before = pasted(WarpPreview().show(asked, halvings=halvings), asked), halved(asked.image, halvings)
    reach = halved(np.dstack([cv2.dilate(mask, np.ones((3, 3), np.uint8))] * 4), halvings).max(-1)
    assert np.array_equal(shown[reach == 0], before[reach == 0])
    assert not np.array_equal(shown, before)


def test_a_subject_too_small_to_be_halved_is_shown_larger(paint):
    subject = np.zeros((HEIGHT, WIDTH), np.uint8)
    subject[240, 300] = 255
    asked = DragEdit(image=paint(*SIZE), points=(PAIR,), subject=subject, motion="move")
    assert 0 <= WarpPreview().show(asked, halvings=6).halvings < 6


def test_without_alpha_nothing_becomes_transparent(paint):
    asked = DragEdit(image=paint(*SIZE), points=(PAIR,), subject=disc(60), motion="move")
    assert WarpPreview().show(asked, halvings=1).image[..., 3].min() == 255


def test_what_is_remembered_is_never_stale(paint):
    """A long life of changes: each preview is nearly that of one who has seen nothing else."""
    random = np.random.default_rng(0)
    pictures = [cv2.GaussianBlur(paint(*SIZE, seed=i), (0, 0), 1.5) for i in range(2)]
    masks = [None, disc(160), disc(140, (340, 230))]
    protected = [None, disc(30, (390, 300))]
    subjects = [None, disc(50), disc(40, (320, 250))]
    asked, halvings = DragEdit(image=pictures[0], points=(PAIR,)), 0
    old = WarpPreview()
    for _ in range(120):
        change = random.integers(0, 10)
        if change < 5:
            target = PAIR.handle.x + random.uniform(-90, 90), PAIR.handle.y + random.uniform(-90, 90)
            asked = replace(asked, points=(PointPair(PAIR.handle, Point(*target)),))
        elif change == 5:
            asked = replace(asked, image=pictures[random.integers(2)])
        elif change == 6:
            asked = replace(asked, mask=masks[random.integers(3)])
        elif change == 7:
            asked = replace(asked, protected=protected[random.integers(2)])
        elif change == 8:
            subject = subjects[random.integers(3)]
            moves = subject is not None and random.integers(2)
            asked = replace(asked, subject=subject, motion="move" if moves else "deform")
        else:
            halvings = int(random.integers(0, 3))
        shown, fresh = old.show(asked, halvings=halvings), WarpPreview().show(asked, halvings=halvings)
        assert np.abs(pasted(shown, asked).astype(int) - pasted(fresh, asked)).max(-1).mean() < 0.6


def test_while_only_targets_move_the_part_shown_stays(paint):
    asked = DragEdit(image=paint(*SIZE), mask=disc(150), points=(PAIR,))
    preview = WarpPreview()
    boxes: set[Box] = set()
    for i in range(12):
        target = Point(300 + 60 * np.cos(i), 240 + 60 * np.sin(i))
        boxes.add(preview.show(replace(asked, points=(PointPair(PAIR.handle, target),))).box)
    assert boxes == {Box(300 - 151, 240 - 151, 300 + 152, 240 + 152)}


@pytest.mark.parametrize("halvings", [0, 1])
@pytest.mark.parametrize("view", [Box(250, 150, 420, 330), Box(-50, -80, 333, 241), Box(600, 440, 900, 700)])
def test_what_is_in_view_is_the_same_part_of_the_whole(paint, halvings, view):
    asked = DragEdit(image=paint(*SIZE, seed=4), mask=disc(170), points=(PAIR,))
    whole = WarpPreview().show(asked, halvings=halvings)
    part = WarpPreview().show(asked, halvings=halvings, view=view)
    x, y = part.box.x0 - whole.box.x0, part.box.y0 - whole.box.y0
    assert x >= 0 and y >= 0
    assert part.image.shape == (part.box.height, part.box.width, 4)
    same = whole.image[y : y + part.box.height, x : x + part.box.width].astype(int)
    assert np.abs(part.image - same).max() <= 1  # OpenCV rounds the places of a tile from its own corner
    seen = Box.clipped(*(n / 2**halvings for n in view), (WIDTH >> halvings, HEIGHT >> halvings))
    wanted = [max(a, b) for a, b in zip(seen[:2], whole.box[:2], strict=True)]
    assert view.x0 > 500 or (part.box.x0 <= wanted[0] and part.box.y0 <= wanted[1])
