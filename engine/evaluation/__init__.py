"""BENCHMARKS: the table of measurements that `pliant bench` runs."""

from collections.abc import Callable

from engine.evaluation import speed
from engine.evaluation.speed import Row

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {"speed": speed.run}
