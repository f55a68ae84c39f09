"""A study in a few numbers and its verdicts, flat, for `dvc metrics` and `dvc exp show`.

The names are the same for every study, so that two studies, or two values of a parameter, stand in the same columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from exitprune.evaluation.claims import PRIMARY
from exitprune.evaluation.guessing import chance, is_near_chance
from exitprune.evaluation.statistics import paired_difference

NAMES = ("first", "second")
STATE = "recovered"  # what one would use


def headline(
    tables: Mapping[str, pd.DataFrame], confidence_level: float, manifest: Mapping[str, Any]
) -> dict[str, float | str]:
    """The study at a glance: its first two recipes, recovered, at the threshold that is best on validation.

    Args:
        tables: measures and claims.
        confidence_level: of the interval of the difference over seeds.
        manifest: of the images.

    Returns:
        What can be told of: accuracy_unpruned (of the classifier); chance, and whether that accuracy is near it; of the first
        and the second recipe its name, accuracy on the test images and MACs as a share of the unpruned classifier's;
        final_sparsity of the first; difference in accuracy, first minus second, over the common range of average MACs, and
        half the width of its interval; the verdict on each claim.
    """
    measures = tables["measures"]
    values = measures.pivot_table(index=["recipe", "seed"], columns=["state", "measure"], values="value", sort=False)
    recipes = list(dict.fromkeys(measures["recipe"]))[: len(NAMES)]
    means = values.groupby("recipe", sort=False).mean()
    dense = means.loc[recipes[0], "unpruned"]
    unpruned = float(dense["last_exit_accuracy"])
    numbers: dict[str, float | str] = {
        "accuracy_unpruned": unpruned,
        "chance": chance(manifest),
        "near_chance": "yes" if is_near_chance(unpruned, manifest) else "no",
    }
    for name, recipe in zip(NAMES, recipes, strict=False):
        of = means.loc[recipe, STATE]
        numbers[name] = recipe
        numbers[f"accuracy_{name}"] = of["best_accuracy"]
        numbers[f"macs_share_{name}"] = of["best_macs"] / dense["last_exit_macs"]
    numbers["final_sparsity"] = means.loc[recipes[0], STATE]["sparsity_all"]
    if len(recipes) == len(NAMES) and (STATE, "tradeoff_accuracy") in values:  # recipes have a range of MACs in common
        first, second = (values.loc[recipe, STATE]["tradeoff_accuracy"].to_numpy() for recipe in recipes)
        difference = paired_difference(first, second, confidence_level)
        numbers["difference"] = difference.mean
        numbers["difference_half_width"] = difference.half_width
    verdicts = tables["claims"].sort_values("role", key=lambda role: role != PRIMARY, kind="stable")
    verdicts = verdicts.drop_duplicates("claim")  # the primary ones, or the first recipe's that joint was held against
    numbers |= {f"claim_{row['claim']}": row["verdict"] for row in verdicts.to_dict("records")}
    return {name: value for name, value in numbers.items() if isinstance(value, str) or math.isfinite(value)}
