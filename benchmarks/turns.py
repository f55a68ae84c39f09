"""Several sides timed in turns, so that other work on the machine meets all alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence


def in_turn(calls: Sequence[Callable[[], float]], turns: int) -> list[list[float]]:
    """What each call says in each turn; who begins changes from turn to turn, and the first turn does not count."""
    said: list[list[float]] = [[] for _ in calls]
    for turn in range(turns + 1):
        for place in range(len(calls)):
            number = (place + turn) % len(calls)
            seconds = calls[number]()
            said[number] += [seconds] if turn else []
    return said


def ratio(some: Sequence[float], others: Sequence[float]) -> list[str]:
    """The median of the ratios of all turns, and their quartiles."""
    low, middle, high = statistics.quantiles([one / other for one, other in zip(some, others, strict=True)], n=4)
    return [f"{middle:.3f}", f"{low:.3f} to {high:.3f}"]
