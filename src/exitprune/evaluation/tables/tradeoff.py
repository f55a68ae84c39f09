"""Mean accuracy, and its band, at budgets of average MACs."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study
from exitprune.evaluation.tradeoff import tabulate


def table(study: Study) -> pd.DataFrame:
    """See `tradeoff.tabulate`."""
    return tabulate(study.curves, study.evaluate.confidence_level)
