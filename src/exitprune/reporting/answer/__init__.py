"""The answer that the page begins with, a file for each box: what was found, how sure that is, what it saves, what to deploy.

Everything is worked out from tables; sentences that depend on the numbers are put together here, the rest is the template's.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

LAST, RECOVERED = "final", "recovered"


@dataclass(frozen=True)
class Box:
    """One of the four: a sentence to remember, and what there is to add."""

    headline: str
    lines: list[str]


def first_up(sentence: str) -> str:
    """With a capital at its beginning."""
    return sentence[0].upper() + sentence[1:]


def best_on_validation(points: pd.DataFrame) -> pd.Series | None:
    """The recovered network that is best on validation images at its cheapest threshold; None: there is none.

    First the recipe, by its mean over seeds, then its seed: the best of all networks is more easily one that was lucky. Test
    images have no say in the choice.
    """
    there = points[(points["state"] == RECOVERED) & (points["choice"] == "cheapest")]
    if there.empty:
        return None
    means = there.groupby("recipe", sort=False)[list(_BETTER)].mean()
    of_recipe = there[there["recipe"] == _best_first(means).index[0]]
    return _best_first(of_recipe).iloc[0]


_BETTER = {"validation_accuracy": False, "validation_macs": True}
"""By what one is better, and whether less of it is."""


def _best_first(points: pd.DataFrame) -> pd.DataFrame:
    return points.sort_values(list(_BETTER), ascending=list(_BETTER.values()), kind="stable")


def mean_of(measures: pd.DataFrame, state: str, recipe: str, measure: str) -> float:
    """Of a quantity over seeds."""
    there = measures[(measures["state"] == state) & (measures["recipe"] == recipe) & (measures["measure"] == measure)]
    return float(there["value"].mean())
