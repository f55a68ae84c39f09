"""The cores of the machine that this process may use; no torch."""

from __future__ import annotations

import os

from exitprune.errors import BadInput


def num_cores() -> int:
    """How many."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_threads(num_threads: int, option: str = "--threads") -> None:
    """Refuse more threads than there are cores: they would slow the machine down, or bring it down.

    Raises:
        BadInput: naming the option, and how many there are.
    """
    if not 1 <= num_threads <= num_cores():
        raise BadInput(f"{option}: {num_threads:,} were asked for, and this machine has cores for 1 to {num_cores()}")
