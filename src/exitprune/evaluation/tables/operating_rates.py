"""Share of test images leaving at each exit, at the thresholds chosen on validation images."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study, long_rates
from exitprune.evaluation.tables._operating import operating


def table(study: Study) -> pd.DataFrame:
    """One row per network, choice and exit."""
    return long_rates(operating(study))
