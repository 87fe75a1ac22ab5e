import pytest
import torch

from engine.methods.instant_drag.flow import flowgen_input, sparse_flow
from engine.methods.instant_drag.point_sampling import PointSampling, drags_input, sample_points

SIDE = 32
NOTHING = torch.zeros(4, 1, SIDE, SIDE, dtype=torch.bool)
ALL = ~NOTHING


def sampling(**changes):
    plain = {"grid": 8, "grid_bonus": 0.0, "salient_bonus": 0.0, "least": 1, "most": 20}
    return PointSampling(**{**plain, **changes})


def drawn(front, salient, seed=0, **changes):
    return sample_points(front, salient, sampling(**changes), torch.Generator().manual_seed(seed))


def counts(points):
    return points.flatten(1).sum(1).tolist()


def test_so_many_points_as_drawn():
    found = {count for seed in range(40) for count in counts(drawn(ALL, NOTHING, seed, least=3, most=7))}
    assert found == {3, 4, 5, 6, 7}


def test_never_in_the_background():
    front = NOTHING.clone()
    front[0, 0, :5, :5] = True
    front[1, 0, 3, 3] = True
    for seed in range(10):
        points = drawn(front, ALL, seed, least=9, most=20, salient_bonus=5.0, grid_bonus=5.0)
        assert not (points & ~front).any()
        assert counts(points)[1:] == [1, 0, 0]
        assert 9 <= counts(points)[0] <= 20


def test_everywhere_without_bonuses():
    hit = sum(drawn(ALL, NOTHING, seed, least=100, most=100) for seed in range(100)) > 0
    assert float(hit.float().mean()) > 0.999


@pytest.mark.parametrize("bonus", ["grid_bonus", "salient_bonus"])
def test_bonuses_prefer(bonus):
    salient = NOTHING.clone()
    salient[:, :, 7, ::2] = True
    grid = NOTHING.clone()
    grid[:, :, 4::8, 4::8] = True
    wanted = grid if bonus == "grid_bonus" else salient
    surely = drawn(ALL, salient, least=16, most=16, **{bonus: 1.5})
    assert torch.equal(surely, wanted)
    seldom, often = (
        float((drawn(ALL, salient, least=8, most=8, **{bonus: value}) & wanted).float().sum()) / 32
        for value in (0.0, 0.3)
    )
    assert seldom < 0.1 < 0.3 < often


def test_samples_of_a_batch_are_not_alike():
    points = drawn(ALL, NOTHING, least=5, most=5)
    assert not torch.equal(points[0], points[1])
    assert not torch.equal(points, drawn(ALL, NOTHING, seed=1, least=5, most=5))


def test_more_points_than_pixels():
    assert max(counts(drawn(ALL, NOTHING, least=1, most=10**6))) <= SIDE**2


def test_input_is_what_an_edit_prepares():
    """The same drags, given as points on a square of 512 as the editor does."""
    generator = torch.Generator().manual_seed(0)
    image = 2 * torch.rand(1, 3, 256, 256, generator=generator) - 1
    flow = 20 * torch.randn(1, 2, 256, 256, generator=generator)
    points = torch.zeros(1, 1, 256, 256, dtype=torch.bool)
    for y, x in ((30, 40), (200, 7), (0, 255)):
        points[0, 0, y, x] = True
    x, peak = drags_input(image, flow, points, generator)
    candidates = []
    for row in (0, 1):
        for column in (0, 1):
            places = points[0, 0].nonzero()
            handles = (2 * places.flip(1) + torch.tensor([column, row]) + 0.5).double().numpy()
            motion = flow[0, :, places[:, 0], places[:, 1]].T.double().numpy()
            sparse = sparse_flow(handles, handles + 2 * motion, 512, (512, 512))
            candidates.append(flowgen_input(image, sparse))
    assert any(torch.allclose(x, other, atol=1e-5) for other, _ in candidates)
    assert torch.allclose(peak, candidates[0][1] / 2, rtol=1e-5)  # in pixels of 256, not 512
