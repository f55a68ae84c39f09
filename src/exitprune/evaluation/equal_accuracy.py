"""What the same accuracy costs: a trade-off curve read the other way round, as the paper gives its savings.

Letters: T thresholds, A accuracies.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from exitprune.evaluation.statistics import Floats

NUM_ACCURACIES = 100
"""Equally spaced accuracies of a common range at which costs are compared."""


def cost_at(cost: Floats, accuracy: Floats, wanted: Floats) -> Floats:
    """The least cost at which a curve reaches each accuracy, straight in between two points; NaN above its best.

    A dearer point that is no better than a cheaper one counts for nothing: one would take the cheaper.

    Args:
        cost, accuracy: (T,) of a curve, in any order.
        wanted: (A,) accuracies; one below that of the cheapest point costs as much as that point.

    Returns:
        (A,) costs.
    """
    rising, best = _rising(cost, accuracy)
    return np.interp(wanted, best, rising, right=np.nan)


def common_accuracies(curves: Iterable[tuple[Floats, Floats]]) -> Floats | None:
    """Accuracies between that of the cheapest point and the best, of all curves at once; None if they have none in common.

    Args:
        curves: cost and accuracy of each, (T,).
    """
    reached = [_rising(*curve)[1] for curve in curves]
    low, high = max(best[0] for best in reached), min(best[-1] for best in reached)
    return np.linspace(low, high, NUM_ACCURACIES) if low < high else None


def _rising(cost: Floats, accuracy: Floats) -> tuple[Floats, Floats]:
    """The points that are better than all cheaper ones."""
    cheapest_first = np.lexsort((-accuracy, cost))
    cost, best = cost[cheapest_first], np.maximum.accumulate(accuracy[cheapest_first])
    rises = np.append(True, np.diff(best) > 0)
    return cost[rises], best[rises]
