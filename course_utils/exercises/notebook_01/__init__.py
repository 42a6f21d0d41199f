"""Exercises of notebook 01: counting, joint tables, and context tables."""
