"""The trade-off curves of all runs, accuracy against average MACs, brought to common budgets.

A curve is exact, one point per threshold; only here is it read off at a grid of budgets, so that seeds can be averaged and
recipes compared.

Letters: T thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exitprune.evaluation.statistics import Floats, over_seeds

NUM_BUDGETS = 200
"""Points at which trade-off curves are tabulated and compared."""


@dataclass(frozen=True)
class Curve:
    """The trade-off of one run in one state on test images, at every threshold, from the strictest down.

    Attributes:
        average_macs: (T,) per image, never rising.
        accuracy: (T,) fraction of images answered right.
    """

    recipe: str
    seed: int
    state: str
    average_macs: Floats
    accuracy: Floats

    @property
    def run(self) -> dict[str, Any]:
        """The columns that tell curves apart."""
        return {"recipe": self.recipe, "seed": self.seed, "state": self.state}

    def at(self, budgets: Floats) -> Floats:
        """Accuracy at the largest average MACs within each budget; NaN where even the cheapest exit is too dear."""
        row = np.searchsorted(-self.average_macs, -budgets)
        return np.append(self.accuracy, np.nan)[row]


def tabulate(curves: Sequence[Curve], confidence: float) -> pd.DataFrame:
    """Mean accuracy and its band at budgets of average MACs, where every seed of the recipe can keep to them.

    Returns:
        state, recipe, average_macs, accuracy, std, low, high, num_seeds, band; all recipes of a state have the same
        budgets.
    """
    rows = []
    for there in _by_state(curves):
        lowest = min(curve.average_macs[-1] for curve in there)
        highest = max(curve.average_macs[0] for curve in there)
        budgets = np.unique(np.linspace(lowest, highest, NUM_BUDGETS))  # one, where no exit costs more than another
        for curve in there:
            floor = max(other.average_macs[-1] for other in there if other.recipe == curve.recipe)
            kept = budgets[budgets >= floor]
            pairs = zip(kept.tolist(), curve.at(kept).tolist(), strict=True)
            rows += [{**curve.run, "average_macs": macs, "accuracy": accuracy} for macs, accuracy in pairs]
    return over_seeds(pd.DataFrame(rows), ["state", "recipe"], ["average_macs"], "accuracy", confidence)


def over_common_range(curves: Sequence[Curve]) -> list[dict[str, Any]]:
    """Each run's mean accuracy over the range of average MACs that all runs of its state reach; NaN if there is none.

    Returns:
        One row per curve: recipe, seed, state, measure (`tradeoff_accuracy`), value.
    """
    rows = []
    for there in _by_state(curves):
        low = max(curve.average_macs[-1] for curve in there)
        high = min(curve.average_macs[0] for curve in there)
        for curve in there:
            value = float(curve.at(np.linspace(low, high, NUM_BUDGETS)).mean()) if low <= high else math.nan
            rows.append({**curve.run, "measure": "tradeoff_accuracy", "value": value})
    return rows


def _by_state(curves: Sequence[Curve]) -> Iterator[list[Curve]]:
    for state in dict.fromkeys(curve.state for curve in curves):
        yield [curve for curve in curves if curve.state == state]
