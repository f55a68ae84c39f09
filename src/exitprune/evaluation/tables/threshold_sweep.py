"""Accuracy and average MACs on test images at the thresholds of `exit_rates`, over seeds; nothing is chosen from it."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study
from exitprune.evaluation.tables.exit_rates import THRESHOLDS, rows_at_thresholds


def table(study: Study) -> pd.DataFrame:
    """One row per recipe, state and threshold."""
    rows = []
    for one in study.swept:
        test = one.sweeps["test"]
        place = rows_at_thresholds(test)
        found = pd.DataFrame(
            {"threshold": THRESHOLDS, "accuracy": test.accuracy[place], "average_macs": test.average_macs[place]}
        )
        rows.append(found.assign(**one.run))
    means = pd.concat(rows).groupby(["recipe", "state", "threshold"], sort=False)[["accuracy", "average_macs"]].mean()
    return means.reset_index()
