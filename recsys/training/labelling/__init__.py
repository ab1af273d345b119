"""Learn from labelled items what the others are."""
