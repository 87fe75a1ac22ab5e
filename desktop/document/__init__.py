"""The document: the picture, what the user has marked in it, and every step back."""

from desktop.document.document import Document, Instruction

__all__ = ["Document", "Instruction"]
