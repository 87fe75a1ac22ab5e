"""Mutual self-attention: an edited picture is painted with what the picture before it shows.

Cao et al.: MasaCtrl: Tuning-Free Mutual Self-Attention Control (2023), section 3.2; Shi et al.: DragDiffusion
(2023), section 3.4, calls it reference-latent control.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from typing import Any

from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

START = 10  # the published layer, of the 16 of Stable Diffusion 1.5
SHARE = 10 / 16  # of a network's layers that come before it


@contextmanager
def mutual_self_attention(unet: nn.Module, start_layer: int = START) -> Generator[None]:
    """While this lasts, the queries of both rows of a pair attend to keys and values of its first row.

    Rows of a batch are pairs: a source and what is edited from it; with guidance, the pair without the prompt
    before the pair with it. The source's own rows come out as they would alone.

    Args:
        unet: a noise predictor in Stable Diffusion's layout.
        start_layer: the first layer concerned; a layer is a self-attention and the cross-attention behind it,
            counted from 0 as the network runs.
    """
    with ExitStack() as stack:
        for index, attention in enumerate(attentions(unet)):
            if index // 2 >= start_layer and not attention.is_cross_attention:
                own = attention.processor
                stack.callback(attention.set_processor, own)
                attention.set_processor(_OfSource(own))  # pyright: ignore[reportArgumentType]
        yield


def start_layer(unet: nn.Module, share: float = SHARE) -> int:
    """The layer before which `share` of a network's layers lie; 10 for Stable Diffusion 1 and 2."""
    return round(share * len(attentions(unet)) / 2)


def attentions(unet: nn.Module) -> list[Attention]:
    """The attentions of a noise predictor in the order in which they run."""
    net: Any = unet
    blocks: Iterable[nn.Module] = (*net.down_blocks, net.mid_block, *net.up_blocks)
    return [
        module
        for block in blocks
        if block is not None
        for module in block.modules()
        if isinstance(module, Attention)
    ]


class _OfSource:
    """Runs a processor with keys and values of the first row of each pair."""

    def __init__(self, own: Callable[..., Tensor]) -> None:
        self._own = own

    def __call__(
        self,
        attention: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        assert encoder_hidden_states is None, "a self-attention"
        assert len(hidden_states) % 2 == 0, "rows come in pairs"
        source = hidden_states[0::2].repeat_interleave(2, dim=0)
        return self._own(attention, hidden_states, source, attention_mask)
