"""Layers that our networks share."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

_GROUPS = 8


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut, normalised before each (He et al. 2016, pre-activation)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(_GROUPS, before), nn.Conv2d(before, after, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(_GROUPS, after), nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(F.silu(self.norm1(x)))
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(inner)))


class Attention(nn.Module):
    """Self-attention over all pixels, beside a shortcut; for the coarsest level."""

    def __init__(self, width: int, head: int = 16) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_GROUPS, width)
        self.to_qkv, self.to_out = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(width, width, 1)
        self._head = head

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        qkv = self.to_qkv(self.norm(x)).reshape(b, 3, c // self._head, self._head, h * w).transpose(-1, -2)
        q, k, v = (part.contiguous() for part in qkv.unbind(1))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(-1, -2).reshape(b, c, h, w)
        return x + self.to_out(mixed)


class UNet(nn.Module):
    """An encoder and a decoder with shortcuts between levels of the same size; attention at the bottom.

    Args:
        before: channels of the input.
        widths: channels of each level, from the finest; multiples of 16.
    """

    def __init__(self, before: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(before, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(ResidualBlock(width, width) for width in widths[:-1])
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in pairs)
        last = widths[-1]
        self.bottom = nn.Sequential(ResidualBlock(last, last), Attention(last), ResidualBlock(last, last))
        self.up = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairs)
        self.decoder = nn.ModuleList(ResidualBlock(2 * width, width) for width in widths[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(b, before, h, w), sides multiples of 2^(levels − 1) → (b, widths[0], h, w)."""
        x = self.stem(x)
        shortcuts: list[Tensor] = []
        for block, down in zip(self.encoder, self.down, strict=True):
            x = block(x)
            shortcuts.append(x)
            x = down(x)
        x = self.bottom(x)
        for i in reversed(range(len(shortcuts))):
            enlarged = F.interpolate(self.up[i](x), scale_factor=2.0, mode="nearest")
            x = self.decoder[i](torch.cat([enlarged, shortcuts[i]], dim=1))
        return x
