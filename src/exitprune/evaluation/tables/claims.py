"""Verdicts on the claims of the paper, with the differences that they rest on."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.claims import judge
from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """See `claims.judge`."""
    return judge(study.table("measures"), study.evaluate)
