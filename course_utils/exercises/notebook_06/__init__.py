"""Exercises of notebook 06: PixelCNN."""
