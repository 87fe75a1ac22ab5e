"""What the hand does on the picture: one file for each tool."""
