"""The three claims of the paper, and the rule by which each gets a verdict.

A rule looks at differences joint minus sequential (of either kind, see `READINGS`), paired by seed, with Student's t interval:
the interval decides, never the mean alone. One seed has no interval and gives no verdict; neither do seeds that all give the
same difference, since a spread of zero is not certainty. The words of a rule are printed in the report beside its verdict.

Source of the claims: Görmez and Koyuncu 2022, arXiv:2207.03644.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import pandas as pd

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation.statistics import Difference, paired_difference
from exitprune.evaluation.tradeoff import NUM_BUDGETS

SUPPORTED, CONTRADICTED = "supported", "contradicted"
OPEN, UNTESTED = "not distinguishable", "not tested"
ONE_SEED, NO_SPREAD = "one seed: no verdict", "no spread over seeds: no verdict"
DECIDED = (SUPPORTED, CONTRADICTED)
READINGS = {"sequential": "equal rounds", "sequential_half": "equal epochs"}
"""Orders that joint is held against, and what both have the same number of; the paper's is the first."""


def is_positive(difference: Difference, margin: float) -> str:
    """Supported by an interval wholly above 0, contradicted by one wholly below."""
    if difference.low > 0:
        return SUPPORTED
    return CONTRADICTED if difference.high < 0 else OPEN


def is_negative(difference: Difference, margin: float) -> str:
    """Supported by an interval wholly below 0, contradicted by one wholly above."""
    if difference.high < 0:
        return SUPPORTED
    return CONTRADICTED if difference.low > 0 else OPEN


def is_alike(difference: Difference, margin: float) -> str:
    """Supported by an interval wholly within the margin on both sides of 0, contradicted by one wholly outside."""
    if -margin <= difference.low and difference.high <= margin:
        return SUPPORTED
    return CONTRADICTED if difference.low > margin or difference.high < -margin else OPEN


def verdict_of(rule: Callable[[Difference, float], str], difference: Difference, margin: float) -> str:
    """What a rule says of a difference, if there is an interval for it to decide by."""
    if difference.num < 2:
        return ONE_SEED
    return NO_SPREAD if math.isnan(difference.low) else rule(difference, margin)


def in_words(verdict: str, num_seeds: int, confidence: float) -> str:
    """A verdict with how sure it is: `supported at 95 % confidence, 3 seeds`."""
    if verdict in (UNTESTED, ONE_SEED):
        return verdict
    sure = f" at {100 * confidence:g} % confidence" if verdict in (*DECIDED, OPEN) else ""
    return f"{verdict}{sure}, {num_seeds} seeds"


@dataclass(frozen=True)
class Part:
    """One difference that a claim rests on."""

    measure: str
    """A column of the measures, by its name."""
    label: str
    decide: Callable[[Difference, float], str]


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper and the rule that judges it."""

    number: int
    title: str
    rule: str
    parts: tuple[Part, ...]


CLAIMS = (
    Claim(
        1,
        "Pruning everything at once (joint) is the better strategy in general.",
        "For each seed, the accuracy of both recipes under the threshold sweep on the test images is compared at {budgets} "
        "equally spaced budgets of average MACs, over the range that all recipes reach with every seed, and the differences "
        "joint minus sequential are averaged with equal weights. Supported if the {confidence} % interval over seeds is wholly "
        "above 0, contradicted if wholly below, else not distinguishable.",
        (Part("tradeoff_accuracy", "accuracy over the common range of average MACs", is_positive),),
    ),
    Claim(
        2,
        "At high accuracy the two recipes perform about the same.",
        "For each seed and recipe, the threshold with the best accuracy on the validation images is chosen, and its accuracy on "
        "the test images counts. Supported if the {confidence} % interval of the difference joint minus sequential lies within "
        "0 ± {margin} percentage points, contradicted if it lies wholly outside, else not distinguishable.",
        (Part("best_accuracy", "accuracy at the threshold that is best on validation", is_alike),),
    ),
    Claim(
        3,
        "Pruning separately (sequential) leaves sparser exit weights, hence worse early exits.",
        "Two parts: the sparsity of the exit heads' weights, where the {confidence} % interval of joint minus sequential must be "
        "wholly below 0, and the mean accuracy of the early exits on the test images (the classifier left out), where it must be "
        "wholly above 0. Supported if both parts are, contradicted if one of them is contradicted (its interval wholly on "
        "the other side of 0), else not distinguishable. That the first causes the second is not tested.",
        (
            Part("sparsity_exits", "sparsity of the exit heads", is_negative),
            Part("early_exits_accuracy", "mean accuracy of the early exits", is_positive),
        ),
    ),
)


def rule_in_words(claim: Claim, evaluate: Evaluate) -> str:
    """The rule with its numbers."""
    confidence, margin = f"{100 * evaluate.confidence_level:g}", f"{100 * evaluate.margin:g}"
    return claim.rule.format(confidence=confidence, margin=margin, budgets=NUM_BUDGETS)


def judge(measures: pd.DataFrame, evaluate: Evaluate) -> pd.DataFrame:
    """Verdicts on all claims, in each state the networks were measured in.

    Args:
        measures: recipe, seed, state, measure, value.
        evaluate: confidence of the intervals and margin of likeness.

    Returns:
        One row per recipe that joint is held against (`sequential` if none did), claim, state and part: the two means, their
        difference with its interval, the verdict of the part and that of the claim, and the latter in words with how sure it is.
    """
    rows = []
    compared = [recipe for recipe in READINGS if recipe in set(measures["recipe"])] or ["sequential"]
    for against, state in product(compared, [state for state in measures["state"].unique() if state != "unpruned"]):
        there = measures[measures["state"] == state]
        for claim in CLAIMS:
            parts = [_judge_part(part, against, there, evaluate) for part in claim.parts]
            verdict = together([str(part["part_verdict"]) for part in parts])
            words = in_words(verdict, min(int(part["num_seeds"]) for part in parts), evaluate.confidence_level)
            about = {"claim": claim.number, "against": against, "state": state, "verdict": verdict, "in_words": words}
            rows += [{**about, **part} for part in parts]
    return pd.DataFrame(rows)


def together(verdicts: list[str]) -> str:
    """Of the parts of a claim: all must be supported, and one that is contradicted contradicts the claim."""
    for verdict in (UNTESTED, CONTRADICTED, ONE_SEED, NO_SPREAD):
        if verdict in verdicts:
            return verdict
    return SUPPORTED if set(verdicts) == {SUPPORTED} else OPEN


def _judge_part(part: Part, against: str, measures: pd.DataFrame, evaluate: Evaluate) -> dict[str, float | str]:
    values = measures[measures["measure"] == part.measure].pivot(index="seed", columns="recipe", values="value")
    row: dict[str, float | str] = {"measure": part.measure, "label": part.label}
    nothing = dict.fromkeys(("joint", "sequential", "difference", "std", "low", "high", "half_width"), math.nan)
    if not {"joint", against} <= set(values.columns) or values[["joint", against]].isna().any(axis=None):
        return {**row, **nothing, "num_seeds": len(values), "part_verdict": UNTESTED}
    joint, sequential = values["joint"].to_numpy(float), values[against].to_numpy(float)
    if not (joint.any() or sequential.any()):  # such as heads that nothing prunes
        return {**row, **nothing, "num_seeds": len(values), "part_verdict": UNTESTED}
    difference = paired_difference(joint, sequential, evaluate.confidence_level)
    return {
        **row,
        "joint": float(joint.mean()),
        "sequential": float(sequential.mean()),
        "difference": difference.mean,
        "std": difference.std,
        "low": difference.low,
        "high": difference.high,
        "half_width": difference.half_width,
        "num_seeds": difference.num,
        "part_verdict": verdict_of(part.decide, difference, evaluate.margin),
    }
