"""What a lead of joint is made of, step by step, each step with its interval: `python -m benchmarks.steps cifar10-16`.

`claims.csv` holds joint against every other recipe. The steps in between compare others, so they are computed from the records
here, by the same quantities and the same model of seeds and test images. They are exploratory and not corrected. Written to
results/<study>/steps.csv, from where `benchmarks.paper_page` takes them.
"""

from __future__ import annotations

from collections.abc import Iterable
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
OTHER, FINAL = POSTERS
RECOVERED = "recovered"
CHAIN = ("both approaches", FIRST, OTHER), *steps_of()
"""The whole, and what it is made of at equal epochs."""
TWICE_CHAIN = [
    (f"{step}, where the other order has twice the rounds", first, second)
    for step, first, second in steps_of(TWICE)[:2]
]
BY_TWICE = (CHAIN[0], *TWICE_CHAIN, CHAIN[-1])
"""The whole, and what it is made of where the control has as many rounds for each group as joint has for both."""
LONG = ("both approaches, approach 2’s heads trained so long", FIRST, f"{OTHER}_long")
FROZEN = f"{FIRST}_frozen"
FROM_FROZEN = ("both approaches, joint from a base that never learnt with its exits", FROZEN, OTHER)
APART = ("letting the early exits’ losses reach the base", FIRST, "apart")


def at_own_rates(chain: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The same steps between the recipes at their own best rates."""
    return [(f"{step}, at own best rates", first + OWN_RATE, second + OWN_RATE) for step, first, second in chain]


OWN_CHAIN = at_own_rates(CHAIN)
PAIRS = (
    *CHAIN,
    *TWICE_CHAIN,
    *OWN_CHAIN,
    *at_own_rates(TWICE_CHAIN),
    APART,
    *at_own_rates([APART]),
    ("training the base with its heads before anything is pruned", FIRST, FROZEN),
    FROM_FROZEN,
    ("what exits keep, more than the base", FIRST, "shares"),
    ("the order of pruning, at nearly equal shares too", "shares", EQUAL_EPOCHS),
    ("eight times the epochs, for approach 2’s heads", f"{OTHER}_long", OTHER),
    LONG,
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
    table.to_csv(folder / "steps.csv", index=False, float_format="%.8g")


if __name__ == "__main__":
    run(main)
