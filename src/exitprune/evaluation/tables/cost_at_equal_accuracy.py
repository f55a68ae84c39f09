"""What the same accuracy costs: average MACs of joint as a share of every other recipe's, and the paper's share beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exitprune.evaluation.equal_accuracy import common_accuracies, cost_at
from exitprune.evaluation.pairs import FIRST
from exitprune.evaluation.paper import APPROACHES, SEPARATELY, cost_ratio
from exitprune.evaluation.statistics import over_seeds
from exitprune.evaluation.study import Study

COLUMNS = ["against", "state", "accuracy", "ratio", "std", "low", "high", "num_seeds", "band", "paper"]


def table(study: Study) -> pd.DataFrame:
    """A row per other recipe, state and accuracy that both reach with every seed; `paper` after the last round alone."""
    by_run = {(curve.recipe, curve.state, curve.seed): curve for curve in study.curves}
    rows = []
    for against, state in dict.fromkeys((recipe, state) for recipe, state, _ in by_run):
        seeds = [
            seed for recipe, at, seed in by_run if (recipe, at) == (against, state) and (FIRST, at, seed) in by_run
        ]
        if against == FIRST or state == "unpruned" or not seeds:
            continue
        pairs = [(by_run[FIRST, state, seed], by_run[against, state, seed]) for seed in seeds]
        wanted = common_accuracies((curve.average_macs, curve.accuracy) for pair in pairs for curve in pair)
        if wanted is None:
            continue
        for seed, pair in zip(seeds, pairs, strict=True):
            first, second = (cost_at(curve.average_macs, curve.accuracy, wanted) for curve in pair)
            about = {"against": against, "state": state, "seed": seed}
            rows += [
                {**about, "accuracy": at, "ratio": ratio} for at, ratio in zip(wanted, first / second, strict=True)
            ]
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    found = over_seeds(pd.DataFrame(rows), ["against", "state"], ["accuracy"], "ratio", study.evaluate.confidence_level)
    is_papers = (found["state"] == "final") & (found["against"].map(APPROACHES) == SEPARATELY)
    paper = cost_ratio(found["accuracy"].to_numpy(float))
    return found.assign(paper=np.where(is_papers & study.is_papers_data & study.is_papers_network, paper, np.nan))
