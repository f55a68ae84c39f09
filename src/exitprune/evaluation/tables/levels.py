"""Every level: its state, the group its round pruned, the sparsity of each group, and the digest of its weights."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """One row per level."""
    return pd.DataFrame(
        {
            **about,
            "prune": level.prune,
            **{f"sparsity_{group}": share for group, share in level.sparsity.items()},
            "sha256": level.weights_sha256,
        }
        for about, level, _ in study.levels()
    )
