"""Benchmarks: each measures, in one run, how two ways to the same result compare."""
