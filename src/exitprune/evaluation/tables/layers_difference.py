"""Sparsity of joint minus that of every other recipe by layer, paired by seed, with Student's t interval."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.pairs import FIRST, others_of
from exitprune.evaluation.statistics import paired_difference
from exitprune.evaluation.study import Study
from exitprune.evaluation.tables.layers_mean import ALONG


def table(study: Study) -> pd.DataFrame:
    """One row per other recipe and layer; none unless joint ran with the same seeds."""
    rows = []
    layers = study.table("layers")
    wide = layers.pivot(index=ALONG, columns=["recipe", "seed"], values="sparsity")
    recipes = list(layers["recipe"].unique())
    for against in others_of(recipes) if FIRST in recipes else ():
        first, second = wide[FIRST], wide[against]
        seeds = sorted(set(first.columns) & set(second.columns))
        for keys, joint, other in zip(wide.index, first[seeds].to_numpy(), second[seeds].to_numpy(), strict=True):
            difference = paired_difference(joint, other, study.evaluate.confidence_level)
            interval = {"difference": difference.mean, "low": difference.low, "high": difference.high}
            about = {"against": against, **dict(zip(ALONG, keys, strict=True))}
            rows.append({**about, **interval, "num_seeds": difference.num})
    return pd.DataFrame(rows, columns=["against", *ALONG, "difference", "low", "high", "num_seeds"])
