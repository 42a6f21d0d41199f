"""Exercises, their checks, hints and named wrong answers; one module a notebook."""
