"""Benchmarks: ratios to real alternatives, measured in turns within one run."""
