"""A dense flow comes to rest before what is protected."""

import numpy as np
import pytest
import torch

from engine.methods.instant_drag.hold import held

HANDLES = np.array([[128.0, 128.0]])
NONE = np.zeros((0, 2))
FLOW = torch.full((1, 2, 256, 256), 8.0)


def mask_with_border(width):
    mask = np.full((512, 512), 255, np.uint8)
    mask[:width], mask[-width:], mask[:, :width], mask[:, -width:] = 0, 0, 0, 0
    return mask


def test_without_protection_it_is_the_networks_own():
    assert held(FLOW, np.full((512, 512), 255, np.uint8), HANDLES, NONE, (256, 256)) is FLOW


def test_it_is_zero_where_nothing_may_change_and_whole_at_the_handles():
    out = held(FLOW, mask_with_border(60), HANDLES, NONE, (256, 256))
    assert torch.equal(out[..., :30, :], torch.zeros_like(out[..., :30, :]))
    assert torch.equal(out[0, :, 128, 128], torch.tensor([8.0, 8.0]))
    assert torch.equal(out[0, :, 60, 60], torch.tensor([8.0, 8.0]))


def test_it_never_folds():
    """Its slope stays below 1 along its own direction: what lies behind does not overtake what is ahead."""
    out = held(FLOW, mask_with_border(60), HANDLES, NONE, (256, 256))[0]
    assert float(out[0].diff(dim=1).abs().max() + out[1].diff(dim=1).abs().max()) < 1.3
    assert float(out[0].diff(dim=1).abs().max()) < 1


@pytest.mark.parametrize("at", [(31.0, 31.0), (30.0, 128.0), (256.0, 256.0), (0.0, 0.0)], ids=str)
def test_a_handle_beside_or_on_protected_pixels_does_no_harm(at):
    out = held(FLOW, mask_with_border(60), np.array([at]), NONE, (256, 256))
    assert torch.isfinite(out).all()
    assert torch.equal(out[0, :, 128, 128], torch.tensor([8.0, 8.0]))


def test_only_what_shows_the_crop_is_held():
    mask = np.full((200, 400), 255, np.uint8)
    mask[:, :50] = 0
    out = held(FLOW, mask, HANDLES, NONE, (256, 128))
    assert torch.equal(out[..., 128:, :], FLOW[..., 128:, :])
    assert float(out[..., :128, :20].abs().max()) == 0


@pytest.mark.parametrize("border", [0, 60])
def test_pins_stay_where_they_are(border):
    mask = mask_with_border(border) if border else np.full((512, 512), 255, np.uint8)
    pins = np.array([[90.0, 128.0], [256.0, 256.0]])
    out = held(FLOW, mask, HANDLES, pins, (256, 256))
    assert out[0, :, 128, 90].tolist() == out[0, :, 255, 255].tolist() == [0, 0]
    assert out[0, :, 128, 128].tolist() == [8, 8]
    assert 0 < float(out[0, 0, 128, 94]) < 8
