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
    """Of all recovered networks the one that is best on validation images at its cheapest threshold; None: there is none.

    Test images have no say in the choice.
    """
    there = points[(points["state"] == RECOVERED) & (points["choice"] == "cheapest")]
    order = ["validation_accuracy", "validation_macs"]
    ranked = there.sort_values(order, ascending=[False, True], kind="stable")
    return None if ranked.empty else ranked.iloc[0]


def mean_of(measures: pd.DataFrame, state: str, recipe: str, measure: str) -> float:
    """Of a quantity over seeds."""
    there = measures[(measures["state"] == state) & (measures["recipe"] == recipe) & (measures["measure"] == measure)]
    return float(there["value"].mean())
