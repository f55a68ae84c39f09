"""How well ours agree with the paper's numbers, per quantity and recipe."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.paper import agreement
from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """See `paper.agreement`."""
    return agreement(study.table("paper_comparison"))
