"""What a choice gives on test images with each seed: its mean, and how far other seeds may well have put it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from exitprune.evaluation.candidates import Candidate, Network
from exitprune.evaluation.statistics import band


@dataclass(frozen=True)
class OverSeeds:
    """Mean over seeds, and how far another set of seeds may well have put it; see `statistics.band`."""

    mean: float
    low: float | None
    high: float | None
    what: str


def over_seeds(candidate: Candidate, networks: Sequence[Network], confidence: float) -> tuple[OverSeeds, OverSeeds]:
    """Accuracy and MACs on test images of the same recipe, state, exits and threshold with each seed."""
    of = candidate.network
    like = [one for one in networks if (one.recipe, one.state, one.precision) == (of.recipe, of.state, of.precision)]
    got = [one.outcome("test", candidate.point) for one in like]
    columns = ([one.accuracy for one in got], [one.average_macs for one in got])
    return tuple(_mean(column, confidence) for column in columns)  # type: ignore[return-value]


def _mean(values: list[float], confidence: float) -> OverSeeds:
    column = np.array(values)[:, None]  # (S, 1)
    drawn = band(column, confidence)
    low, high = (float(end[0]) if np.isfinite(end[0]) else None for end in (drawn.low, drawn.high))
    return OverSeeds(float(column.mean()), low, high, drawn.what)
