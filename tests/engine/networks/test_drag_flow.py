"""The drag network: what it answers before training, what it can learn, and its folder."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from engine.networks.drag_flow import CHANNELS, UNKNOWN, DragFlow, features
from engine.networks.drag_motion import Drags, analytic_flow

WIDTHS = (16, 16, 16)


def network(seed=0, widths=WIDTHS):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return DragFlow(32, widths)


def shaken(made, seed=1):
    """With an answer of its own, which a new network lacks."""
    generator = torch.Generator().manual_seed(seed)
    made.head.weight.data = 0.3 * torch.randn(made.head.weight.shape, generator=generator)
    return made


def given(size=(32, 48), batch=2, seed=0, pairs=3):
    """image, drags, no subject, half of them moves."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    image = torch.rand(batch, 3, height, width, generator=generator)
    handles = torch.rand(batch, pairs, 2, generator=generator) * torch.tensor([width, height])
    vectors = 6 * torch.randn(batch, pairs, 2, generator=generator)
    number = torch.randint(1, pairs + 1, (batch,), generator=generator)
    subject = torch.full((batch, 1, height, width), UNKNOWN)
    return image, Drags(handles, handles + vectors, number), subject, torch.arange(batch) % 2.0


def test_shapes_and_ranges():
    answer = shaken(network())(*given())
    assert answer.logits.shape == answer.region.shape == (2, 1, 32, 48)
    assert answer.motion.shape == answer.flow.shape == (2, 2, 32, 48)
    assert 0 <= answer.region.min() < answer.region.max() <= 1
    assert answer.flow.isfinite().all()


def test_the_published_size():
    assert 2.5e6 < sum(weight.numel() for weight in DragFlow().parameters()) < 3e6


def test_what_it_sees():
    image, drags, subject, move = given()
    seen = features(image, drags, subject, move, analytic_flow(drags, (32, 48)))
    assert seen.shape == (2, CHANNELS, 32, 48)
    assert seen.abs().max() < 10
    x, y = drags.handles[0, 0].long().tolist()
    assert seen[0, 5, y, x] > 0.5  # a dot at the handle
    assert seen[0, 10, y, x] > 0.9  # near it
    assert (seen[0, 6] == 0).all()  # nobody has told a subject
    assert [float(seen[i, 7].unique()) for i in range(2)] == [0, 1]


def test_pairs_that_do_not_count_are_not_seen():
    made = shaken(network())
    image, drags, subject, move = given()
    drags = drags._replace(number=torch.tensor([1, 2]))
    other = Drags(drags.handles.clone(), drags.targets.clone(), drags.number)
    other.handles[0, 1:], other.targets[0, 1:] = 3.0, 19.0
    other.handles[1, 2:], other.targets[1, 2:] = 30.0, 1.0
    for a, b in zip(made(image, drags, subject, move), made(image, other, subject, move), strict=True):
        assert torch.equal(a, b)


def test_many_pairs_equal_few_that_are_repeated():
    """Pairs are looked at some at a time, which must not show; all weights are means but the sparse map's."""
    made = shaken(network())
    image, drags, subject, move = given(batch=1, pairs=1)
    many = Drags(drags.handles.repeat(1, 40, 1), drags.targets.repeat(1, 40, 1), torch.tensor([40]))
    one, forty = (made(image, d, subject, move) for d in (drags, many))
    seen = [features(image, d, subject, move, analytic_flow(d, (32, 48))) for d in (drags, many)]
    for channel in (0, 1, 2, 6, 7, 8, 9, 10, 11, 12, 13):
        torch.testing.assert_close(seen[0][:, channel], seen[1][:, channel], atol=1e-4, rtol=0)
    assert one.flow.shape == forty.flow.shape


def test_untrained_it_is_the_similarity_inside_the_subject():
    image, drags, _, move = given()
    subject = torch.zeros(2, 1, 32, 48)
    subject[..., 8:24, 10:40] = 1
    answer = network()(image, drags, subject, move)
    assert torch.equal(answer.region > 0.9, subject > 0)
    assert (answer.region[subject == 0] == 0).all()
    torch.testing.assert_close(answer.motion, analytic_flow(drags, (32, 48)))


def test_one_drag_of_all_there_is_translates_exactly():
    image, _, _, move = given()
    handles = torch.tensor([[[10.0, 10.0]], [[20.5, 7.25]]])
    drags = Drags(handles, handles + torch.tensor([3.0, -2.0]), torch.tensor([1, 1]))
    flow = network()(image, drags, torch.ones(2, 1, 32, 48), move).flow
    assert torch.equal(flow, torch.tensor([3.0, -2.0])[None, :, None, None].expand(2, 2, 32, 48))


def test_a_longer_drag_moves_the_same_region_farther():
    made = shaken(network())
    image, drags, subject, move = given()
    longer = drags._replace(targets=drags.handles + 2 * (drags.targets - drags.handles))
    near, far = (made(image, d, subject, move) for d in (drags, longer))
    torch.testing.assert_close(far.region, near.region, atol=1e-5, rtol=0)
    torch.testing.assert_close(far.motion, 2 * near.motion, atol=1e-3, rtol=1e-4)


def test_a_drag_of_next_to_nothing_moves_nothing():
    image, drags, subject, move = given()
    still = drags._replace(targets=drags.handles + 1e-6)
    flow = shaken(network())(image, still, subject, move).flow
    assert flow.isfinite().all()
    assert flow.abs().max() < 0.1  # pixels


def test_the_same_again():
    made = shaken(network())
    for a, b in zip(made(*given()), made(*given()), strict=True):
        assert torch.equal(a, b)


def test_a_batch_is_its_pictures_one_by_one():
    made, (image, drags, subject, move) = shaken(network()), given()
    whole = made(image, drags, subject, move)
    for i in range(2):
        part = slice(i, i + 1)
        alone = made(image[part], Drags(*(t[part] for t in drags)), subject[part], move[part])
        torch.testing.assert_close(alone.flow, whole.flow[part], atol=1e-4, rtol=1e-4)


def test_half_precision_changes_little():
    made = shaken(network())
    exact = made(*given())
    with torch.autocast("cpu", torch.bfloat16):
        rough = made(*given())
    assert rough.motion.dtype == rough.region.dtype == torch.float32
    assert (rough.region - exact.region).abs().mean() < 0.05
    assert (rough.motion - exact.motion).abs().mean() < 0.2


def test_gradients_reach_every_weight():
    made = shaken(network())
    answer = made(*given())
    (answer.flow.square().mean() + answer.logits.square().mean()).backward()
    silent = [
        name for name, weight in made.named_parameters() if weight.grad is None or not weight.grad.any()
    ]
    assert silent == ["trust"]  # without a subject there is nothing to trust
    made(*given()[:2], torch.ones(2, 1, 32, 48), torch.zeros(2)).logits.mean().backward()
    assert made.trust.grad.any()


def test_it_can_learn_what_moves():
    """Red moves with its handle, and nothing else does; no subject is told."""
    made = network()
    image = torch.full((4, 3, 32, 32), 0.4)
    truth = torch.zeros(4, 1, 32, 32)
    for i, (x, y) in enumerate(((4, 4), (14, 6), (8, 16), (16, 14))):
        truth[i, :, y : y + 10, x : x + 8] = 1
    image[:, :1] += 0.5 * truth
    places = torch.stack([t.nonzero()[:, 1:].float().mean(0).flip(0) for t in truth])[:, None] + 0.5
    drags = Drags(places, places + torch.tensor([5.0, 2.0]), torch.ones(4, dtype=torch.long))
    flow = truth * torch.tensor([5.0, 2.0])[None, :, None, None]
    subject, move = torch.full((4, 1, 32, 32), UNKNOWN), torch.ones(4)
    optimizer = torch.optim.AdamW(made.parameters(), lr=5e-3)
    for _ in range(60):
        answer = made(image, drags, subject, move)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(answer.logits, truth)
        loss = loss + (answer.flow - flow).norm(dim=1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    answer = made(image, drags, subject, move)
    assert (answer.flow - flow).norm(dim=1).mean() < 0.15
    found = answer.region > 0.5
    assert (found & (truth > 0)).sum() / (found | (truth > 0)).sum() > 0.9


# --- its folder


def test_it_comes_back_from_its_folder(tmp_path):
    made = shaken(network())
    made.save(tmp_path / "net")
    assert json.loads((tmp_path / "net" / "config.json").read_text()) == {
        "_class_name": "DragFlow",
        "side": 32,
        "widths": [16, 16, 16],
    }
    again = DragFlow.load(tmp_path / "net")
    assert not again.training
    assert (again.side, again.widths, again.multiple) == (32, WIDTHS, 8)
    for key, weight in made.state_dict().items():
        assert torch.equal(again.state_dict()[key], weight.half().float())
    assert (again(*given()).flow - made.eval()(*given()).flow).abs().mean() < 0.02


def weights(folder):
    return folder / "diffusion_pytorch_model.safetensors"


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda t: t.pop("trust"), "trust should be"),
        (lambda t: t.update(more=torch.zeros(1)), "more should be None"),
        (lambda t: t.update(trust=torch.zeros(2)), r"trust should be \(\) and is \(2,\)"),
    ],
)
def test_a_folder_with_other_weights_is_refused(tmp_path, harm, sentence):
    network().save(tmp_path)
    tensors = load_file(weights(tmp_path))
    harm(tensors)
    save_file(tensors, weights(tmp_path))
    with pytest.raises(ValueError, match=sentence):
        DragFlow.load(tmp_path)


def test_a_folder_of_another_network_is_refused(tmp_path):
    network().save(tmp_path)
    (tmp_path / "config.json").write_text('{"_class_name": "FillNet"}')
    with pytest.raises(ValueError, match="is of a FillNet, not of a DragFlow"):
        DragFlow.load(tmp_path)
