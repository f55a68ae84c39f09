"""What a lead of joint is made of, step by step, each step with its interval: `python -m benchmarks.steps cifar10-16`.

`claims.csv` holds joint against every other recipe. The steps in between compare others, so they are computed from the records
here, by the same quantities and the same model of seeds and test images. They are exploratory and not corrected. Written to
results/<study>/steps.csv, from where `benchmarks.paper_page` takes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from typer import Argument, BadParameter, run

from benchmarks.rounding import Runs, runs_of
from exitprune.evaluation.claims import CLAIMS
from exitprune.evaluation.crossed import crossed
from exitprune.evaluation.pairs import EQUAL_EPOCHS, FIRST, OWN_RATE, POSTERS, TWICE, steps_of

RESULTS = Path(__file__).parents[1] / "results"
CONFIDENCE = 0.95
OTHER = POSTERS[0]
CHAIN = ("both approaches", FIRST, OTHER), *steps_of()
"""The whole, and what it is made of at equal epochs."""
OWN_CHAIN = (
    ("both approaches, each at its own best rate", FIRST + OWN_RATE, OTHER + OWN_RATE),
    *((f"{step}, at own best rates", first + OWN_RATE, second + OWN_RATE) for step, first, second in steps_of()),
)
PAIRS = (
    *CHAIN,
    *((f"{step}, where the other order has twice the rounds", *two) for step, *two in steps_of(TWICE)[:2]),
    *OWN_CHAIN,
    ("what exits keep, more than the base", FIRST, "shares"),
    ("the order of pruning, at equal shares too", "shares", EQUAL_EPOCHS),
    ("eight times the epochs, for approach 2’s heads", f"{OTHER}_long", OTHER),
    ("both approaches, approach 2’s heads trained so long", FIRST, f"{OTHER}_long"),
)
"""What a difference is, and the two recipes."""


def steps(runs: Runs) -> pd.DataFrame:
    """A row per pair of recipes that are there, state and claim: step, first, second, difference, low, high, num_seeds.

    Accuracies as fractions, costs as shares of the second's.
    """
    rows = []
    for step, first, second in PAIRS:
        for state in dict.fromkeys(state for _, _, state in runs):
            seeds = [s for r, s, at in runs if (r, at) == (first, state) and (second, s, state) in runs]
            for claim in CLAIMS if len(seeds) > 1 else ():
                found = [claim.quantity(runs[first, seed, state], runs[second, seed, state]) for seed in seeds]
                each = [one.differences for one in found if one is not None]
                if len(each) < len(seeds):
                    continue
                difference = crossed(np.array(each))
                numbers = [difference.mean, *difference.interval(CONFIDENCE)]
                as_told = map(float, np.expm1(numbers) if claim.unit == "percent" else numbers)
                about = {"step": step, "first": first, "second": second, "state": state, "measure": claim.name}
                told = dict(zip(("difference", "low", "high"), as_told, strict=True))
                rows.append({**about, "unit": claim.unit, **told, "num_seeds": len(seeds)})
    return pd.DataFrame(rows)


def main(study: Annotated[str, Argument(help="A study of results/ with several seeds.")]) -> None:
    """Write the table."""
    folder = RESULTS / study
    table = steps(runs_of(folder / "seeds"))
    if table.empty:
        raise BadParameter(f"{folder} has no two seeds of any of these pairs: {[pair[1:] for pair in PAIRS]}")
    table.to_csv(folder / "steps.csv", index=False, float_format="%.5f")


if __name__ == "__main__":
    run(main)
