"""What trains the starter pack: photos, synthetic drags, metrics and the loop."""
