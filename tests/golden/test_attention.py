"""Mutual self-attention, against the recorded arrays and in a network of Stable Diffusion's layout."""

import json

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from safetensors.torch import load_file
from torch import nn

from engine.diffusion.attention import attentions, mutual_self_attention, start_layer

LAYERS = 16


def plain_attention(*, crossed):
    """An attention that finds its queries, keys and values side by side in what it is given."""
    attention = Attention(24, 24 if crossed else None, heads=2, dim_head=4, out_dim=8, out_bias=False)
    with torch.no_grad():
        for part, layer in enumerate((attention.to_q, attention.to_k, attention.to_v)):
            layer.weight.zero_()
            layer.weight[:, 8 * part : 8 * part + 8] = torch.eye(8)
        attention.to_out[0].weight.copy_(torch.eye(8))
    return attention


class Block(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(plain_attention(crossed=i % 2 == 1) for i in range(2 * layers))


class Layout(nn.Module):
    """Only the attentions of Stable Diffusion 1.5, registered in the library's order: the middle last."""

    def __init__(self):
        super().__init__()
        self.down_blocks = nn.ModuleList(Block(n) for n in (2, 2, 2, 0))
        self.up_blocks = nn.ModuleList(Block(n) for n in (0, 3, 3, 3))
        self.mid_block = Block(1)


@pytest.mark.parametrize("rows", ["g1", "g7"])
@pytest.mark.parametrize("layer", [0, 19, 20, 21, 31])
def test_as_recorded(golden, rows, layer):
    recorded = np.load(golden / "gooddrag" / "mutual_self_attention.npz")
    q, k, v = (torch.from_numpy(recorded[f"{rows}.{name}"]) for name in "qkv")
    tokens = torch.cat([side.transpose(1, 2).flatten(2) for side in (q, k, v)], dim=-1)  # (b, 9, 24)
    unet = Layout()
    with torch.no_grad(), mutual_self_attention(unet):
        crossed = tokens if layer % 2 else None
        out = attentions(unet)[layer](tokens, crossed)
    expected = torch.from_numpy(recorded[f"{rows}.layer{layer}"])
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def unet(golden):
    config = json.loads((golden / "tiny_sd_unet.config.json").read_text())
    with torch.random.fork_rng():
        network = UNet2DConditionModel.from_config(config).eval().requires_grad_(False)
    network.load_state_dict(load_file(golden / "tiny_sd_unet.safetensors"))
    return network


def test_layers_are_those_published(unet):
    assert len(attentions(unet)) == 2 * LAYERS
    assert start_layer(unet) == 10
    assert [a.is_cross_attention for a in attentions(unet)] == [False, True] * LAYERS
    assert attentions(unet)[20:] == [
        m for b in unet.up_blocks[2:] for m in b.modules() if isinstance(m, Attention)
    ]


def test_the_order_is_that_in_which_they_run(unet, recipe):
    ran = []
    hooks = [
        module.register_forward_hook(lambda module, *_: ran.append(module))
        for module in unet.modules()
        if isinstance(module, Attention)
    ]
    text = torch.from_numpy(recipe("text.emb", (1, 77, 12), 202))
    with torch.no_grad():
        unet(torch.zeros(1, 4, 16, 16), 681, text)
    for hook in hooks:
        hook.remove()
    assert ran == attentions(unet)
