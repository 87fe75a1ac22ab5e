"""The canvas and its arithmetic."""
