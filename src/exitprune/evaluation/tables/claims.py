"""Verdicts on the claims of the paper, with the differences that they rest on."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.claims import judge
from exitprune.evaluation.comparisons import Network
from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """See `claims.judge`."""
    runs = {
        (one.recipe, one.seed, str(one.state)): Network(one.outcomes["validation"], one.outcomes["test"])
        for one in study.swept
    }
    return judge(runs, study.evaluate)
