"""Exercises of notebook 00: one of each kind, small enough to learn the ropes on."""
