"""Operating points: thresholds worth using, chosen on validation by a rule and reported on test.

Works on logits and the cost of each exit. A rule that no threshold keeps has no operating point.

Letters: E exits, N images, K classes, T thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from exitprune.evaluation.exiting import Sweep, outcomes_of, sweep
from exitprune.evaluation.outcome import Outcome, midway, outcome_of

if TYPE_CHECKING:
    from torch import Tensor

Limit = Literal["accuracy_lost", "macs_share", "milliseconds", "threshold"]


@dataclass(frozen=True)
class Rule:
    """What an operating point must keep on validation.

    `accuracy_lost`: give up at most so much accuracy (a fraction) against nobody leaving early, as cheaply as possible.
    `macs_share`: spend at most this share of the MACs that nobody leaving early takes, as accurately as possible.
    `milliseconds`: take at most so many on average, or in the given percentage of the images, as accurately as possible.
    `threshold`: this one, which was chosen elsewhere.

    Attributes:
        limit, value: what.
        percentage: of the images that must keep a limit in milliseconds, each for itself; None: their average must.
    """

    limit: Limit
    value: float
    percentage: float | None = None

    @property
    def name(self) -> str:
        """Such as `accuracy_lost=0.01`: no character that a shell would take for itself."""
        what = self.limit if self.percentage is None else f"{self.limit}-of-{self.percentage:g}-percent"
        return f"{what}={self.value:g}"


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold, the rule it was chosen by on validation, and what it gives there and on test."""

    rule: str
    threshold: float
    validation: Outcome
    test: Outcome


@dataclass(frozen=True)
class Costs:
    """What leaving at each exit costs.

    Attributes:
        macs: (E, 1) where every image costs the same, (E, N) where it depends on the image.
        milliseconds: per image and exit, E, where they were measured.
    """

    macs: Tensor
    milliseconds: Sequence[float] | None = None


def choose(curve: Sweep, rule: Rule, costs: Costs | None = None) -> float | None:
    """The threshold that keeps a rule best; None if none keeps it.

    Of equally good thresholds the cheaper, and then the highest, is taken.

    Args:
        curve: the sweep of validation images; its first row is nobody leaving early.
        rule: what to keep.
        costs: of each exit, for a rule about milliseconds.

    Raises:
        ValueError: if the rule is about milliseconds and none were measured.
    """
    if rule.limit == "threshold":
        return rule.value
    milliseconds = None if costs is None else costs.milliseconds
    if rule.limit == "milliseconds" and milliseconds is None:
        raise ValueError("a limit in milliseconds needs the measured milliseconds of every exit")
    cost: npt.NDArray[np.float64] = curve.average_macs
    if rule.limit == "milliseconds" and milliseconds is not None:
        cost = curve.exit_rate @ np.asarray(milliseconds)
    wrong, strict_first = -curve.num_correct.astype(np.float64), -curve.threshold.astype(np.float64)
    if rule.limit == "accuracy_lost":
        lost = curve.num_correct[0] - curve.num_correct
        keeps = lost <= rule.value * curve.num_images + 1e-9  # whole images; 0.29 x 100 is a little below 29
        keys = (strict_first, wrong, cost)
    elif rule.percentage is not None and milliseconds is not None:
        late = curve.num_leaving[:, np.asarray(milliseconds) > rule.value].sum(axis=1)
        keeps = late <= (1 - rule.percentage / 100) * curve.num_images + 1e-9
        keys = (strict_first, cost, wrong)
    else:
        keeps = cost <= (rule.value if rule.limit == "milliseconds" else rule.value * curve.average_macs[0])
        keys = (strict_first, cost, wrong)
    best_first = np.lexsort(keys)
    allowed = best_first[keeps[best_first]]
    if not len(allowed):
        return None
    row = int(allowed[0])
    return midway(curve.threshold[row], curve.threshold[row - 1]) if row else float(curve.threshold[0])


def outcome(logits: Tensor, labels: Tensor, costs: Costs, threshold: float) -> Outcome:
    """What a threshold gives.

    Args:
        logits: (E, N, K).
        labels: (N,).
        costs: of these images.
        threshold: an image leaves where its confidence exceeds it.
    """
    return outcome_of(outcomes_of(logits, labels, costs.macs), threshold, costs.milliseconds)


def operating_points(
    rules: Sequence[Rule],
    validation: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    costs: Costs,
    test_costs: Costs | None = None,
) -> list[OperatingPoint]:
    """One for each rule that some threshold keeps on validation.

    Args:
        rules: what to keep.
        validation, test: logits (E, N, K) and labels (N,); test chooses nothing.
        costs: of the validation images.
        test_costs: of the test images; None: the same, as where every image costs the same.
    """
    curve = sweep(*validation, costs.macs)
    chosen = [(rule, choose(curve, rule, costs)) for rule in rules]
    return [
        OperatingPoint(
            rule.name,
            threshold,
            outcome(*validation, costs, threshold),
            outcome(*test, test_costs or costs, threshold),
        )
        for rule, threshold in chosen
        if threshold is not None
    ]
