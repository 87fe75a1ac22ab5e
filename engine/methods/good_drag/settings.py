"""The settings of GoodDrag; the defaults are those of the published benchmark script."""

from dataclasses import dataclass

from engine.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class GoodDragSettings(Settings):
    inference_steps: int = setting(50, 4, 1000, help="Denoising steps from pure noise to a picture")
    inversion_strength: float = setting(
        0.75, 0.05, 1, 0.05, help="How far the picture is turned back to noise before it is dragged"
    )
    alternating: bool = setting(True, help="Drag a little before each denoising step, not all at once")
    drag_steps: int = setting(7, 1, 50, help="Denoising steps that are preceded by dragging")
    trackings: int = setting(10, 1, 100, help="How often handles are tracked before a denoising step")
    updates: int = setting(3, 1, 50, help="Updates of the picture for each tracking")
    learning_rate: float = setting(0.02, 0.001, 0.2, 0.001, help="Size of an update")
    information_preserving: bool = setting(
        True, help="Keep handles looking as in the original, not as after the last update"
    )
    mask_weight: float = setting(
        0.1, 0, 10, 0.05, help="How strictly the picture stays where it may not change"
    )
    patch_radius: int = setting(4, 1, 32, help="Half the side of what is pulled at a handle")
    tracking_radius: int = setting(12, 1, 64, help="Half the side of where a handle is looked for")
    stride: float = setting(4.0, 0.5, 32, 0.5, help="How far ahead a handle is pulled at a time")
    early_stop: int = setting(5, 1, 1000, help="Trackings without any motion after which dragging ends")
    feature_block: int = setting(
        3, 0, 8, help="Which block of the network points are known by; 0 is its middle"
    )
    lora_steps: int = setting(70, 0, 1000, help="Steps in which the network learns the picture; 0 for none")
    lora_learning_rate: float = setting(5e-4, 1e-6, 0.1, help="Size of such a step")
    lora_batch: int = setting(4, 1, 64, help="Noised pictures in such a step")
    lora_rank: int = setting(16, 1, 128, help="How much the network can learn of the picture")
