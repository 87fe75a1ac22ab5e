"""Classifier-free guidance, with one condition and with two."""

from torch import Tensor


def classifier_free_guidance(noise: Tensor, scale: float) -> Tensor:
    """Combine two predictions: ε∅ + s·(ε_c − ε∅).

    Ho, Salimans: Classifier-Free Diffusion Guidance (2022), equation 6 with s = w + 1.

    Args:
        noise: (2b, c, h, w), predicted without the condition, and with it.
        scale: s; 1 is the condition alone.

    Returns:
        (b, c, h, w).
    """
    without, condition = noise.chunk(2)
    return without + scale * (condition - without)


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
