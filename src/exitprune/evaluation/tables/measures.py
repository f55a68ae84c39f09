"""What headlines and claims rest on, in long form; accuracies are of test images."""

from __future__ import annotations

import math
from statistics import fmean

import pandas as pd

from exitprune.evaluation.study import Study, of_every_seed
from exitprune.evaluation.tradeoff import over_common_range


def table(study: Study) -> pd.DataFrame:
    """recipe, seed, state, measure, value; what some seeds do not have is left out."""
    points = study.table("operating_points")
    chosen = dict(iter(points.groupby(["recipe", "seed", "state"])))
    rows = []
    for one in study.swept:
        *early, last = one.level.accuracy["test"]
        measures = {f"sparsity_{group}": share for group, share in one.level.sparsity.items()}
        measures |= {"last_exit_accuracy": last, "early_exits_accuracy": fmean(early) if early else math.nan}
        measures["last_exit_macs"] = one.level.macs[-1]
        for row in chosen[one.recipe, one.seed, one.state].to_dict("records"):
            measures |= {f"{row['choice']}_accuracy": row["test_accuracy"], f"{row['choice']}_macs": row["test_macs"]}
        rows += [{**one.run, "measure": measure, "value": float(value)} for measure, value in measures.items()]
    return of_every_seed(pd.DataFrame(rows + over_common_range(study.curves)), ["recipe", "state", "measure"])
