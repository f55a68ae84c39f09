"""Measurements, never tests. `python -m benchmarks` runs four and writes docs/bench.md; each other one runs by its name."""
