"""Times that `make bench-inference` measured, as figures and the report read them, and whether they are of these networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

NOBODY, WITHIN = "nobody leaves", "one point lost"
PRUNED = "unstructured"
"""The network that tells whose times these are: joint, after recovery."""


def read_measured(tables: Path) -> pd.DataFrame | None:
    """inference.csv beside the folder of tables; None if there is none, or if it is of other networks than the tables.

    The pruned network has to have the accuracy and the MACs that the tables give for every seed measured.
    """
    path = tables.parent / "inference.csv"
    if not path.exists():
        return None
    measured = pd.read_csv(path)
    exits = pd.read_csv(tables / "exits.csv").query("order == 'joint' and state == 'recovered' and split == 'test'")
    last = exits[exits["exit"] == exits["exit"].max()].set_index("seed")
    timed = measured[(measured["network"] == PRUNED) & (measured["choice"] == NOBODY)].drop_duplicates("seed")
    there = last.reindex(timed["seed"])[["macs", "accuracy"]].to_numpy()
    agree = np.isclose(timed[["macs", "accuracy"]].to_numpy(), there, rtol=1e-5, atol=0)  # files hold six digits
    return measured if agree.all() else None
