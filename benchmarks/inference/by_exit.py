"""What each exit of a network takes on a clock, so that any subset of exits at any threshold has a time.

Each early exit is timed alone, once with all images leaving there and once with all staying, and the classifier without any.
What an exit adds where all stay is its head; the rest of leaving there is the way up to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from benchmarks.inference.networks import Made, Subject, in_eight_bits
from benchmarks.inference.runtimes import RUNTIMES, Run
from exitprune.data.images import Images

LEAVE, STAY = -1.0, 1.0
"""Thresholds at which all do."""
_EIGHT_BITS: dict[tuple[str, tuple[int, ...]], bytes] = {}
"""Models by the digest of their weights and the exits kept: quantising takes seconds, and every batch size wants the same."""
Timed = Callable[[list[tuple[Run, float]], list[Tensor]], list[float]]
"""Runs with their thresholds, and batches, to milliseconds per image of each, timed in turn."""


def by_exit(
    subject: Subject,
    one: Made,
    splits: dict[str, Images],
    batches: list[Tensor],
    runtime: str,
    threads: int,
    timed: Timed,
) -> list[dict[str, Any]]:
    """One row per exit: `body`, the way up to it (the classifier's with its head), and `head`, which early ones have.

    Args:
        subject: with at least one early exit.
        one: where it lies.
        splits: validation, to calibrate with, and test, which the batches are of.
        batches: of pixels.
        runtime, threads: to time it with.
        timed: the clock.
    """
    num_early = subject.network.num_exits - 1
    runs = [
        _run(subject, one, splits, runtime, threads, kept) for kept in [(), *((exit_,) for exit_ in range(num_early))]
    ]
    jobs = [(runs[0], STAY), *((go, threshold) for go in runs[1:] for threshold in (LEAVE, STAY))]
    last, *each = timed(jobs, batches)
    rows = []
    for exit_, (left, stayed) in enumerate(zip(each[::2], each[1::2], strict=True)):
        rows.append({"exit": exit_, "body": left - (stayed - last), "head": stayed - last})
    return [*rows, {"exit": num_early, "body": last, "head": 0.0}]


def _run(
    subject: Subject, one: Made, splits: dict[str, Images], runtime: str, threads: int, kept: tuple[int, ...]
) -> Run:
    network, model = one.with_exits(kept)[1], None
    if subject.model is not None:
        key = subject.sha256, kept
        if key not in _EIGHT_BITS:
            _EIGHT_BITS[key] = in_eight_bits(network, splits["validation"]).SerializeToString()
        model = _EIGHT_BITS[key]
    return RUNTIMES[runtime](replace(subject, network=network, model=model), splits["test"], threads)
