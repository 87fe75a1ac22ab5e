"""The settings of DragDiffusion; the defaults are those of the published demo for photos."""

from dataclasses import dataclass

from engine.settings import Settings, setting


@dataclass(frozen=True, kw_only=True)
class DragDiffusionSettings(Settings):
    inference_steps: int = setting(50, 4, 1000, help="Denoising steps from pure noise to a picture")
    inversion_strength: float = setting(
        0.7, 0.05, 1, 0.05, help="How far the picture is turned back to noise before it is dragged"
    )
    drag_steps: int = setting(80, 1, 1000, help="Updates of the picture, at most")
    learning_rate: float = setting(0.01, 0.001, 0.2, 0.001, help="Size of an update")
    information_preserving: bool = setting(
        False, help="Keep handles looking as in the original, not as after the last update"
    )
    mask_weight: float = setting(
        0.1, 0, 10, 0.05, help="How strictly the picture stays where it may not change"
    )
    patch_radius: int = setting(1, 1, 32, help="Half the side of what is pulled at a handle")
    tracking_radius: int = setting(3, 1, 64, help="Half the side of where a handle is looked for")
    feature_block: int = setting(
        3, 0, 8, help="Which block of the network points are known by; 0 is its middle"
    )
    reference_control: bool = setting(
        True, help="Paint the edit with what the picture before it shows, by mutual self-attention"
    )
    lora_steps: int = setting(80, 0, 1000, help="Steps in which the network learns the picture; 0 for none")
    lora_learning_rate: float = setting(5e-4, 1e-6, 0.1, help="Size of such a step")
    lora_batch: int = setting(4, 1, 64, help="Noised pictures in such a step")
    lora_rank: int = setting(16, 1, 128, help="How much the network can learn of the picture")
