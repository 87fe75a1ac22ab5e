"""Small drags, and settings under which a drag takes a fraction of a second."""

from dataclasses import replace

import numpy as np

from engine.edit import DragEdit, Point, PointPair
from engine.methods.drag_diffusion.settings import DragDiffusionSettings

QUICK = DragDiffusionSettings(
    inference_steps=6, drag_steps=3, feature_block=2, lora_steps=2, lora_batch=2, lora_rank=2
)
PLAIN = replace(QUICK, lora_steps=0)
PHASES = ("Load", "Encode", "Adapt", "Invert", "Drag", "Denoise", "Decode")


def drag(image, *ends, **changes):
    ends = ends or ((150, 120, 190, 130),)
    points = tuple(PointPair(Point(*pair[:2]), Point(*pair[2:])) for pair in ends)
    return DragEdit(**{"image": image, "points": points, **changes})


def everywhere(image):
    return np.full(image.shape[:2], 255, np.uint8)
