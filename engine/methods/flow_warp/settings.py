"""The settings of flow warp."""

from dataclasses import dataclass
from typing import Literal

from engine.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class FlowWarpSettings(Settings):
    stiffness: float = setting(0.5, 0, 1, 0.05, help="How far around a handle the picture moves as one piece")
    fill: Literal["texture", "smooth"] = setting(
        "texture", help="What uncovered places get: texture from elsewhere in the picture, or smooth colour"
    )
