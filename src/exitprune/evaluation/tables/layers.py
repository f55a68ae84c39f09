"""Every prunable layer after the last round."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """One row per layer in order of execution, positions from 1."""
    return pd.DataFrame(
        {
            "recipe": about["recipe"],
            "seed": about["seed"],
            "level": about["level"],
            "position": position,
            **layer.model_dump(),
            "sparsity": 1 - layer.kept / layer.weights,
        }
        for about, level, record in study.levels()
        if level.state == "final"
        for position, layer in enumerate(record.about.layers, 1)
    )
