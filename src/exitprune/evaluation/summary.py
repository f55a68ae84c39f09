"""Means over seeds of everything that headlines rest on, nested, for people and programs."""

from __future__ import annotations

import math
from typing import Any

from exitprune.evaluation.study import Study


def summary(study: Study) -> dict[str, Any]:
    """Means over seeds by recipe and state, and the differences; what cannot be told is left out.

    The unpruned network is the same for every recipe and stands once.
    """
    found: dict[str, Any] = {}
    means = study.table("measures").groupby(["recipe", "state", "measure"], sort=False)["value"].mean().reset_index()
    for row in means.to_dict("records"):
        name = row["measure"].replace("sparsity_", "final_sparsity_")  # `sparsity` is a parameter
        where = ("unpruned",) if row["state"] == "unpruned" else (row["recipe"], row["state"])
        _put(found, row["value"], *where, name)
    for row in study.table("claims").to_dict("records"):
        _put(found, row["difference"], f"joint_minus_{row['against']}", row["state"], row["measure"])
    for row in study.table("paper_summary").query("comparable == True").to_dict("records"):
        quantity = row["quantity"].replace(" ", "_")
        _put(found, row["mean_absolute_difference"], "difference_from_paper", row["recipe"], quantity)
    return found


def _put(found: dict[str, Any], value: float, *keys: str) -> None:
    if math.isfinite(value):
        *folders, name = keys
        for folder in folders:
            found = found.setdefault(folder, {})
        found[name] = value
