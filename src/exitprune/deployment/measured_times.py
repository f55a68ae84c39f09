"""Times that `make bench-inference` measured, as figures and the report read them, and whether they are of these networks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

NOBODY, WITHIN = "nobody leaves", "one point lost"


def read_measured(tables: Path) -> pd.DataFrame | None:
    """inference.csv beside the folder of tables; None if there is none, or if it is of other networks than the tables.

    For every seed measured, one of the networks has to be the one that the tables are of, by the digest of its weights:
    joint, after recovery.
    """
    path = tables.parent / "inference.csv"
    if not path.exists():
        return None
    measured = pd.read_csv(path)
    if "sha256" not in measured:
        return None
    levels = pd.read_csv(tables / "levels.csv").query("recipe == 'joint' and state == 'recovered'")
    timed = measured.merge(levels[["seed", "sha256"]])
    return measured if set(timed["seed"]) == set(measured["seed"]) else None
