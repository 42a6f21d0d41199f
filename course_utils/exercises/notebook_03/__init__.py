"""Exercises of notebook 03: subspaces, outputs and losses, distances, and codes."""
