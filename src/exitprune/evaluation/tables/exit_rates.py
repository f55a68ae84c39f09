"""Share of test images leaving at each exit, at thresholds ever denser towards 1, over seeds; nothing is chosen from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from exitprune.evaluation.exiting import Sweep
from exitprune.evaluation.study import Study, long_rates

THRESHOLDS = 1 - 10 ** -np.linspace(0, 6, 121)
"""From 0 to 0.999999, ever denser towards 1, where the confidences of trained networks are."""


def rows_at_thresholds(sweep: Sweep) -> npt.NDArray[np.int64]:
    """The row of a sweep that holds at each of `THRESHOLDS`: nothing changes from one row up to the one before."""
    return np.searchsorted(-sweep.threshold, -THRESHOLDS)


def table(study: Study) -> pd.DataFrame:
    """One row per recipe, state, threshold and exit."""
    rows = []
    for one in study.swept:
        test = one.sweeps["test"]
        rates = test.exit_rate[rows_at_thresholds(test)].tolist()  # (thresholds, E)
        rows += [
            {**one.run, "threshold": threshold, "exit_rate": rate}
            for threshold, rate in zip(THRESHOLDS.tolist(), rates, strict=True)
        ]
    long = long_rates(pd.DataFrame(rows))
    return long.groupby(["recipe", "state", "threshold", "exit"], sort=False)["exit_rate"].mean().reset_index()
