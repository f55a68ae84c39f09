"""Sparsity of every layer after the last round, over seeds."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.statistics import over_seeds
from exitprune.evaluation.study import Study

ALONG = ["position", "layer", "group", "weights"]


def table(study: Study) -> pd.DataFrame:
    """One row per recipe and layer."""
    return over_seeds(study.table("layers"), ["recipe"], ALONG, "sparsity", study.evaluate.confidence_level)
