"""Times that `make bench-inference` measured, as figures, the report and `exitprune choose` read them, and of which networks.

Nothing but `read_measured` and `milliseconds` needs pandas.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, TypeVar

from exitprune.errors import BadInput
from exitprune.evaluation.deployable import Limit
from exitprune.evaluation.exit_times import Times

if TYPE_CHECKING:
    import pandas as pd

NOBODY, WITHIN = "nobody leaves", "one point lost"
BASE = "dense, no exits"
PLAIN = "plain "
"""How the name of a rival begins: a network without exits, trained like the base network, which is one itself."""
FILE = "inference.csv"
BY_EXIT = "exit_times.csv"


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
    threshold: float
    accuracy: float
    macs: float
    milliseconds: float
    cpu_milliseconds: float = math.nan

    @property
    def cost(self) -> float:
        """Milliseconds; on one thread of the processor, which others on the machine do not lengthen, if that was noted."""
        return self.milliseconds if self.threads > 1 or math.isnan(self.cpu_milliseconds) else self.cpu_milliseconds


@dataclass(frozen=True)
class ExitRow:
    """One exit of one network, as it was timed; what the columns hold: `evaluation.exit_times.Times`."""

    sha256: str
    runtime: str
    threads: int
    batch: int
    exit: int
    body: float
    head: float
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
    """inference.csv beside the folder of tables, with `Row.cost` as column ms.

    None if there is none, or if it is of other networks than the tables. For every seed measured, one of the
    networks has to be the one that the tables are of, by the digest of its weights: joint, after recovery.

    Raises:
        BadInput: if it is not as it was written.
    """
    import pandas as pd

    path = tables.parent / FILE
    if not read_rows(path):
        return None
    measured = pd.read_csv(path)
    measured["ms"] = milliseconds(measured)
    levels = pd.read_csv(tables / "levels.csv").query("recipe == 'joint' and state == 'recovered'")
    timed = measured.merge(levels[["seed", "sha256"]])
    return measured if set(timed["seed"]) == set(measured["seed"]) else None


def milliseconds(measured: pd.DataFrame) -> pd.Series[float]:
    """`Row.cost` of each row of a table."""
    wall = measured["milliseconds"]
    if "cpu_milliseconds" not in measured:
        return wall
    return measured["cpu_milliseconds"].where(measured["threads"] == 1).fillna(wall)


def read_rows(path: Path) -> list[Row]:
    """All rows of a file of times; none if it is not there or from a version that did not tell whose they are.

    Raises:
        BadInput: if a row lacks something, or holds what is no number.
    """
    return _read(path, Row)


def read_times(path: Path) -> dict[str, list[Times]]:
    """By the digest of a network's weights, its times exit by exit in each runtime, batch size and number of threads.

    None if the file is not there. A network that was timed as it is and with what is empty taken out counts as the latter.

    Raises:
        BadInput: if a row lacks something.
    """
    by_network: dict[tuple[object, ...], dict[int, ExitRow]] = {}
    for row in _read(path, ExitRow):
        by_network.setdefault((row.sha256, row.runtime, row.batch, row.threads), {})[row.exit] = row
    found: dict[str, list[Times]] = {}
    for exits in by_network.values():
        rows = [exits[number] for number in sorted(exits)]
        body = tuple(accumulate((row.body for row in rows), max))  # a later exit never takes less
        heads = tuple(max(row.head, 0.0) for row in rows[:-1])
        one = rows[0]
        times = Times(one.runtime, one.batch, one.threads, one.machine, body, heads)
        found.setdefault(one.sha256, []).append(times)
    return found


R = TypeVar("R", Row, ExitRow)


def _read(path: Path, form: type[R]) -> list[R]:
    if not path.is_file():
        return []
    kinds = {name: {"int": int, "float": float}.get(str(kind), str) for name, kind in form.__annotations__.items()}
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.DictReader(file)
        try:
            if "sha256" not in (columns := lines.fieldnames or ()):
                return []
            optional = {name for name in kinds if hasattr(form, name)}
            given = {name: kind for name, kind in kinds.items() if name in columns or name not in optional}
            rows = [form(**{name: kind(line[name]) for name, kind in given.items()}) for line in lines]
            numbers = [name for name, kind in given.items() if kind is float]
            if not all(math.isfinite(getattr(row, name)) for row in rows for name in numbers):
                raise ValueError("a number is none")
            return rows
        except (csv.Error, KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{path}: not as make bench-inference writes it ({error}); measure again") from None


def best_rival(rows: Sequence[Row], limit: Limit, unpruned: float) -> Rival | None:
    """The plain network that keeps a limit best, by its own test images, which favours it; None: none was timed or keeps it.

    Of equally good ones the cheaper counts, so a network that several runtimes answer alike is told in the fastest.

    Args:
        rows: of one batch size and one number of threads.
        limit: as for what it is held against.
        unpruned: accuracy on test images from which a loss counts.
    """
    plain = [row for row in rows if row.network.startswith((PLAIN, BASE))]
    rivals = []
    for network, runtime in dict.fromkeys((row.network, row.runtime) for row in plain):
        own = [row for row in plain if (row.network, row.runtime) == (network, runtime)]
        accuracy, macs, milliseconds = (
            fmean(column) for column in zip(*((one.accuracy, one.macs, one.cost) for one in own), strict=True)
        )
        rivals.append(Rival(network, runtime, accuracy, macs, milliseconds, len({one.seed for one in own})))

    def costs(one: Rival) -> tuple[float, float]:
        return (one.milliseconds, one.macs) if limit.in_time else (one.macs, one.milliseconds)

    if limit.what == "accuracy_lost":
        keep = [one for one in rivals if unpruned - one.accuracy <= limit.value + 1e-9]
        return min(keep, key=lambda one: (costs(one)[0], -one.accuracy, costs(one)[1]), default=None)
    keep = [one for one in rivals if costs(one)[0] <= limit.value]
    return min(keep, key=lambda one: (-one.accuracy, *costs(one)), default=None)
