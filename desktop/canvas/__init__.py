"""The canvas and its arithmetic."""

from desktop.canvas.canvas import Canvas

__all__ = ["Canvas"]
