"""A cheap look at latents: a linear map from latent channels to colours, fitted to the picture at hand."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from numpy.typing import NDArray
from torch import Tensor


class LatentPreview:
    """Latents of an autoencoder are nearly linear in the colours they stand for; the map differs from one
    autoencoder to the next, and a picture with its own latents is enough to find it by least squares.

    Args:
        latents: (1, c, h, w), scaled, of the picture.
        image: (1, 3, H, W) from −1 to 1.
    """

    def __init__(self, latents: Tensor, image: Tensor) -> None:
        colours = F.interpolate(image.float(), latents.shape[-2:], mode="area")
        known = _columns(latents).cpu()
        # A flat picture leaves the map undetermined: a little ridge holds it small.
        ridge = 1e-3 * len(known) * torch.eye(known.shape[1], dtype=known.dtype)
        self._map = torch.linalg.solve(known.T @ known + ridge, known.T @ _flat(colours).cpu())

    def __call__(self, latents: Tensor) -> NDArray[np.uint8]:
        """Latents (1, c, h, w) as colours, (h, w, 3) uint8."""
        height, width = latents.shape[-2:]
        colours = (_columns(latents).cpu() @ self._map).reshape(height, width, 3)
        return (colours * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8).numpy()


def _flat(tensor: Tensor) -> Tensor:
    return tensor[0].float().permute(1, 2, 0).reshape(-1, tensor.shape[1])


def _columns(latents: Tensor) -> Tensor:
    flat = _flat(latents)
    return torch.cat([flat, torch.ones_like(flat[:, :1])], dim=1)
