"""A pack opened on a device."""

from dataclasses import dataclass

from engine.packs import ModelPack


@dataclass(frozen=True, kw_only=True)
class Components:
    """What an editor is built from.

    Args:
        pack: the opened pack, or None for a method that needs none.
        device: cpu, cuda or mps.
    """

    pack: ModelPack | None
    device: str
