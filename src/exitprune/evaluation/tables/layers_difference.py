"""Sparsity joint minus sequential by layer, paired by seed, with Student's t interval."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.statistics import paired_difference
from exitprune.evaluation.study import Study
from exitprune.evaluation.tables.layers_mean import ALONG


def table(study: Study) -> pd.DataFrame:
    """One row per layer; none unless both recipes ran with the same seeds."""
    rows = []
    layers = study.table("layers")
    if {"joint", "sequential"} <= set(layers["recipe"]):
        wide = layers.pivot(index=ALONG, columns=["recipe", "seed"], values="sparsity")
        first, second = wide["joint"], wide["sequential"]
        seeds = sorted(set(first.columns) & set(second.columns))
        for keys, joint, sequential in zip(wide.index, first[seeds].to_numpy(), second[seeds].to_numpy(), strict=True):
            difference = paired_difference(joint, sequential, study.evaluate.confidence_level)
            interval = {"difference": difference.mean, "low": difference.low, "high": difference.high}
            rows.append({**dict(zip(ALONG, keys, strict=True)), **interval, "num_seeds": difference.num})
    return pd.DataFrame(rows, columns=[*ALONG, "difference", "low", "high", "num_seeds"])
