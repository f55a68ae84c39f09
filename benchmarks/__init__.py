"""Measurements, never tests: `python -m benchmarks` runs them all and writes docs/bench.md."""
