"""The window: shows pictures and knows no tensor."""
