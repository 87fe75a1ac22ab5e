"""BENCHMARKS: the table of measurements that `pliant bench` runs."""

from collections.abc import Callable, Sequence

from engine.evaluation import instant_drag, speed, starter
from engine.evaluation.speed import Row
from engine.evaluation.starter import FlowRow

__all__ = ["BENCHMARKS", "FlowRow", "Row"]

BENCHMARKS: dict[str, Callable[[], Sequence[Row | FlowRow]]] = {
    "speed": lambda: [*speed.run(), instant_drag.flowgen_row()],
    "instantdrag": instant_drag.run,
    "starter": starter.run,
}
