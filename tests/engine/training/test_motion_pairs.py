import cv2
import numpy as np
import pytest
import torch
from clips import HEIGHT, write_pictures

from engine.training.motion_pairs import MotionSettings, dilated, open_motion, salient_points

CPU = torch.device("cpu")


def settings(**changes):
    return MotionSettings(**{"size": HEIGHT, "gap": 2, **changes})


@pytest.fixture
def video(tmp_path):
    return open_motion(settings(), write_pictures(tmp_path / "clip", 24), CPU)


@pytest.fixture(scope="module")
def photos(tmp_path_factory, paint):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(40):
        cv2.imwrite(str(folder / f"{number}.png"), paint(96, 96, seed=number)[..., :3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLIANT_HOME", str(tmp_path_factory.mktemp("home")))
        yield open_motion(settings(source="photos", size=64), folder, CPU)


@pytest.fixture(params=["video", "photos"])
def pairs(request):
    return request.getfixturevalue(request.param)


def warped(batch):
    """The target as seen from the source: what a correct flow makes equal to the source."""
    h, w = batch.source.shape[-2:]
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    places = torch.stack([x, y]) + batch.flow
    grid = torch.stack([(2 * places[:, 0] + 1) / w - 1, (2 * places[:, 1] + 1) / h - 1], dim=-1)
    return torch.nn.functional.grid_sample(batch.target, grid, align_corners=False)


def test_shapes_and_ranges(pairs):
    batch = next(pairs.batches(3, 0))
    size = batch.source.shape[-1]
    for colours in (batch.source, batch.target, batch.condition):
        assert colours.shape == (3, 3, size, size)
        assert colours.dtype == torch.float32
        assert 0 <= float(colours.min()) <= float(colours.max()) <= 1
    assert batch.flow.shape == (3, 2, size, size)
    assert batch.front.shape == (3, 1, size, size)
    assert batch.front.dtype == torch.bool
    assert batch.front.flatten(1).any(1).all()


def test_flow_leads_from_source_to_target(pairs):
    """Mirrored pairs too: eight of them would hardly all be as they were."""
    batch = next(pairs.batches(8, 0))
    front = batch.front.expand_as(batch.source)
    moved, still = ((picture - batch.source).abs()[front].mean() for picture in (warped(batch), batch.target))
    assert float(moved) < 0.5 * float(still)


def test_place_can_be_kept(pairs):
    one, other = pairs.batches(2, 5), pairs.batches(2, 99)
    next(one)
    other.generator.set_state(one.generator.get_state())
    first, second = next(one), next(other)
    assert torch.equal(first.source, second.source)
    assert torch.equal(first.flow, second.flow)


def test_held_out_is_the_same_and_never_trained_with(pairs):
    held_out, again = pairs.held_out(2), pairs.held_out(2)
    assert torch.equal(held_out.source, again.source)
    batches = pairs.batches(8, 0)
    seen = torch.cat([next(batches).source for _ in range(8)])
    for picture in held_out.source:
        assert (seen - picture).abs().flatten(1).amax(1).min() > 0.02


def test_video_condition_has_the_targets_background(video):
    batch = next(video.batches(4, 0))
    away = ~dilated(batch.front, 41)
    assert away.flatten(1).any(1).all()
    for region, picture in ((batch.front, batch.source), (away, batch.target)):
        assert torch.equal(batch.condition[region.expand_as(picture)], picture[region.expand_as(picture)])


def test_small_folders_have_nothing_to_spare(tmp_path):
    assert open_motion(settings(), write_pictures(tmp_path / "clip", 4), CPU).held_out(2) is None


def test_dilated_is_a_maximum_over_a_square():
    mask = torch.zeros(1, 1, 20, 20, dtype=torch.bool)
    mask[0, 0, 3, 10] = True
    expected = torch.zeros_like(mask)
    expected[0, 0, 0:9, 5:16] = True
    assert torch.equal(dilated(mask, 11), expected)


def test_corners_are_salient():
    image = torch.zeros(2, 3, 40, 40)
    image[1, :, 10:30, 12:28] = 1
    found = salient_points(image, 10)
    assert not found[0].any()
    places = found[1, 0].nonzero().numpy()
    assert len(places) == 4
    for y, x in ((10, 12), (10, 27), (29, 12), (29, 27)):
        assert np.abs(places - (y, x)).max(1).min() <= 1
