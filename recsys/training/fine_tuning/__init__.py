"""Fine-tune the encoders of photos and texts on a shop's own catalogue and clicks."""
