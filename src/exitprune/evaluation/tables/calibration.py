"""How far the confidence of each exit is from its accuracy, as it is and with a temperature of its own."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study

LISTS = ("temperature", "mean_confidence", "overconfidence", "calibration_error")


def table(study: Study) -> pd.DataFrame:
    """One row per level, split, scaling and exit; levels on the way are on the sample of validation, without temperatures."""
    return pd.DataFrame(
        {
            **about,
            "split": found.split,
            "exit": exit_,
            "scaling": found.scaling,
            **{name: getattr(found, name)[exit_] for name in LISTS},
        }
        for about, level, _ in study.levels()
        for found in level.calibration
        for exit_ in range(len(found.temperature))
    )
