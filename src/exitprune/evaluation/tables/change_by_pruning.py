"""Accuracy of every exit before and after pruning on test images, and the change, over seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from exitprune.evaluation.statistics import over_seeds
from exitprune.evaluation.study import Study

KEYS = ["recipe", "seed", "exit"]


def table(study: Study) -> pd.DataFrame:
    """A row per recipe, state after pruning and exit: unpruned accuracy, accuracy, and their difference with its band.

    The early exits of a recipe whose heads are added while it is pruned were not there before: no accuracy, no difference.
    """
    exits = study.table("exits").query("split == 'test'")
    unpruned = exits[exits["state"] == "unpruned"][[*KEYS, "accuracy"]]
    both = exits[exits["state"] != "unpruned"].merge(unpruned, on=KEYS, suffixes=("", "_unpruned"))
    settings = {one.about.recipe: one.about.made_of.settings for one in study.records}
    later = [recipe for recipe, chosen in settings.items() if chosen.get("heads", {}).get("when") == "after"]
    were_not_there = both["recipe"].isin(later) & (both["exit"] < both["exit"].max())
    both["accuracy_unpruned"] = both["accuracy_unpruned"].mask(were_not_there, np.nan)
    both = both.assign(change=both["accuracy"] - both["accuracy_unpruned"])
    means = (
        both.groupby(["recipe", "state", "exit"], sort=False)[["accuracy_unpruned", "accuracy"]].mean().reset_index()
    )
    change = over_seeds(both, ["recipe", "state"], ["exit"], "change", study.evaluate.confidence_level)
    return means.merge(change, on=["recipe", "state", "exit"])
