"""Features: heard from the right block, run no further than asked, and enlarged only where asked."""

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as nn_functional
from diffusers import UNet2DConditionModel
from hypothesis import given, settings, strategies as st

from engine.diffusion.features import Features, Reach, blocks, features_alone, noise_and_features
from engine.diffusion.latent_diffusion import LatentDiffusion


@pytest.fixture(scope="module")
def diffusion():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        unet = UNet2DConditionModel(
            block_out_channels=(8, 16, 16),
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=12,
            attention_head_dim=2,
            norm_num_groups=4,
        )
    return LatentDiffusion(unet.eval().requires_grad_(False), torch.nn.Identity())


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(2, 4, 12, 16, generator=generator)
    return latents, torch.tensor(300), torch.randn(1, 7, 12, generator=generator)


def by_hand(unet, latents, timestep, text):
    """The published way: the network's own forward pass, written out, with every block's output kept."""
    text = text.expand(len(latents), -1, -1)
    time = unet.time_embedding(unet.time_proj(timestep.expand(len(latents))))
    x = unet.conv_in(latents)
    skips, made = [x], []
    for block in unet.down_blocks:
        more = {"encoder_hidden_states": text} if hasattr(block, "attentions") else {}
        x, others = block(hidden_states=x, temb=time, **more)
        skips += others
    x = unet.mid_block(x, time, encoder_hidden_states=text)
    made.append(x)
    for block in unet.up_blocks:
        more = {"encoder_hidden_states": text} if hasattr(block, "attentions") else {}
        count = len(block.resnets)
        skips, others = skips[:-count], tuple(skips[-count:])
        x = block(hidden_states=x, temb=time, res_hidden_states_tuple=others, **more)
        made.append(x)
    return unet.conv_out(unet.conv_act(unet.conv_norm_out(x))), made


@pytest.mark.parametrize("block", range(4))
@pytest.mark.parametrize("batched", [0, 10**6], ids=["one by one", "together"])
def test_blocks_are_counted_from_the_middle_one(diffusion, inputs, block, batched, monkeypatch):
    monkeypatch.setattr("engine.diffusion.latent_diffusion._BATCHED", batched)
    expected, made = by_hand(diffusion.unet, *inputs)
    noise, features = noise_and_features(diffusion, *inputs, block)
    torch.testing.assert_close(noise, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(features, made[block], atol=1e-5, rtol=0)
    torch.testing.assert_close(features_alone(diffusion, *inputs, block), features, atol=1e-6, rtol=0)


def test_nothing_behind_the_block_is_run(diffusion, inputs):
    run = []
    hooks = [
        module.register_forward_pre_hook(lambda m, i, name=name: run.append(name))
        for name, module in diffusion.unet.named_modules()
    ]
    features_alone(diffusion, *inputs, 2)
    for hook in hooks:
        hook.remove()
    assert "up_blocks.1" in run
    assert not any(name.startswith(("up_blocks.2", "conv_out", "conv_norm_out")) for name in run)


def test_gradients_reach_the_latents_either_way(diffusion, inputs):
    latents, timestep, text = inputs
    gradients = []
    for how in (features_alone, lambda *rest: noise_and_features(*rest)[1]):
        given = latents.clone().requires_grad_()
        how(diffusion, given, timestep, text, 2).square().sum().backward()
        gradients.append(given.grad)
    assert float(gradients[0].abs().sum()) > 0
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("how", [features_alone, noise_and_features])
def test_no_hook_stays_whatever_happens(diffusion, inputs, how):
    def fail(module, inputs):
        raise KeyboardInterrupt

    hook = diffusion.unet.up_blocks[0].register_forward_pre_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        how(diffusion, *inputs, 2)
    hook.remove()
    how(diffusion, *inputs, 2)
    assert not any(module._forward_hooks for module in diffusion.unet.modules())


def test_the_middle_block_comes_first(diffusion):
    unet = diffusion.unet
    assert blocks(unet) == (unet.mid_block, *unet.up_blocks)


# --- enlarged where asked

sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


def enlarged(values, size):
    """Pixel by pixel: the centre of each on the small map, and the four pixels around it."""
    c, h, w = values.shape
    out = np.zeros((c, *size))
    for row in range(size[0]):
        for column in range(size[1]):
            y = max((row + 0.5) * h / size[0] - 0.5, 0)
            x = max((column + 0.5) * w / size[1] - 0.5, 0)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
            out[:, row, column] = (
                (y0 + 1 - y) * (x0 + 1 - x) * values[:, y0, x0]
                + (y0 + 1 - y) * (x - x0) * values[:, y0, x1]
                + (y - y0) * (x0 + 1 - x) * values[:, y1, x0]
                + (y - y0) * (x - x0) * values[:, y1, x1]
            )
    return out


@settings(max_examples=60, deadline=None)
@given(sizes, st.floats(1, 5), st.floats(1, 5), st.floats(0, 1), st.floats(0, 1), st.integers(0, 6))
def test_patches_are_those_of_the_enlarged_map(native, taller, wider, down, across, radius):
    size = round(native[0] * taller), round(native[1] * wider)
    values = torch.randn(3, *native, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    features = Features(values=values, size=size)
    whole = enlarged(values.numpy(), size)
    place = down * (size[0] - 1), across * (size[1] - 1)
    reach = features.reach(place, radius)
    patch = features.patch(place, reach).numpy()
    rows = [place[0] + dy for dy in range(reach.top, reach.bottom + 1)]
    columns = [place[1] + dx for dx in range(reach.left, reach.right + 1)]
    assert patch.shape == (3, len(rows), len(columns))
    for i, y in enumerate(rows):
        for j, x in enumerate(columns):
            y0, x0 = min(int(y), size[0] - 1), min(int(x), size[1] - 1)
            y1, x1 = min(y0 + 1, size[0] - 1), min(x0 + 1, size[1] - 1)
            expected = (y0 + 1 - y) * ((x0 + 1 - x) * whole[:, y0, x0] + (x - x0) * whole[:, y0, x1])
            expected += (y - y0) * ((x0 + 1 - x) * whole[:, y1, x0] + (x - x0) * whole[:, y1, x1])
            np.testing.assert_allclose(patch[:, i, j], expected, atol=1e-9)


@pytest.mark.parametrize("size", [(64, 48), (63, 50), (16, 12), (17, 13)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_whole_map_is_torchs(size, dtype):
    values = torch.randn(7, 16, 12, generator=torch.Generator().manual_seed(2)).to(dtype).requires_grad_()
    # In float32 torch rounds its places too, if the enlargement is not by a whole number.
    tolerance = 1e-12 if dtype is torch.float64 else 1e-6 if size[0] % 16 == 0 else 1e-5
    expected = nn_functional.interpolate(values[None], size, mode="bilinear")[0]
    patch = Features(values=values, size=size).patch((0, 0), Reach(0, size[0] - 1, 0, size[1] - 1))
    torch.testing.assert_close(patch, expected, atol=tolerance, rtol=0)
    weights = torch.randn(patch.shape, generator=torch.Generator().manual_seed(3))
    ours, theirs = (torch.autograd.grad((made * weights).sum(), values)[0] for made in (patch, expected))
    torch.testing.assert_close(ours, theirs, atol=10 * tolerance, rtol=0)


@given(st.tuples(st.integers(2, 9), st.integers(2, 9)), st.floats(0, 1), st.floats(0, 1), st.integers(0, 12))
def test_a_patch_ends_where_the_map_does_and_no_sooner(size, down, across, radius):
    features = Features(values=torch.zeros(1, 2, 2), size=size)
    place = down * (size[0] - 1), across * (size[1] - 1)
    reach = features.reach(place, radius)
    assert reach.top <= 0 <= reach.bottom and reach.left <= 0 <= reach.right
    for low, high, at, length in zip(reach[::2], reach[1::2], place, size, strict=True):
        inside = [k for k in range(-radius, radius + 1) if 0 <= Fraction(at) + k <= length - 1]
        assert (low, high) == (inside[0], inside[-1])


def test_what_two_patches_reach():
    assert Reach(-3, 3, -1, 2).common(Reach(-2, 4, -4, 1)) == Reach(-2, 3, -1, 1)


def test_a_pixel_is_the_patch_of_one():
    values = torch.randn(5, 4, 4, generator=torch.Generator().manual_seed(4))
    features = Features(values=values, size=(4, 4))
    assert torch.equal(features.at((2, 3)), values[:, 2, 3])
    between = features.at((1.5, 2))
    torch.testing.assert_close(between, (values[:, 1, 2] + values[:, 2, 2]) / 2)
