"""BENCHMARKS: the table of measurements that `pliant bench` runs."""

from collections.abc import Callable, Sequence

from engine.evaluation import drag_phases, fill, instant_drag, refine, speed, starter
from engine.evaluation.autoencoder import AutoencoderRow
from engine.evaluation.fill import FillRow
from engine.evaluation.reconstruction import ReconstructionRow
from engine.evaluation.refine import LandingRow
from engine.evaluation.speed import Row
from engine.evaluation.starter import FlowRow
from engine.evaluation.tracking import TrackingRow

__all__ = [
    "BENCHMARKS",
    "AutoencoderRow",
    "FillRow",
    "FlowRow",
    "LandingRow",
    "Measured",
    "ReconstructionRow",
    "Row",
    "TrackingRow",
]

Measured = Row | AutoencoderRow | FlowRow | FillRow | TrackingRow | LandingRow | ReconstructionRow

BENCHMARKS: dict[str, Callable[[], Sequence[Measured]]] = {
    "speed": lambda: [*speed.run(), instant_drag.flowgen_row()],
    "instantdrag": instant_drag.run,
    "gooddrag": lambda: drag_phases.run(drag_phases.good_drag()),
    "dragdiffusion": lambda: drag_phases.run(drag_phases.drag_diffusion()),
    "starter": starter.run,
    "fill": fill.run,
    "refine": refine.run,
}
