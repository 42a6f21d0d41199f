"""Exercises of notebook 05: PixelRNN."""
