"""Packs: the weights that methods run on, as folders described by a manifest. Imports no torch."""

from engine.packs.manifest import Component, ModelPack, PackFile
from engine.packs.store import PackStore

__all__ = ["Component", "ModelPack", "PackFile", "PackStore"]
