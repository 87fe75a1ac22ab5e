"""Classifier-free guidance with two conditions."""

from torch import Tensor


def two_scale_guidance(noise: Tensor, image_scale: float, other_scale: float) -> Tensor:
    """Combine three predictions: ε∅ + s_I·(ε_I − ε∅) + s_O·(ε_IO − ε_I).

    Brooks, Holynski, Efros: InstructPix2Pix (2023), equation 3.

    Args:
        noise: (3b, c, h, w), predicted with both conditions, with the picture alone, and with neither.
        image_scale: s_I, how closely to keep to the picture.
        other_scale: s_O, how closely to follow the other condition.

    Returns:
        (b, c, h, w).
    """
    both, image, neither = noise.chunk(3)
    return neither + image_scale * (image - neither) + other_scale * (both - image)
