"""`pliant bench instantdrag`: what an edit costs with networks of the published size, whatever their weights.

Weights are random: the time is the same, and nothing has to be fetched. On a GPU the whole edit is measured;
on a CPU it would take a quarter of an hour, so its parts are, and the row of the whole says so.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.edit import DragEdit, Point, PointPair
from engine.evaluation.random_networks import SCHEDULER, fill_randomly
from engine.evaluation.speed import Row
from engine.methods.instant_drag.settings import InstantDragSettings
from engine.progress import Progress
from engine.runtime.device import peak_memory, reset_peak_memory, resolve_device

if TYPE_CHECKING:
    from engine.methods.instant_drag.flowgen import FlowGen
    from engine.methods.instant_drag.networks import Networks

_SIDE = 512
_FLOWGEN_AIM = 300.0  # ms, on two cores
_EDIT_AIM, _MEMORY_AIM = 400.0, 3400.0  # ms and MB, on a GPU of a data centre
_FLOWGEN_RUNS, _RUNS, _WARM_UP = 20, 10, 3
_UNET: dict[str, Any] = {  # of Stable Diffusion 1.5, with the channels of picture and flow
    "in_channels": 10,
    "block_out_channels": (320, 640, 1280, 1280),
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
_VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}


def flowgen_row() -> Row:
    """FlowGen of the published width at its own size, on the CPU."""
    import torch  # noqa: PLC0415 - torch loads when it is measured

    flowgen = _flowgen("cpu")
    x = torch.zeros(1, 5, 256, 256)
    with torch.inference_mode():
        seconds = _seconds(lambda: flowgen(x), _FLOWGEN_RUNS)
    return Row.of("FlowGen (width 64), 256², on the CPU", [1e3 * s for s in seconds], _FLOWGEN_AIM)


def run() -> list[Row]:
    """Measure on the best device there is; on a CPU it takes about two minutes and needs 6 GB."""
    device = resolve_device("auto", networks=True)
    networks = _networks(device)
    return [flowgen_row(), *(_parts(networks) if device == "cpu" else _whole(networks, device))]


def _parts(networks: "Networks") -> list[Row]:
    import torch  # noqa: PLC0415

    assert networks.flowdiffusion is not None
    sd, steps = networks.flowdiffusion.sd, InstantDragSettings().inference_steps
    image = torch.zeros(1, 3, _SIDE, _SIDE)
    noisy, latents = (torch.zeros(1, n, _SIDE // 8, _SIDE // 8) for n in (10, 4))
    text = torch.zeros(1, 77, 768)
    with torch.inference_mode():
        unet = _seconds(lambda: sd.predict_noise(noisy, torch.tensor(1), text), 3, warm_up=1)
        encode = _seconds(lambda: sd.encode(image, scaled=False), 1, warm_up=0)
        decode = _seconds(lambda: sd.decode(latents), 1, warm_up=0)
    evaluations = 3 * steps
    whole = float(np.median(unet)) * evaluations + encode[0] + decode[0]
    return [
        Row.of("one evaluation of the noise predictor, on the CPU", unet, None, "s"),
        Row.of(f"encoding {_SIDE}², on the CPU", encode, None, "s"),
        Row.of(f"decoding {_SIDE}², on the CPU", decode, None, "s"),
        Row.of(f"whole edit, {evaluations} evaluations: extrapolated, not measured", [whole], None, "s"),
    ]


def _whole(networks: "Networks", device: str) -> list[Row]:
    from engine.methods.instant_drag.editor import InstantDragEditor  # noqa: PLC0415

    editor, settings = InstantDragEditor(lambda *_: networks), InstantDragSettings()
    request, evaluations = _request(), 0

    def count(*_: object) -> None:
        nonlocal evaluations
        evaluations += 1

    reset_peak_memory(device)
    seconds = _seconds(lambda: editor.edit(request, settings, Progress()), _RUNS)
    milliseconds = [1e3 * s for s in seconds]
    assert networks.flowdiffusion is not None
    counting = networks.flowdiffusion.sd.unet.register_forward_pre_hook(count)
    editor.edit(request, settings, Progress())
    counting.remove()
    return [
        Row.of(
            f"whole edit at {_SIDE}², {settings.inference_steps} steps, on {device}", milliseconds, _EDIT_AIM
        ),
        Row.of("evaluations of the noise predictor, each of a batch of 3", [evaluations], None, "times"),
        Row.of("peak memory of the device", [peak_memory(device)], _MEMORY_AIM, "MB"),
    ]


def _request() -> DragEdit:
    image = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 4)).astype(np.uint8)
    image[..., 3] = 255
    mask = np.full((_SIDE, _SIDE), 255, np.uint8)
    drag = PointPair(Point(0.4 * _SIDE, 0.5 * _SIDE), Point(0.5 * _SIDE, 0.45 * _SIDE))
    return DragEdit(image=image, mask=mask, points=(drag,))


def _networks(device: str) -> "Networks":
    import torch  # noqa: PLC0415
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL  # noqa: PLC0415
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel  # noqa: PLC0415

    from engine.diffusion.latent_diffusion import LatentDiffusion  # noqa: PLC0415
    from engine.methods.instant_drag.flowdiffusion import FlowDiffusion  # noqa: PLC0415
    from engine.methods.instant_drag.networks import Networks  # noqa: PLC0415
    from engine.runtime.loaders import PRECISIONS  # noqa: PLC0415

    with torch.device("meta"):
        unet, vae = UNet2DConditionModel(**_UNET), AutoencoderKL(**_VAE)
    precision = PRECISIONS[device]
    for network in (unet, vae):
        fill_randomly(network, device, precision)
    sd = LatentDiffusion(unet, vae)
    null_prompt = torch.zeros(1, 77, 768, device=device, dtype=precision)
    return Networks(
        flowgen=_flowgen(device),
        flowdiffusion=FlowDiffusion(sd, null_prompt),
        scheduler=SCHEDULER,
        working_size=_SIDE,
    )


def _flowgen(device: str) -> "FlowGen":
    import torch  # noqa: PLC0415

    from engine.methods.instant_drag.flowgen import FlowGen  # noqa: PLC0415

    with torch.device("meta"):
        flowgen = FlowGen()
    fill_randomly(flowgen, device, torch.float32)
    return flowgen


def _seconds(act: Callable[[], object], runs: int, *, warm_up: int = _WARM_UP) -> list[float]:
    for _ in range(warm_up):
        act()
    spent: list[float] = []
    for _ in range(runs):
        begun = time.perf_counter()
        act()
        spent.append(time.perf_counter() - begun)
    return spent
