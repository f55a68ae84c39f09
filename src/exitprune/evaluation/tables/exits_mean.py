"""Accuracy of every exit over seeds, with the mean sparsity of the level."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.statistics import over_seeds
from exitprune.evaluation.study import Study

ALONG = ["level", "name", "state", "block", "exit"]


def table(study: Study) -> pd.DataFrame:
    """One row per recipe, split, level and exit: test images where a level has them, the sample of validation at every level."""
    exits, levels = study.table("exits"), study.table("levels")
    shown = exits[exits["split"] != "validation"]
    mean = over_seeds(shown, ["recipe", "split"], ALONG, "accuracy", study.evaluate.confidence_level)
    sparsity = levels.groupby(["recipe", "name"])["sparsity_all"].mean().rename("sparsity").reset_index()
    pruned = levels.groupby(["recipe", "name"])["prune"].first().reset_index()
    return mean.merge(sparsity, on=["recipe", "name"]).merge(pruned, on=["recipe", "name"])
