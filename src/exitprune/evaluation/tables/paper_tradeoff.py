"""The paper's curves of accuracy against cost, as read; no rows for another network or other images than the paper's."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.paper import tradeoff
from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """See `paper.tradeoff`."""
    curves = tradeoff()
    return curves if study.is_papers_network and study.is_papers_data else curves[:0]
