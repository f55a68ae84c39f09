"""Methods side by side: what each reaches in either order, and for which of them pruning everything at once wins.

Tables are tidy: one row is one observation, accuracy a fraction on test images, MACs per image. A recipe of these studies is
called METHOD-ORDER. Nothing here reads or writes files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pandas as pd
from pydantic import BaseModel, BeforeValidator

from exitprune.documents import checked
from exitprune.evaluation.records import About
from exitprune.evaluation.statistics import paired_difference

MEASURES = ("classifier", "early_exits")
"""Accuracy of the base network's classifier, and the mean of the early exits', were all images to leave there."""
ORDERS = ("joint", "sequential")
KEYS = ["gone", "method"]
VERDICTS = ("joint", "sequential", "none told", "cannot tell")


class Pruned(BaseModel):
    """The settings of a record that are looked at here."""

    sparsity: float
    order: Annotated[str, BeforeValidator(lambda order: order.get("name") if isinstance(order, dict) else order)]


def runs(abouts: Sequence[About]) -> pd.DataFrame:
    """One row per record, after recovery: what was to go and what is gone, accuracies, and MACs that are not of zeros."""
    rows = []
    for about in abouts:
        settings = checked(Pruned, about.made_of.settings, f"the record of {about.recipe}: made_of.settings")
        level, order = about.levels[-1], settings.order
        accuracy = level.accuracy["test"]
        rows.append(
            {
                "gone": settings.sparsity,
                "method": about.recipe.removesuffix(f"-{order}"),
                "order": order,
                "seed": about.seed,
                "classifier": accuracy[-1],
                "early_exits": sum(accuracy[:-1]) / (len(accuracy) - 1),
                "macs": level.macs[-1],
                "macs_dense": level.macs_dense[-1],
                "sparsity": level.sparsity["all"],
            }
        )
    return pd.DataFrame(rows).sort_values([*KEYS, "order", "seed"], ignore_index=True)


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds of `runs`, with the sample deviation of accuracies."""
    grouped = table.groupby([*KEYS, "order"])
    mean = grouped[[*MEASURES, "macs", "macs_dense", "sparsity"]].mean()
    deviation = grouped[list(MEASURES)].std().add_suffix("_std")
    return mean.join(deviation).join(grouped["seed"].nunique().rename("num_seeds")).reset_index()


def differences(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Joint less sequential per method, share and measure, paired by seed, with its interval and what it says.

    Args:
        table: as `runs` gives it.
        confidence: of the interval, in (0, 1).
    """
    rows = []
    for (gone, method), part in table.groupby(KEYS, sort=False):
        for measure in MEASURES:
            wide = part.pivot(index="seed", columns="order", values=measure)
            pairs = wide.reindex(columns=list(ORDERS)).dropna()
            found = paired_difference(pairs["joint"].to_numpy(), pairs["sequential"].to_numpy(), confidence)
            verdict = "cannot tell" if pd.isna(found.low) else "none told"  # of one seed, or if all seeds agree
            verdict = "joint" if found.low > 0 else "sequential" if found.high < 0 else verdict
            row = {"gone": gone, "method": method, "measure": measure, "difference": found.mean, "std": found.std}
            rows.append({**row, "low": found.low, "high": found.high, "num_seeds": found.num, "better": verdict})
    return pd.DataFrame(rows)


def headline(table: pd.DataFrame) -> dict[str, list[str]]:
    """Methods by what `differences` says of their classifier; a method is named once per share at which it says so."""
    ours = table[table["measure"] == "classifier"]
    return {
        verdict: [f"{row.method} at {row.gone:g}" for row in ours[ours["better"] == verdict].itertuples()]
        for verdict in VERDICTS
    }
