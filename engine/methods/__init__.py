"""METHODS: the one table of registered methods."""

from engine.method import AnyMethod
from engine.methods import flow_warp, instant_drag

METHODS: dict[str, AnyMethod] = {method.name: method for method in (flow_warp.METHOD, instant_drag.METHOD)}
