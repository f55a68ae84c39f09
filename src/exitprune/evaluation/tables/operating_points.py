"""Thresholds chosen on validation images, and what they give on test images."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study
from exitprune.evaluation.tables._operating import operating


def table(study: Study) -> pd.DataFrame:
    """One row per network and choice."""
    return operating(study).drop(columns="exit_rate")
