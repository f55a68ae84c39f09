"""What has no weight left at each level, and the MACs dense kernels still do once it is taken out exactly."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """One row per level, counted over all layers."""
    return pd.DataFrame(
        {
            **about,
            **level.emptied,
            "macs_dense": level.macs_dense[-1],
            "macs_after_removal": level.macs_after_removal,
        }
        for about, level, _ in study.levels()
    )
