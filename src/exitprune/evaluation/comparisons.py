"""One quantity of two networks of a seed, and how it hangs on the test images: what claims are judged by.

A quantity gives its two values, and its difference on each of `NUM_GROUPS` groups of test images. Where it is a mean over
images these are the groups' own; where it is not, as a cost at equal accuracy, they are the jackknife's pseudo-values: how much
the whole changes without a group. Groups are images that stand together in the file: neighbours may be of one writer or scene.

Letters: E exits, N test images, T thresholds, G groups.

Source of the jackknife: Tukey 1958, doi:10.1214/aoms/1177706647.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from exitprune.evaluation.equal_accuracy import common_accuracies, cost_at
from exitprune.evaluation.exiting import Sweep, sweep_outcomes
from exitprune.evaluation.operating_points import Rule, choose
from exitprune.evaluation.outcome import exits_taken
from exitprune.evaluation.records import Outcomes
from exitprune.evaluation.statistics import Floats

NUM_GROUPS = 20
SHARE = 0.5
"""Of the MACs that the cheaper of two networks takes when nobody leaves early: the budget within which both are compared."""
NUM_THRESHOLDS = 1000
"""At most so many of a sweep are tried on the images without a group."""


@dataclass(frozen=True)
class Network:
    """What a network did with the images: validation to choose by, test to report."""

    validation: Outcomes
    test: Outcomes

    @cached_property
    def chosen_on(self) -> Sweep:
        """The sweep of validation images."""
        return sweep_outcomes(self.validation)

    @cached_property
    def swept(self) -> tuple[Floats, Floats]:
        """Accuracy and average MACs of the test images at every threshold: all, then all but each group; (1 + G, T) each."""
        whole = sweep_outcomes(self.test)
        step = -(-len(whole.threshold) // NUM_THRESHOLDS)
        rows = np.unique(np.append(np.arange(0, len(whole.threshold), step), len(whole.threshold) - 1))
        correct, macs = [whole.num_correct[rows]], [whole.total_macs[rows]]
        sizes = [whole.num_images]
        for images in _groups(whole.num_images):
            part = sweep_outcomes(_of_images(self.test, images))
            place = np.searchsorted(-part.threshold, -whole.threshold[rows])
            correct.append(correct[0] - part.num_correct[place])
            macs.append(macs[0] - part.total_macs[place])
            sizes.append(whole.num_images - len(images))
        return tuple(np.array(of) / np.array(sizes)[:, None] for of in (correct, macs))

    def correct_at(self, threshold: float) -> tuple[Floats, float]:
        """Whether each test image is answered right, (N,), and the average MACs."""
        exits = exits_taken(self.test, threshold)
        images = np.arange(len(exits))
        macs = np.broadcast_to(self.test.macs, self.test.confidence.shape)
        return self.test.correct[exits, images].astype(float), float(macs[exits, images].mean())


@dataclass(frozen=True)
class Compared:
    """A quantity of two networks of a seed.

    Attributes:
        values: of the first and the second.
        differences: (G,) first minus second on each group of test images; of costs, of their logarithms.
        macs: average MACs at which both were looked at, where a threshold was chosen or all images leave at one exit.
    """

    values: tuple[float, float]
    differences: Floats
    macs: tuple[float, float] = (np.nan, np.nan)


Quantity = Callable[[Network, Network], Compared | None]
"""None: these two networks have no such thing, as no accuracy in common."""


def early_exits(first: Network, second: Network) -> Compared | None:
    """Mean accuracy of all exits but the last."""
    if len(first.test.correct) < 2:
        return None
    means = [one.test.correct[:-1].mean(0) for one in (first, second)]
    return _means(means[0], means[1])


def deepest_exit(first: Network, second: Network) -> Compared:
    """Accuracy of the last exit, which is the network's own classifier."""
    macs = (float(first.test.macs[-1].mean()), float(second.test.macs[-1].mean()))
    return _means(first.test.correct[-1].astype(float), second.test.correct[-1].astype(float), macs)


def cost(first: Network, second: Network) -> Compared | None:
    """Average MACs at equal accuracy: geometric mean over the accuracies that both reach."""
    (accuracies, macs), (other_accuracies, other_macs) = first.swept, second.swept
    wanted = common_accuracies([(macs[0], accuracies[0]), (other_macs[0], other_accuracies[0])])
    if wanted is None:
        return None
    logs, other_logs = (
        np.log([cost_at(*pair, wanted) for pair in zip(*of, strict=True)])  # (1 + G, A)
        for of in ((macs, accuracies), (other_macs, other_accuracies))
    )
    each = logs - other_logs
    if np.isnan(each).all(axis=1).any():  # without one group nothing is left in common
        return None
    values = float(np.exp(logs[0].mean())), float(np.exp(other_logs[0].mean()))
    return Compared(values, _pseudo_values(float(each[0].mean()), np.nanmean(each[1:], axis=1)))


def best_threshold(first: Network, second: Network) -> Compared:
    """Test accuracy at the threshold that is best on validation images, whatever it costs."""
    found = _at_best(first, second, (1.0, 1.0))
    assert found is not None  # nobody leaving early costs no more than that
    return found


def within_budget(first: Network, second: Network) -> Compared | None:
    """Test accuracy at the threshold that is best on validation images within one budget for both."""
    alone = [one.chosen_on.average_macs[0] for one in (first, second)]
    if not min(alone):  # nothing is left that costs anything
        return None
    budget = SHARE * min(alone)
    return _at_best(first, second, (budget / alone[0], budget / alone[1]))


def _at_best(first: Network, second: Network, shares: tuple[float, float]) -> Compared | None:
    right: list[Floats] = []
    macs: list[float] = []
    for one, share in zip((first, second), shares, strict=True):
        threshold = choose(one.chosen_on, Rule("macs_share", share))
        if threshold is None:
            return None
        is_right, average = one.correct_at(threshold)
        right.append(is_right)
        macs.append(average)
    return _means(right[0], right[1], (macs[0], macs[1]))


def _means(first: Floats, second: Floats, macs: tuple[float, float] = (np.nan, np.nan)) -> Compared:
    """Of a value per test image, (N,) each."""
    each = first - second
    without = np.array([(each.sum() - each[part].sum()) / (len(each) - len(part)) for part in _groups(len(each))])
    return Compared((float(first.mean()), float(second.mean())), _pseudo_values(float(each.mean()), without), macs)


def _pseudo_values(whole: float, without: Floats) -> Floats:
    """What each group says, from all and from all but that group; their mean is what all say."""
    found: Floats = len(without) * whole - (len(without) - 1) * without
    found += whole - found.mean()
    return found


def _groups(num_images: int) -> list[npt.NDArray[np.int64]]:
    return np.array_split(np.arange(num_images), min(NUM_GROUPS, max(num_images // 2, 2)))  # no group is everybody


def _of_images(outcomes: Outcomes, images: npt.NDArray[np.int64]) -> Outcomes:
    macs = outcomes.macs if outcomes.macs.shape[1] == 1 else outcomes.macs[:, images]
    return Outcomes(outcomes.confidence[:, images], outcomes.correct[:, images], macs)
