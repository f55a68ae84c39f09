"""How often the rules that judge claims err: made-up studies whose truth is known, judged by the code that judges real ones.

`python -m benchmarks.error_rates` writes docs/error_rates.csv and the table of docs/statistics.md; it takes less than a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtr

from benchmarks.pages import put
from exitprune.evaluation.claims import CLAIMS, evidence, holm
from exitprune.evaluation.comparisons import NUM_GROUPS
from exitprune.evaluation.crossed import crossed
from exitprune.evaluation.statistics import Floats

DOCS = Path(__file__).parents[1] / "docs"
SEEDS = (3, 5, 10)
LEVEL = 0.05
TRIALS, FAMILIES, BOOTSTRAPS, RESAMPLES = 20_000, 10_000, 1_000, 500
SCATTERS = {"seeds alone": (1.0, 0.0, 0.5), "mostly seeds": (1.0, 0.3, 0.5), "test images as much": (1.0, 1.0, 1.0)}
"""What one seed's difference scatters by, in deviations of seeds: of seeds, of test images, and of what a seed makes of them."""
MARGIN = 2.0
"""Of likeness, in deviations of seeds."""


def studies(num: int, scatter: tuple[float, float, float], trials: int, truth: float) -> Floats:
    """Differences (trials, seeds, groups of images) around a true one, in deviations of seeds."""
    draw = np.random.default_rng([num, trials, round(10 * truth)])
    seeds, images, rest = scatter
    wide = NUM_GROUPS**0.5
    by_seed = truth + seeds * draw.normal(size=(trials, num, 1))
    by_group = wide * images * draw.normal(size=(trials, 1, NUM_GROUPS))
    values: Floats = by_seed + by_group + wide * rest * draw.normal(size=(trials, num, NUM_GROUPS))
    return values


def ours(values: Floats) -> float:
    """Share of studies in which one claim, alone, is decided."""
    return float((crossed(values).p_different <= LEVEL).mean())


def seeds_alone(values: Floats) -> float:
    """The same by a paired t test over seeds, as if the test images were all there are."""
    by_seed = values.mean(-1)
    num = by_seed.shape[1]
    t = np.abs(by_seed.mean(1)) / (by_seed.std(1, ddof=1) / num**0.5)
    return float((2 * stdtr(num - 1, -t) <= LEVEL).mean())


def bootstrap(values: Floats) -> float:
    """The same by a percentile bootstrap of seeds crossed with groups of images."""
    num = values.shape[1]
    draw = np.random.default_rng(num)
    weights = [draw.multinomial(size, np.full(size, 1 / size), RESAMPLES) / size for size in (num, NUM_GROUPS)]
    decided = 0
    for study in values[:BOOTSTRAPS]:
        means = np.einsum("bs,sg,bg->b", weights[0], study, weights[1], optimize=True)
        low, high = np.quantile(means, [LEVEL / 2, 1 - LEVEL / 2])
        decided += bool(low > 0 or high < 0)
    return decided / BOOTSTRAPS


def likeness(values: Floats) -> float:
    """Share of studies in which the claim of likeness is supported, alone."""
    p_value, supports = evidence("alike", crossed(values), MARGIN)
    return float(((p_value <= LEVEL) & supports).mean())


def any_of_the_claims(num: int, scatter: tuple[float, float, float]) -> float:
    """Share of studies with any wrong verdict, corrected, where no claim is true: no difference, and at the edge of likeness."""
    p_values = []
    for number, claim in enumerate(CLAIMS):
        truth = MARGIN if claim.wanted == "alike" else 0.0
        values = studies(num, scatter, FAMILIES + number, truth)[:FAMILIES]
        p_values.append(evidence(claim.wanted, crossed(values), MARGIN)[0])
    return float(np.mean(holm(np.array(p_values).T).min(-1) <= LEVEL))


def one_of_the_claims(num: int, scatter: tuple[float, float, float], truth: float) -> float:
    """Share of studies in which a claim that is true by so much is decided, corrected, where no other is true."""
    p_values = [crossed(studies(num, scatter, FAMILIES, truth)).p_different]
    p_values += [
        crossed(studies(num, scatter, FAMILIES + n, 0.0)[:FAMILIES]).p_different for n in range(1, len(CLAIMS))
    ]
    return float(np.mean(holm(np.array(p_values).T)[:, 0] <= LEVEL))


def rates() -> pd.DataFrame:
    """A row per truth, rule and scatter; a column per number of seeds."""
    return pd.DataFrame(_rows(), columns=["truth", "rule", "scatter", *(f"{num} seeds" for num in SEEDS)])


def _rows() -> Iterator[list[str | float]]:
    rules: list[tuple[str, str, float, Callable[[Floats], float]]] = [
        ("no difference", "one claim, ours", 0.0, ours),
        ("no difference", "one claim, t test over seeds", 0.0, seeds_alone),
        ("no difference", "one claim, bootstrap", 0.0, bootstrap),
        ("one deviation", "one claim, ours", 1.0, ours),
        ("two deviations", "one claim, ours", 2.0, ours),
        ("at the margin", "likeness, two one-sided tests", MARGIN, likeness),
        ("no difference", "likeness, two one-sided tests", 0.0, likeness),
    ]
    for truth, rule, value, judge in rules:
        for name, scatter in SCATTERS.items():
            yield [truth, rule, name, *(judge(studies(num, scatter, TRIALS, value)) for num in SEEDS)]
    for name, scatter in SCATTERS.items():
        yield ["no claim true", "any of the five, corrected", name, *(any_of_the_claims(num, scatter) for num in SEEDS)]
    for truth, value in (("one deviation", 1.0), ("two deviations", 2.0)):
        for name, scatter in SCATTERS.items():
            found = (one_of_the_claims(num, scatter, value) for num in SEEDS)
            yield [truth, "one of the five, corrected", name, *found]


def as_rows(table: pd.DataFrame) -> list[list[str]]:
    """Cells of the page: percent of the studies."""
    return [
        [str(cell) if isinstance(cell, str) else f"{100 * cell:.1f}" for cell in row]
        for row in table.to_numpy(dtype=object).tolist()
    ]


def main() -> None:
    """Simulate, and write both."""
    rates().to_csv(DOCS / "error_rates.csv", index=False, float_format="%.4f")
    table = pd.read_csv(DOCS / "error_rates.csv")
    put(DOCS / "statistics.md", "error rates", list(table.columns), as_rows(table))


if __name__ == "__main__":
    main()
