"""METHODS: the one table of registered methods."""

from engine.method import AnyMethod
from engine.methods import drag_diffusion, flow_warp, good_drag, instant_drag

METHODS: dict[str, AnyMethod] = {
    method.name: method
    for method in (flow_warp.METHOD, instant_drag.METHOD, good_drag.METHOD, drag_diffusion.METHOD)
}
