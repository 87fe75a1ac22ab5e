"""Patches, motion supervision and point tracking equal what GoodDrag and DragDiffusion computed."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, interpolate

from engine.diffusion.ddim import Ddim
from engine.diffusion.features import Features, Reach
from engine.diffusion.points import (
    arrived,
    grid_points,
    mask_regularisation,
    motion_supervision,
    point_tracking,
)

SD = {"_class_name": "DDIMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085}
SD |= {"beta_end": 0.012, "steps_offset": 1, "clip_sample": False, "set_alpha_to_one": False}


@pytest.fixture
def recorded(golden):
    return lambda name: np.load(golden / f"{name}.npz")


def close(actual, expected, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=0, atol=tolerance)


def whole(array):
    """A recorded map (1, c, h, w), which is on its grid already."""
    values = torch.as_tensor(array)[0]
    return Features(values=values, size=tuple(values.shape[1:]))


@pytest.mark.parametrize("number", range(4))
def test_a_gooddrag_patch(recorded, number):
    known = recorded("gooddrag/bilinear_patch")
    row, column, radius = known[f"q{number}"].tolist()
    features = whole(known["feat"])
    reach = features.reach((row, column), int(radius))
    assert reach == Reach(-radius, radius, -radius, radius)
    close(features.patch((row, column), reach), known[f"patch{number}"][0])


@pytest.mark.parametrize("number", range(3))
def test_a_dragdiffusion_patch(recorded, recipe, number):
    known = recorded("dragdiffusion/bilinear_patch")
    features = whole(recipe("patch.feat", (1, 5, 32, 40), 301))
    top, below, left, right = known[f"q{number}_y1y2x1x2"].tolist()
    patch = features.patch((top, left), Reach(0, round(below - top) - 1, 0, round(right - left) - 1))
    close(patch, known[f"patch{number}"][0])


def test_gooddrag_tracking(recorded):
    known = recorded("gooddrag/point_tracking")
    found = point_tracking(
        whole(known["F1"]),
        whole(known["F0"]),
        torch.as_tensor(known["handle_init_rc"]),
        torch.as_tensor(known["handle_rc"]),
        int(known["r2"]),
    )
    close(found, known["l1"])


def test_dragdiffusion_tracking(recorded, recipe):
    known = recorded("dragdiffusion/point_tracking")
    f0, f1 = (torch.as_tensor(recipe(f"track.{name}", (1, 6, 40, 48), 302)) for name in ("F0", "F1"))
    f1[:, :, 1, 2] = f0[:, :, 0, 0] + 0.01
    f1[:, :, 38, 46] = f0[:, :, 37, 44] - 0.02
    # Its handles are whole: what fraction it is given, its window drops.
    handles = torch.as_tensor(known["handle_rc"]).floor()
    origins = torch.as_tensor(known["handle_init_rc"])
    close(point_tracking(whole(f1), whole(f0), origins, handles, int(known["r_p"])), known["out"])


def test_gooddrag_motion_supervision(recorded):
    known = recorded("gooddrag/motion_supervision")
    points = {name: torch.as_tensor(known[f"{name}_rc"]) for name in ("handles_init", "handles", "targets")}
    radius = int(known["r1"])
    f1 = torch.as_tensor(known["F1"])[0].requires_grad_()
    moved = torch.as_tensor(known["x_prev"]).requires_grad_()
    drag = motion_supervision(
        Features(values=f1, size=tuple(f1.shape[1:])),
        whole(known["F0"]),
        points["handles_init"],
        points["handles"],
        points["targets"],
        radius=radius,
        stride=float(known["beta"]),
        weight=(2 * radius) ** 2,
    )
    original, mask = torch.as_tensor(known["x_orig"]), torch.as_tensor(known["mask"])
    loss = drag + float(known["lam"]) * mask_regularisation(moved, original, mask)
    loss.backward()
    close(drag.detach(), known["drag_loss"], 1e-4)  # of 134 in float32
    close(loss.detach(), known["loss"], 1e-4)
    close(f1.grad.sum((1, 2)), known["gradF1_nz_sum"][0])
    close(f1.grad.abs().sum(), known["gradF1_abs"], 1e-4)
    close(f1.grad[:, 26:46, 24:44], known["gradF1_patch"])
    close(moved.grad, known["grad_xprev"])


@pytest.mark.parametrize("number", range(3))
def test_points_become_grid_points(recorded, number):
    known = recorded("gooddrag/points")
    height, width = known[f"hw{number}"].tolist()
    points = grid_points(known[f"pts_xy{number}"], (height, width), (height // 2, width // 2))
    assert torch.equal(points[::2], torch.as_tensor(known[f"handles_rc{number}"]))
    assert torch.equal(points[1::2], torch.as_tensor(known[f"targets_rc{number}"]))


def test_a_whole_drag_of_dragdiffusion_without_a_network(recorded):
    """Its loop over a convolution in the noise predictor's place: losses, handles and latents."""
    known = {name: torch.as_tensor(array) for name, array in recorded("dragdiffusion/toy_loop_mask").items()}
    size, schedule, t = tuple(known["mask"].shape[-2:]), Ddim(SD, 50), int(known["t"])
    radius, window, rate, weight = (known[name].item() for name in ("r_m", "r_p", "lr", "lam"))

    def seen(z):
        features = Features(values=conv2d(z, known["v"], padding=1)[0], size=size)
        return features, schedule.step(torch.tanh(conv2d(z, known["w"], padding=1)), t, z)

    mask = interpolate(known["mask"], known["z"].shape[-2:], mode="nearest")
    z = known["z"].clone().requires_grad_()
    before, stays = seen(known["z"])
    origins = handles = known["handles_rc"]
    optimizer = torch.optim.Adam([z], lr=rate)
    losses, each = [], []
    for step in range(int(known["n_pix_step"])):
        features, moved = seen(z)
        if step:
            handles = point_tracking(features, before, origins, handles, window)
            each.append(handles)
        assert not arrived(handles, known["targets_rc"])
        drag = motion_supervision(
            features,
            features,
            handles,
            handles,
            known["targets_rc"],
            radius=radius,
            stride=1,
            weight=(2 * radius + 1) ** 2,
        )
        loss = drag + weight * mask_regularisation(moved, stays, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert torch.equal(torch.stack(each), known["handles_each"])
    close(losses, known["losses"])
    close(z.detach(), known["out"])
