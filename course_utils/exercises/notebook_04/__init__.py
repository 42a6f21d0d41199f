"""Exercises of notebook 04: variational autoencoders."""
