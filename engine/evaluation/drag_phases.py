"""`pliant bench gooddrag` and `… dragdiffusion`: what an edit costs with networks as large as those of Stable
Diffusion 1.5, phase by phase, whatever their weights.

On a GPU whole edits are run. On a CPU one would take an hour or more: a step of each phase is run, and the
row of the whole says so. How many steps and evaluations there are is counted on small networks.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from engine.edit import DragEdit, Point, PointPair
from engine.evaluation.random_networks import SD15, random_diffusion
from engine.evaluation.speed import Row
from engine.method import AnyMethod
from engine.methods import METHODS
from engine.methods.drag_diffusion.settings import DragDiffusionSettings
from engine.methods.good_drag.settings import GoodDragSettings
from engine.progress import Progress, Step
from engine.runtime.components import Components
from engine.runtime.device import peak_memory, reset_peak_memory, resolve_device, synchronize

_MEMORY_AIM = {"cpu": 8000.0, "cuda": 6000.0}  # MB
_UPDATES = 3  # of the latents, in the longer of two trials whose difference they are
_SHALLOW = 0.05  # inversion strength of a trial: two steps of fifty
_SMALL = 64, SD15 // 10  # where steps are only counted
_RUNS, _TRACKINGS = 3, 20
_STEPS = {  # phase → what a step of it is
    "Adapt": "LoRA: one of the noised pictures of a step",
    "Invert": "inversion: a step",
    "Drag": "drag: an update of the latents",
    "Denoise": "denoising: a step of the picture and its edit",
    "Encode": "encoding",
    "Decode": "decoding the picture and its edit",
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A drag optimiser as it is measured.

    Args:
        method: its name.
        settings: of a whole edit, of which no handle's rest ends anything early.
        trial: those of an edit with so many updates of the latents and so many steps of LoRA, of one noised
            picture each, and two steps of denoising.
        updates: how many the whole edit has.
        dragged: at how many timesteps; each costs something besides its updates.
        aim: seconds on a GPU of a data centre, or None.
    """

    method: AnyMethod
    settings: Any
    trial: Callable[[int, int], Any]
    updates: int
    dragged: int = 1
    aim: float | None = None


class Spent(NamedTuple):
    """What an edit has cost.

    Args:
        seconds, steps: by phase.
        evaluations: of the noise predictor, counted by pictures.
        whole: seconds.
    """

    seconds: dict[str, float]
    steps: Counter[str]
    evaluations: int
    whole: float

    def step(self, phase: str) -> float:
        """Seconds of a step."""
        return self.seconds[phase] / self.steps[phase]


def good_drag(settings: GoodDragSettings | None = None) -> Subject:
    whole = settings or GoodDragSettings(early_stop=1000)

    def trial(updates: int, learning: int) -> GoodDragSettings:
        return GoodDragSettings(
            inversion_strength=_SHALLOW,
            drag_steps=1,
            trackings=1,
            updates=updates,
            lora_steps=learning,
            lora_batch=1,
        )

    return Subject(
        method=METHODS["good_drag"],
        settings=whole,
        trial=trial,
        updates=whole.drag_steps * whole.trackings * whole.updates,
        dragged=whole.drag_steps,
        aim=12.0,
    )


def drag_diffusion(settings: DragDiffusionSettings | None = None) -> Subject:
    whole = settings or DragDiffusionSettings()

    def trial(updates: int, learning: int) -> DragDiffusionSettings:
        return DragDiffusionSettings(
            inversion_strength=_SHALLOW, drag_steps=updates, lora_steps=learning, lora_batch=1
        )

    return Subject(method=METHODS["drag_diffusion"], settings=whole, trial=trial, updates=whole.drag_steps)


def run(subject: Subject, side: int = 512, width: int = SD15, device: str = "auto") -> list[Row]:
    """Measure; at the published size it takes minutes on a CPU, and up to 8 GB.

    Args:
        side: of pictures, in pixels; a multiple of 64.
        width: of the noise predictor, in channels at its finest; a multiple of 32.
    """
    device = resolve_device(device, networks=True)
    components = random_diffusion(device, side, width)
    components.load("text_encoder", object)
    return _extrapolated(subject, components) if device == "cpu" else _whole(subject, components)


def _extrapolated(subject: Subject, components: Components) -> list[Row]:
    first = _edit(subject, components, subject.trial(1, 1))
    memory = _peak("cpu")
    longer = _edit(subject, components, subject.trial(_UPDATES, 0))
    counted = _edit(subject, random_diffusion("cpu", *_SMALL), subject.settings)
    update = max(0.0, longer.seconds["Drag"] - first.seconds["Drag"]) / (_UPDATES - 1)
    besides = max(0.0, first.seconds["Drag"] - update)
    times = counted.steps | {"Adapt": counted.steps["Adapt"] * subject.settings.lora_batch}
    parts = {
        phase: first.step(phase) * times[phase] for phase in first.seconds if phase not in ("Load", "Drag")
    }
    whole = sum(parts.values()) + update * subject.updates + besides * subject.dragged
    one = {phase: first.step(phase) for phase in _STEPS} | {"Drag": update}
    return [
        *(Row.of(f"{name}, on the CPU", [one[phase]], None, "s") for phase, name in _STEPS.items()),
        Row.of("drag: what a timestep costs besides, on the CPU", [besides], None, "s"),
        _tracking(subject, components),
        Row.of("whole edit: extrapolated, not measured", [whole], None, "s"),
        _evaluations(counted),
        Row.of("peak memory of the process, LoRA and drag", [memory], _MEMORY_AIM["cpu"], "MB"),
    ]


def _whole(subject: Subject, components: Components) -> list[Row]:
    device = components.device
    _edit(subject, components, subject.trial(1, 1))  # to warm up
    reset_peak_memory(device)
    spent = [_edit(subject, components, subject.settings) for _ in range(_RUNS)]
    steps = {phase: spent[0].steps[phase] for phase in _STEPS} | {"Drag": subject.updates}
    steps["Adapt"] *= subject.settings.lora_batch
    return [
        Row.of(
            f"whole edit at {components.working_size}², on {device}",
            [s.whole for s in spent],
            subject.aim,
            "s",
        ),
        *(
            Row.of(name, [1e3 * one.seconds[phase] / steps[phase] for one in spent], None)
            for phase, name in _STEPS.items()
            if steps[phase]
        ),
        _tracking(subject, components),
        _evaluations(spent[0]),
        Row.of("peak memory of the device", [_peak(device)], _MEMORY_AIM.get(device), "MB"),
    ]


def _edit(subject: Subject, components: Components, settings: Any) -> Spent:  # noqa: ANN401
    steps = Counter[str]()

    def count(step: Step) -> None:
        if step.done == step.total:
            synchronize(components.device)  # so that no phase pays for the one before
            steps[step.phase] += step.total

    progress = Progress(on_step=count)
    editor = subject.method.build(components)
    begun = time.perf_counter()
    editor.edit(_request(components.working_size), settings, progress)
    whole = time.perf_counter() - begun
    return Spent(progress.timings, steps, progress.evaluations["UNet2DConditionModel"], whole)


def _request(side: int) -> DragEdit:
    """Four drags away from each other; only the middle may change, so that all of a method has to run."""
    image = np.random.default_rng(0).integers(0, 256, (side, side, 4)).astype(np.uint8)
    image[..., 3] = 255
    mask = np.zeros((side, side), np.uint8)
    mask[side // 8 : -side // 8, side // 8 : -side // 8] = 255
    ends = [((0.5 + 0.1 * x) * side, (0.5 + 0.1 * y) * side) for x in (-1, 1) for y in (-1, 1)]
    away = [((0.5 + 0.3 * x) * side, (0.5 + 0.3 * y) * side) for x in (-1, 1) for y in (-1, 1)]
    pairs = (PointPair(Point(*a), Point(*b)) for a, b in zip(ends, away, strict=True))
    return DragEdit(image=image, mask=mask, points=tuple(pairs))


def _tracking(subject: Subject, components: Components) -> Row:
    """Of a handle in features as large as the third decoder block's, on a grid of half the pictures' size."""
    import torch  # noqa: PLC0415 - torch loads when something is measured
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel  # noqa: PLC0415

    from engine.diffusion.features import Features  # noqa: PLC0415
    from engine.diffusion.points import point_tracking  # noqa: PLC0415

    side, channels = components.working_size, components.load("unet", UNet2DConditionModel).config
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(2, channels["block_out_channels"][1], side // 8, side // 8, generator=generator)
    known, seen = (Features(values=one.to(components.device), size=(side // 2, side // 2)) for one in values)
    handle = torch.full((1, 2), side / 4)
    spent: list[float] = []
    for _ in range(_TRACKINGS):
        begun = time.perf_counter()
        point_tracking(seen, known, handle, handle, subject.settings.tracking_radius)
        spent.append(1e3 * (time.perf_counter() - begun))
    return Row.of("drag: tracking a handle", spent, None)


def _evaluations(spent: Spent) -> Row:
    name = "evaluations of the noise predictor in a whole edit, by pictures"
    return Row.of(name, [spent.evaluations], None, "times")


def _peak(device: str) -> float:
    """MB: on a GPU of tensors, else of the process since it began; 0 where nobody counts."""
    if device != "cpu" or sys.platform == "win32":
        return peak_memory(device)
    import resource  # noqa: PLC0415 - Windows has none

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / 1e6 if sys.platform == "darwin" else largest * 1024 / 1e6  # bytes there, KiB here
