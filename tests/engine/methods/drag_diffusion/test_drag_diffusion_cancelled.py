"""DragDiffusion cancelled or failing, at any step: the network is as it was, and what there is is shown."""

import cv2
import numpy as np
import pytest

from engine import Engine
from engine.progress import Cancelled, Progress
from tests.engine.methods.drag_diffusion.quick_drags import PHASES, QUICK, drag

WHEN = [
    (phase, done) for phase, steps in zip(PHASES, (1, 1, 2, 4, 3, 4, 1), strict=True) for done in range(steps)
]


@pytest.mark.parametrize(("phase", "done"), WHEN, ids=str)
def test_cancelling_at_any_step_leaves_no_trace(forgetful, networks, everything_of, picture, phase, done):
    before, steps = everything_of(networks.unet), []
    progress = Progress(
        on_step=steps.append, is_cancelled=lambda: bool(steps) and steps[-1][:2] == (phase, done)
    )
    with pytest.raises(Cancelled):
        forgetful(drag(picture), progress=progress)
    assert everything_of(networks.unet) == before
    shown = progress.partial()
    assert (shown is not None) == (phase in ("Denoise", "Decode") or (phase, done) == ("Drag", 2))
    assert shown is None or (np.isfinite(shown.handles).all() and shown.image.shape[2] == 4)


@pytest.mark.parametrize("phase", PHASES)
def test_an_exception_in_any_phase_leaves_no_trace(forgetful, networks, everything_of, picture, phase):
    before = everything_of(networks.unet)

    def fail(step):
        if step.phase == phase and step.done == step.total - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forgetful(drag(picture), progress=Progress(on_step=fail))
    assert everything_of(networks.unet) == before


@pytest.mark.parametrize("evaluation", [0, 3, 7, 9, 12])
def test_an_exception_inside_the_network_leaves_no_trace(
    forgetful, networks, everything_of, picture, evaluation
):
    asked = []

    def fail(*_):
        asked.append(None)
        if len(asked) > evaluation:
            raise KeyboardInterrupt

    hook = networks.unet.up_blocks[1].register_forward_hook(fail)
    before = everything_of(networks.unet)
    try:
        with pytest.raises(KeyboardInterrupt):
            forgetful(drag(picture))
        assert everything_of(networks.unet) == before
    finally:
        hook.remove()


def test_a_cancelled_drag_is_a_partial_result(store, picture):
    steps = []
    progress = Progress(on_step=steps.append, is_cancelled=lambda: steps[-1:] == [("Denoise", 2, 4)])
    mask = cv2.circle(np.zeros(picture.shape[:2], np.uint8), (160, 120), 50, 255, -1)
    result = Engine(device="cpu", store=store).edit(
        "drag_diffusion", drag(picture, mask=mask), QUICK, "painter", progress
    )
    assert result.partial
    assert len(result.handles) == 1
    assert np.array_equal(result.image[mask == 0], picture[mask == 0])
    assert not np.array_equal(result.image, picture)


def test_the_picture_of_a_cancelled_drag_can_be_given_up_at_any_layer(forgetful, networks, picture):
    asked, decoder = [], networks.loaded["vae"].decoder

    def is_dropped():
        asked.append(None)
        return len(asked) > 20

    steps, hooks = [], len(decoder.conv_out._forward_pre_hooks)
    progress = Progress(
        on_step=steps.append, is_cancelled=lambda: steps[-1:] == [("Denoise", 2, 4)], is_dropped=is_dropped
    )
    with pytest.raises(Cancelled):
        forgetful(drag(picture), progress=progress)
    with pytest.raises(Cancelled):
        progress.partial()
    assert len(asked) == 21
    assert len(decoder.conv_out._forward_pre_hooks) == hooks


def test_what_was_cancelled_is_not_remembered(edit, picture):
    steps = []
    progress = Progress(on_step=steps.append, is_cancelled=lambda: steps[-1:] == [("Invert", 2, 4)])
    with pytest.raises(Cancelled):
        edit(drag(picture), progress=progress)
    again = Progress()
    edit(drag(picture), progress=again)
    assert "Adapt" not in again.timings
    assert "Invert" in again.timings
