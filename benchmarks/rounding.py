"""How much of what seeds scatter is rounding: the same seeds, computed on several processors whose sums round differently.

`python -m benchmarks.rounding A/seeds B/seeds` reads the records of seeds and recipes that are in both folders (or in more).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from typer import Argument, BadParameter, run

from exitprune.evaluation.claims import CLAIMS
from exitprune.evaluation.comparisons import Network
from exitprune.evaluation.pairs import FIRST, others_of
from exitprune.evaluation.record_reading import read_record
from exitprune.evaluation.records import SWEPT

Runs = dict[tuple[str, int, str], Network]


def runs_of(folder: Path) -> Runs:
    """Every pruned network of a folder of records, by recipe, seed and state."""
    found = {}
    for record in map(read_record, sorted(path.parent for path in folder.glob("*/record.json"))):
        for state in SWEPT[1:]:
            outcomes = record.outcomes[state]
            key = record.about.recipe, record.about.seed, str(state)
            found[key] = Network(outcomes["validation"], outcomes["test"])
    return found


def scatter(computed: list[Runs]) -> pd.DataFrame:
    """Of each difference that a claim rests on: the deviation over computations of one seed, and what seeds add.

    Args:
        computed: the same seeds and recipes, two computations or more; what not all have is left out.

    Returns:
        measure, against, state, num_seeds, num_computations, std_rounding (pooled within seeds), std_seeds (what another seed
        adds: the variance of the seeds' means less what rounding puts into them, 0 where none is left, NaN with one seed);
        accuracies as fractions, costs as logarithms.
    """
    common = [key for key in computed[0] if all(key in runs for runs in computed)]
    rows = []
    for against in others_of(dict.fromkeys(recipe for recipe, _, _ in common)):
        for state in dict.fromkeys(state for _, _, state in common):
            seeds = [s for r, s, at in common if (r, at) == (against, state) and (FIRST, s, state) in common]
            for claim in CLAIMS if seeds else ():
                found = [
                    [claim.quantity(runs[FIRST, seed, state], runs[against, seed, state]) for runs in computed]
                    for seed in seeds
                ]
                each = [[one.differences.mean() for one in row if one is not None] for row in found]
                if min(map(len, each)) < len(computed):
                    continue
                values = np.array(each)  # (seeds, computations)
                row: dict[str, str | float] = {"measure": claim.name, "against": against, "state": state}
                row |= {"num_seeds": len(seeds), "num_computations": len(computed)}
                rounding = values.var(axis=1, ddof=1).mean()
                of_seeds = values.mean(axis=1).var(ddof=1) - rounding / len(computed) if len(seeds) > 1 else np.nan
                row["std_rounding"] = float(np.sqrt(rounding))
                row["std_seeds"] = float(np.sqrt(np.maximum(0, of_seeds)))
                rows.append(row)
    return pd.DataFrame(rows)


def main(folders: Annotated[list[Path], Argument(help="Folders of records of the same seeds, two or more.")]) -> None:
    """Print the table as CSV."""
    if len(folders) < 2:
        raise BadParameter("one folder was given; rounding shows where the same seeds were computed twice: give two")
    table = scatter([runs_of(folder) for folder in folders])
    if table.empty:
        raise BadParameter("the folders have no seed of joint and of another recipe in common")
    print(table.to_csv(index=False, float_format="%.5f"))


if __name__ == "__main__":
    run(main)
