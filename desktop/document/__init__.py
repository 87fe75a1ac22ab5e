"""The document: layers, what the user has marked, every step back, and how it becomes one picture."""

from desktop.document.document import Document
from desktop.document.instruction import Instruction
from desktop.document.layer import Layer
from desktop.document.state import State
from desktop.document.tiles import Tiles, TilesEditor

__all__ = ["Document", "Instruction", "Layer", "State", "Tiles", "TilesEditor"]
