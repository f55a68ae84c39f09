"""Times that `make bench-inference` measured, as figures, the report and `exitprune choose` read them, and of which networks.

Nothing but `read_measured` needs pandas.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from exitprune.errors import BadInput
from exitprune.evaluation.deployable import Limit, Times

if TYPE_CHECKING:
    import pandas as pd

NOBODY, WITHIN = "nobody leaves", "one point lost"
PLAIN = "plain "
"""How the name of a rival begins: a network without exits, trained like the base network."""
FILE = "inference.csv"


@dataclass(frozen=True)
class Row:
    """One network at one threshold, as it was timed; accuracy and MACs are of test images."""

    network: str
    seed: int
    sha256: str
    runtime: str
    threads: int
    batch: int
    choice: str
    accuracy: float
    macs: float
    milliseconds: float
    machine: str


@dataclass(frozen=True)
class Rival:
    """A plain network, mean over the seeds that were timed."""

    network: str
    runtime: str
    accuracy: float
    macs: float
    milliseconds: float
    num_seeds: int


def read_measured(tables: Path) -> pd.DataFrame | None:
    """inference.csv beside the folder of tables; None if there is none, or if it is of other networks than the tables.

    For every seed measured, one of the networks has to be the one that the tables are of, by the digest of its weights:
    joint, after recovery.

    Raises:
        BadInput: if it is not as it was written.
    """
    import pandas as pd

    path = tables.parent / FILE
    if not read_rows(path):
        return None
    measured = pd.read_csv(path)
    levels = pd.read_csv(tables / "levels.csv").query("recipe == 'joint' and state == 'recovered'")
    timed = measured.merge(levels[["seed", "sha256"]])
    return measured if set(timed["seed"]) == set(measured["seed"]) else None


def read_rows(path: Path) -> list[Row]:
    """All rows of a file of times; none if it is not there or from a version that did not tell whose they are.

    Raises:
        BadInput: if a row lacks something, or holds what is no number.
    """
    if not path.is_file():
        return []
    kinds = {name: {"int": int, "float": float}.get(str(kind), str) for name, kind in Row.__annotations__.items()}
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(file)
        try:
            if "sha256" not in (lines.fieldnames or ()):
                return []
            rows = [Row(**{name: kind(line[name]) for name, kind in kinds.items()}) for line in lines]
            if not all(math.isfinite(number) for row in rows for number in (row.accuracy, row.macs, row.milliseconds)):
                raise ValueError("a number is none")
            return rows
        except (csv.Error, KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{path}: not as make bench-inference writes it ({error}); measure again") from None


def times_of(rows: Sequence[Row]) -> dict[str, list[Times]]:
    """By the digest of a network's weights, the times of each runtime, batch size and number of threads.

    A network that is there under several names counts under the last, which is the one exported: what is empty is taken out.
    """
    found: dict[str, list[Times]] = {}
    last = {row.sha256: row.network for row in rows}
    settings = dict.fromkeys((row.sha256, row.runtime, row.batch, row.threads) for row in rows)
    for sha256, runtime, batch, threads in settings:
        points = [
            row
            for row in rows
            if (row.sha256, row.runtime, row.batch, row.threads) == (sha256, runtime, batch, threads)
            and row.network == last[sha256]
        ]
        if points:
            points.sort(key=lambda row: row.macs)
            macs, milliseconds = [row.macs for row in points], [row.milliseconds for row in points]
            machine = points[0].machine
            found.setdefault(sha256, []).append(Times(runtime, batch, threads, machine, macs, milliseconds))
    return found


def best_rival(rows: Sequence[Row], limit: Limit, unpruned: float) -> Rival | None:
    """The plain network that keeps a limit best, by its own test images, which favours it; None: none was timed or keeps it.

    Args:
        rows: of one batch size and one number of threads.
        limit: as for what it is held against.
        unpruned: accuracy on test images from which a loss counts.
    """
    plain = [row for row in rows if row.network.startswith(PLAIN)]
    rivals = []
    for network, runtime in dict.fromkeys((row.network, row.runtime) for row in plain):
        own = [row for row in plain if (row.network, row.runtime) == (network, runtime)]
        accuracy, macs, milliseconds = (
            fmean(column) for column in zip(*((one.accuracy, one.macs, one.milliseconds) for one in own), strict=True)
        )
        rivals.append(Rival(network, runtime, accuracy, macs, milliseconds, len({one.seed for one in own})))
    if limit.what == "accuracy_lost":
        keep = [one for one in rivals if unpruned - one.accuracy <= limit.value + 1e-9]
        return min(keep, key=lambda one: one.milliseconds if limit.by_time else one.macs, default=None)
    keep = [one for one in rivals if (one.macs if limit.what == "macs" else one.milliseconds) <= limit.value]
    return max(keep, key=lambda one: one.accuracy, default=None)
