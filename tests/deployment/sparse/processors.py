"""Processors to compile for: the one at hand, and narrower vectors on it, as other machines have them."""

from __future__ import annotations

from exitprune.deployment.sparse.machine import CannotRun, Processor, chosen, this_processor


def processors() -> list[Processor]:
    """Every width of vectors that runs here: four lanes are not NEON's own code, but its lanes."""
    try:
        best = this_processor()
    except CannotRun:
        return []
    found = [best]
    if best.lanes == 16:
        found.append(chosen("haswell", {"avx2": True, "fma": True}, best.triple))
    if best.lanes > 4:
        found.append(Processor("four lanes", 4, "haswell", "+avx2,+fma", best.triple))
    return found
