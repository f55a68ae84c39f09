"""How near the milliseconds that `exitprune choose` adds up exit by exit come to those of whole runs."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from exitprune.deployment.measured_times import BY_EXIT, FILE, read_rows, read_times
from exitprune.evaluation.exit_times import EIGHT_BITS
from exitprune.evaluation.outcome import outcome_of
from exitprune.evaluation.record_reading import read_own
from exitprune.evaluation.records import Outcomes

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
TITLES = ["runtime", "batch", "runs", "least", "a quarter below", "half", "three quarters", "most"]


def promised_rows(results: Path) -> list[list[str]]:
    """Measured over added up, of networks with exits at every threshold timed whole: quantiles by runtime and batch.

    Args:
        results: of a study.
    """
    outcomes = _outcomes(results / "seeds")
    times, ratios = read_times(results / BY_EXIT), defaultdict(list)
    for row in read_rows(results / FILE):
        answers = outcomes.get((row.sha256, row.runtime == EIGHT_BITS))
        of_exits = [
            one
            for one in times.get(row.sha256, [])
            if (one.runtime, one.batch, one.threads) == (row.runtime, row.batch, row.threads)
        ]
        if answers and of_exits and not np.isnan(row.threshold):
            added = outcome_of(answers, row.threshold, of_exits[0].leaving).milliseconds
            assert added is not None
            ratios[row.runtime, row.batch].append(row.cost / added)
    return [
        [runtime, str(batch), str(len(found)), *(f"{one:.2f}" for one in np.quantile(found, SHARES))]
        for (runtime, batch), found in ratios.items()
    ]


def _outcomes(seeds: Path) -> dict[tuple[str, bool], Outcomes]:
    """On test images, by the digest of the weights and whether they are in eight bits."""
    found = {}
    for folder in sorted(path for path in seeds.iterdir() if path.is_dir()):
        record = read_own(folder)
        for level in record.about.levels:
            for in_int8, kept in ((False, record.outcomes), (True, record.int8)):
                if level.state in kept:
                    found[level.weights_sha256, in_int8] = kept[level.state]["test"]
    return found
