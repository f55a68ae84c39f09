"""In what two orders of a method differ beside the order, or do not differ at all: read off what they left."""

from __future__ import annotations

from collections import defaultdict

import pandas as pd

from exitprune.evaluation.methods import ORDERS
from exitprune.reporting.formatting import share, with_shares

ALIKE = 0.01
"""Up to which difference a share is the same in both orders."""
MUCH = 0.05
"""From which on exits lost much less in one order than in the other."""
WORDS = {
    "same": "The network before recovery is the same in both orders, bit for bit: what differs is chance in recovery.",
    "base": "No weight of an exit goes in either order: both prune the base network alone, and differ in what learns when.",
    "exits": "Exits lose less in joint, by five points or more.",
    "amount": "One order took away more than the other, by more than a point.",
}


def apart(runs: pd.DataFrame) -> list[tuple[str, str]]:
    """What holds for which methods, at which shares.

    Args:
        runs: as `evaluation.methods.runs` gives them.
    """
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (gone, method), part in runs.groupby(["gone", "method"], sort=False):
        by_order = [part[part["order"] == order].set_index("seed") for order in ORDERS]
        pairs = by_order[0].merge(by_order[1], on="seed", suffixes=("_joint", "_sequential"))
        for what in _of(pairs) if len(pairs) else ():
            found[what][str(method)].append(share(float(str(gone))))
    return [(words, with_shares(found[what])) for what, words in WORDS.items() if what in found]


def _of(pairs: pd.DataFrame) -> list[str]:
    """Words of `WORDS` that hold for a method at a share, from its pairs of seeds."""
    exits = pairs[[f"sparsity_exits_{order}" for order in ORDERS]].mean()
    units = pairs[[f"units_gone_{order}" for order in ORDERS]].mean()
    holds = {
        "same": (pairs["final_joint"] == pairs["final_sequential"]).all(),
        "base": not exits.any(),
        "exits": round(exits.iloc[1] - exits.iloc[0], 9) >= MUCH,
        "amount": round(abs(units.iloc[1] - units.iloc[0]), 9) > ALIKE,
    }
    return [what for what, is_so in holds.items() if is_so]
