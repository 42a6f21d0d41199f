"""Exercises of notebook 02: Bayes' rule at work, and what a likelihood does not say."""
