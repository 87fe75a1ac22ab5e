"""BENCHMARKS: the table of measurements that `pliant bench` runs."""

from collections.abc import Callable

from engine.evaluation import instant_drag, speed
from engine.evaluation.speed import Row

__all__ = ["BENCHMARKS", "Row"]

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "speed": lambda: [*speed.run(), instant_drag.flowgen_row()],
    "instantdrag": instant_drag.run,
}
