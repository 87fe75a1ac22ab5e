"""The settings of InstantDrag; the defaults are those of the published demo."""

from dataclasses import dataclass
from typing import Literal

from engine.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class InstantDragSettings(Settings):
    flowgen: Literal["few", "many"] = setting(
        "few", help="Which network spreads the motion: one for few drags, or a very fine one for many"
    )
    reach: Literal["peak", "static"] = setting(
        "peak", help="How far the motion reaches: peak, as far as the longest drag, or static, by a factor"
    )
    reach_factor: float = setting(2.0, 0.25, 4, 0.25, help="What a static reach multiplies the motion by")
    inference_steps: int = setting(20, 4, 100, help="Denoising steps")
    image_guidance: float = setting(1.5, 1, 5, 0.25, help="How closely to keep to the picture")
    flow_guidance: float = setting(1.5, 1, 10, 0.25, help="How closely to follow the motion")
