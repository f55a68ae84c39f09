"""The claims of the paper, as its poster words them, and the rule by which each gets a verdict.

A claim rests on one quantity, named here before any run; it compares `joint`, the paper's approach 1, with another recipe of a
study, seed by seed on the same test images. The poster's own comparison is primary: `joint` with `ordered`, after the last round.
Holm's procedure corrects the primary claims of a study for their number. Every other comparison is exploratory, is not corrected,
and is called so. One seed gives no verdict, nor do seeds that all agree: a spread of zero is not certainty.

Sources: Görmez and Koyuncu 2022, arXiv:2207.03644, poster; Holm 1979, doi:10.2307/4615733.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation import comparisons
from exitprune.evaluation.comparisons import Compared, Network, Quantity
from exitprune.evaluation.crossed import Crossed, crossed
from exitprune.evaluation.equal_accuracy import NUM_ACCURACIES
from exitprune.evaluation.pairs import FIRST, POSTERS, others_of
from exitprune.evaluation.statistics import Floats

SUPPORTED, CONTRADICTED = "supported", "contradicted"
OPEN, UNTESTED = "not distinguishable", "not tested"
ONE_SEED, NO_SPREAD = "one seed: no verdict", "no spread over seeds: no verdict"
DECIDED = (SUPPORTED, CONTRADICTED)
PRIMARY, EXPLORATORY = "primary", "exploratory"
Wanted = Literal["more", "less", "alike"]


@dataclass(frozen=True)
class Claim:
    """A sentence of the poster, in our words, and what judges it.

    Attributes:
        name: of the quantity, in tables.
        quantity: of two networks.
        wanted: which difference, `joint` minus the other, supports the claim.
        unit: of the difference: points of accuracy, or percent of the other's cost.
        rule: in words, for the report.
    """

    number: int
    title: str
    name: str
    label: str
    quantity: Quantity
    wanted: Wanted
    unit: Literal["points", "percent"]
    rule: str


CLAIMS = (
    Claim(
        1,
        "Pruning everything at once is better at the earlier exits.",
        "early_exits_accuracy",
        "mean accuracy of the early exits",
        comparisons.early_exits,
        "more",
        "points",
        "The mean accuracy of all exits but the classifier, were all test images to leave there. Supported if it is higher.",
    ),
    Claim(
        2,
        "Ordered pruning is better at the deepest exits, which are the best.",
        "last_exit_accuracy",
        "accuracy of the deepest exit",
        comparisons.deepest_exit,
        "less",
        "points",
        "The accuracy of the classifier, the one exit at which the poster’s chart has ordered pruning ahead. Supported if it is "
        "lower for joint.",
    ),
    Claim(
        3,
        "Pruning everything at once costs less at equal accuracy, by up to 15 %.",
        "cost_at_equal_accuracy",
        "average MACs at equal accuracy",
        comparisons.cost,
        "less",
        "percent",
        "The average MACs per image at {accuracies} equally spaced accuracies that both reach under the threshold sweep on test "
        "images, as a ratio; the geometric mean of these. Supported if joint costs less.",
    ),
    Claim(
        4,
        "At high accuracy the two are close.",
        "best_accuracy",
        "accuracy at the threshold that is best on validation",
        comparisons.best_threshold,
        "alike",
        "points",
        "Each takes the threshold that is most accurate on the validation images, whatever it costs; its accuracy on the test "
        "images. Supported if alike within {margin} percentage points, by two one-sided tests; contradicted if beyond them.",
    ),
    Claim(
        5,
        "Pruning everything at once is better in general (the abstract).",
        "accuracy_within_budget",
        "accuracy within half the MACs",
        comparisons.within_budget,
        "more",
        "points",
        "Each takes the threshold that is most accurate on the validation images within one budget of average MACs: half of what "
        "the cheaper of the two takes when nobody leaves early. Supported if joint is more accurate on the test images.",
    ),
)


def rule_in_words(claim: Claim, evaluate: Evaluate) -> str:
    """The rule with its numbers."""
    return claim.rule.format(margin=f"{100 * evaluate.margin:g}", accuracies=NUM_ACCURACIES)


def evidence(wanted: Wanted, difference: Crossed, margin: float) -> tuple[Any, Any]:
    """What speaks for a verdict: the p-value of the side that the difference is on, and whether that side is the claim's."""
    if wanted == "alike":
        alike, unlike = difference.p_alike(margin), difference.p_unlike(margin)
        return np.minimum(alike, unlike), alike < unlike
    return difference.p_different, difference.mean > 0 if wanted == "more" else difference.mean < 0


def holm(p_values: Floats) -> Floats:
    """P-values corrected for their number, so that the chance of any wrong verdict among them is kept.

    Args:
        p_values: (..., C) of the claims of a study; NaN, of what was not tested, stay and do not count.
    """
    order = np.argsort(p_values, axis=-1)  # NaN come last
    ranked = np.take_along_axis(p_values, order, axis=-1)
    left = np.isfinite(ranked).sum(-1, keepdims=True) - np.arange(ranked.shape[-1])
    corrected = np.empty_like(ranked)
    np.put_along_axis(corrected, order, np.minimum(1, np.maximum.accumulate(ranked * left, axis=-1)), axis=-1)
    return corrected


def judge(runs: Mapping[tuple[str, int, str], Network], evaluate: Evaluate) -> pd.DataFrame:
    """Verdicts on all claims, of `joint` against every other recipe, in each state after pruning.

    Args:
        runs: by recipe, seed and state.
        evaluate: confidence of the intervals, and margin of likeness.

    Returns:
        A row per other recipe (the poster's first), state and claim: see `_row`; then the p-value corrected, the verdict, and the
        verdict in words with how sure it is.
    """
    others = others_of(dict.fromkeys(recipe for recipe, _, _ in runs))
    states = [state for state in dict.fromkeys(state for _, _, state in runs) if state != "unpruned"]
    rows = []
    for against in others or [POSTERS[0]]:
        for state in states:
            family = [_row(claim, against, state, runs, evaluate) for claim in CLAIMS]
            is_primary = (against, state) == POSTERS
            p_values = [float(row["p"]) for row in family]
            corrected = holm(np.array(p_values)).tolist() if is_primary else p_values
            tested = sum(map(math.isfinite, p_values))
            for row, p_corrected in zip(family, corrected, strict=True):
                verdict = verdict_of(row, p_corrected, 1 - evaluate.confidence_level)
                words = in_words(verdict, int(row["num_seeds"]), evaluate.confidence_level, tested if is_primary else 0)
                role = PRIMARY if is_primary else EXPLORATORY
                rows.append({**row, "role": role, "p_corrected": p_corrected, "verdict": verdict, "in_words": words})
    return pd.DataFrame(rows)


def verdict_of(row: Mapping[str, Any], p_value: float, level: float) -> str:
    """What a p-value, corrected or not, says of a claim at a level of error."""
    if not row["num_seeds"] or math.isnan(row["difference"]):
        return UNTESTED
    if row["num_seeds"] < 2:
        return ONE_SEED
    if math.isnan(p_value):
        return NO_SPREAD
    return (SUPPORTED if row["supports"] else CONTRADICTED) if p_value <= level else OPEN


def in_words(verdict: str, num_seeds: int, confidence: float, num_claims: int) -> str:
    """A verdict with how sure it is; `num_claims` it was corrected for, 0: exploratory."""
    if verdict in (UNTESTED, ONE_SEED):
        return verdict
    level = f" at {100 * confidence:g} % confidence" if verdict in (*DECIDED, OPEN) else ""
    role = f"corrected for {num_claims} claims" if num_claims else EXPLORATORY
    return f"{verdict}{level}, {num_seeds} seeds, {role}"


def _row(
    claim: Claim, against: str, state: str, runs: Mapping[tuple[str, int, str], Network], evaluate: Evaluate
) -> dict[str, Any]:
    """One comparison: the two means, their difference with its interval, and what that rests on; NaN where it cannot be told."""
    pairs = [
        claim.quantity(runs[FIRST, seed, state], runs[against, seed, state])
        for recipe, seed, at in runs
        if recipe == FIRST and at == state and (against, seed, state) in runs
    ]
    found = [pair for pair in pairs if pair is not None]
    row = {"claim": claim.number, "against": against, "state": state, "measure": claim.name, "label": claim.label}
    row |= {"unit": claim.unit}
    if len(found) < max(1, len(pairs)):  # not of every seed: a mean would be of others
        nothing = dict.fromkeys(("joint", "other", "joint_macs", "other_macs", "difference", *NUMBERS), math.nan)
        return {**row, **nothing, "num_seeds": len(pairs), "supports": False}
    return {**row, **_means(found), **_told(claim, found, evaluate)}


NUMBERS = ("low", "high", "std_seeds", "std_images", "std_rest", "freedom", "p")


def _means(found: list[Compared]) -> dict[str, float]:
    values, macs = np.array([pair.values for pair in found]), np.array([pair.macs for pair in found])
    return dict(zip(("joint", "other", "joint_macs", "other_macs"), [*values.mean(0), *macs.mean(0)], strict=True))


def _told(claim: Claim, found: list[Compared], evaluate: Evaluate) -> dict[str, Any]:
    difference = crossed(np.array([pair.differences for pair in found]))
    p_value, supports = evidence(claim.wanted, difference, evaluate.margin)
    low, high = difference.interval(evaluate.confidence_level)
    as_told = np.expm1 if claim.unit == "percent" else np.positive  # of a ratio, which was compared by its logarithm
    numbers = [as_told(low), as_told(high), difference.seeds, difference.images, difference.rest]
    return {
        "difference": float(as_told(difference.mean)),
        **dict(zip(NUMBERS, map(float, [*numbers, difference.freedom, p_value]), strict=True)),
        "num_seeds": difference.num_seeds,
        "supports": bool(supports),
    }
